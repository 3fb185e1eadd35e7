//! Threads, started once at load: running a layer starts none.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, Thread};

/// A fixed set of threads; the caller is one of them.
#[derive(Debug)]
pub struct Pool {
    state: Arc<PoolState>,
    workers: Vec<JoinHandle<()>>,
    /// Handles to wake the workers by, taken once.
    wake: Vec<Thread>,
    /// One job at a time.
    turn: Mutex<()>,
}

#[derive(Debug)]
struct PoolState {
    /// Counts jobs; a worker runs one each time it changes.
    epoch: AtomicUsize,
    job: UnsafeCell<Option<ErasedTask>>,
    tasks: AtomicUsize,
    /// The next task to be taken.
    next: AtomicUsize,
    /// Workers that have not finished this job.
    busy: AtomicUsize,
    sleeping: Vec<AtomicBool>,
    failed: AtomicBool,
    stop: AtomicBool,
}

/// `work(task, thread)`.
type TaskFn = dyn Fn(usize, usize) + Sync;

/// The closure of the running job, its lifetime erased; `Pool::run` outlives every use.
#[derive(Clone, Copy, Debug)]
struct ErasedTask(*const TaskFn);

// SAFETY: the closure is `Sync`, and `job` is written only while no worker reads it (between jobs).
unsafe impl Sync for PoolState {}
// SAFETY: as above.
unsafe impl Send for PoolState {}

/// Turns of a waiting loop before a thread sleeps: some tens of microseconds, longer than the gaps between layers.
const SPINS: usize = 2_000;

impl Pool {
    /// Exactly `threads` threads, the caller of [`Pool::run`] among them.
    ///
    /// # Errors
    /// The system refused a thread.
    pub fn new(threads: usize) -> std::io::Result<Self> {
        Self::with_start(threads, |_| ())
    }

    /// As [`Pool::new`]; each thread the pool starts calls `start` first, with its number (from 1).
    ///
    /// # Errors
    /// As [`Pool::new`].
    pub fn with_start(
        threads: usize,
        start: impl Fn(usize) + Clone + Send + 'static,
    ) -> std::io::Result<Self> {
        let others = threads.max(1) - 1;
        let state = Arc::new(PoolState {
            epoch: AtomicUsize::new(0),
            job: UnsafeCell::new(None),
            tasks: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            sleeping: (0..others).map(|_| AtomicBool::new(false)).collect(),
            failed: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let mut pool = Self {
            state,
            workers: Vec::new(),
            wake: Vec::new(),
            turn: Mutex::new(()),
        };
        for number in 0..others {
            let (state, start) = (pool.state.clone(), start.clone());
            let worker = std::thread::Builder::new()
                .name(format!("compute-{}", number + 1))
                .spawn(move || {
                    start(number + 1);
                    state.work_on(number);
                })?;
            pool.wake.push(worker.thread().clone());
            pool.workers.push(worker);
        }
        Ok(pool)
    }

    /// Number of threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `work(task, thread)` once for each task, `thread` in `0..threads()`; back when all are done.
    ///
    /// # Panics
    /// If `work` does, after all threads have come to rest.
    pub fn run(&self, tasks: usize, work: &(dyn Fn(usize, usize) + Sync)) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.workers.is_empty() || tasks <= 1 {
            (0..tasks).for_each(|task| work(task, 0));
            return;
        }
        let state = &*self.state;
        // SAFETY: only the lifetime changes. All workers have left the previous job (`busy` was 0 when its `run`
        // returned) and read `job` only after the epoch below; this call does not return before they left this one.
        unsafe {
            let erased: *const TaskFn = std::mem::transmute(std::ptr::from_ref(work));
            *state.job.get() = Some(ErasedTask(erased));
        }
        state.tasks.store(tasks, Ordering::Relaxed);
        state.next.store(0, Ordering::Relaxed);
        state.busy.store(self.workers.len(), Ordering::Relaxed);
        state.epoch.fetch_add(1, Ordering::Release);
        // Beside the one in `wait_for_job`: either this thread sees that a worker sleeps, or the worker sees the job.
        // Ordered by a fence, as emulators do not keep a sequentially consistent load behind such a store.
        fence(Ordering::SeqCst);
        for (worker, sleeping) in self.wake.iter().zip(&state.sleeping) {
            if sleeping.load(Ordering::Relaxed) {
                worker.unpark();
            }
        }
        state.take_tasks(work, 0);
        let mut spins = 0;
        while state.busy.load(Ordering::Acquire) != 0 {
            spins += 1;
            if spins < SPINS {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
        assert!(
            !state.failed.swap(false, Ordering::Relaxed),
            "a computing task panicked"
        );
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        self.state.epoch.fetch_add(1, Ordering::SeqCst);
        for worker in &self.wake {
            worker.unpark();
        }
        for worker in self.workers.drain(..) {
            // A worker's panics are caught and reported by `run`.
            let _ = worker.join();
        }
    }
}

impl PoolState {
    fn work_on(&self, number: usize) {
        let mut seen = 0;
        loop {
            seen = self.wait_for_job(seen, number);
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            // SAFETY: the epoch changed, so the job is set, and stays valid until `busy` is counted down below.
            if let Some(ErasedTask(work)) = unsafe { *self.job.get() } {
                // SAFETY: as above.
                self.take_tasks(unsafe { &*work }, number + 1);
            }
            self.busy.fetch_sub(1, Ordering::Release);
        }
    }

    fn wait_for_job(&self, seen: usize, number: usize) -> usize {
        for _ in 0..SPINS {
            let epoch = self.epoch.load(Ordering::Acquire);
            if epoch != seen {
                return epoch;
            }
            std::hint::spin_loop();
        }
        self.sleeping[number].store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let epoch = loop {
            let epoch = self.epoch.load(Ordering::Acquire);
            if epoch != seen {
                break epoch;
            }
            std::thread::park();
        };
        self.sleeping[number].store(false, Ordering::Relaxed);
        epoch
    }

    /// Takes tasks until none is left. After a panic, here or elsewhere, the rest is dropped.
    fn take_tasks(&self, work: &(dyn Fn(usize, usize) + Sync), thread: usize) {
        let tasks = self.tasks.load(Ordering::Relaxed);
        let done = catch_unwind(AssertUnwindSafe(|| {
            loop {
                let task = self.next.fetch_add(1, Ordering::Relaxed);
                if task >= tasks || self.failed.load(Ordering::Relaxed) {
                    return;
                }
                work(task, thread);
            }
        }));
        if done.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once_for_any_number_of_threads() {
        for threads in [1, 2, 3, 8] {
            let pool = Pool::new(threads).unwrap();
            assert_eq!(pool.threads(), threads);
            for tasks in [0, 1, 2, 7, 1000] {
                let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                pool.run(tasks, &|task, thread| {
                    assert!(thread < threads);
                    counts[task].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
        let pool = Pool::new(3).unwrap();
        for _ in 0..20 {
            let caught = catch_unwind(AssertUnwindSafe(|| {
                pool.run(100, &|task, _| assert!(task != 50, "on purpose"));
            }));
            assert!(caught.is_err());
            let sum = AtomicUsize::new(0);
            pool.run(100, &|task, _| {
                sum.fetch_add(task, Ordering::Relaxed);
            });
            assert_eq!(sum.into_inner(), 4950);
        }
    }

    #[test]
    fn sleeping_threads_wake() {
        let pool = Pool::new(2).unwrap();
        // Pauses about as long as a thread waits before it sleeps: the job and the falling asleep meet.
        for pause in (0..1500).map(|i| std::time::Duration::from_micros(i % 150)) {
            std::thread::sleep(pause);
            let sum = AtomicUsize::new(0);
            pool.run(64, &|task, _| {
                sum.fetch_add(task, Ordering::Relaxed);
            });
            assert_eq!(sum.into_inner(), 2016);
        }
    }
}
