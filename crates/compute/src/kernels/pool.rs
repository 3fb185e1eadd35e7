//! Threads, started once at load: running a layer starts none.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
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
    /// The number of jobs there were, in units of [`JOB`]; whether workers may still [`enter`](Self::enter) the last one
    /// ([`OPEN`]); how many are [`INSIDE`].
    door: AtomicU64,
    job: UnsafeCell<Option<ErasedTask>>,
    tasks: AtomicUsize,
    /// The next task to be taken.
    next: AtomicUsize,
    sleeping: Vec<AtomicBool>,
    /// Whether the caller sleeps until the last worker is out.
    waited_for: AtomicBool,
    asleep: Mutex<()>,
    all_out: Condvar,
    failed: AtomicBool,
    stop: AtomicBool,
}

/// `work(task, thread)`.
type TaskFn = dyn Fn(usize, usize) + Sync;

/// Workers in the job: what is left of the door below [`OPEN`].
const INSIDE: u64 = OPEN - 1;
const OPEN: u64 = 1 << 16;
const JOB: u64 = OPEN << 1;

/// The closure of the running job, its lifetime erased; `Pool::run` outlives every use.
#[derive(Clone, Copy, Debug)]
struct ErasedTask(*const TaskFn);

// SAFETY: the closure is `Sync`, and `job` is written only while no worker is inside, and none can enter.
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
            door: AtomicU64::new(0),
            job: UnsafeCell::new(None),
            tasks: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            sleeping: (0..others).map(|_| AtomicBool::new(false)).collect(),
            waited_for: AtomicBool::new(false),
            asleep: Mutex::new(()),
            all_out: Condvar::new(),
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
    /// A worker that the system lets wait, as others want its core, is not waited for: the rest do what it does not come to.
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
        // SAFETY: only the lifetime changes. No worker is inside (the previous `run` returned after the last was out), and
        // none enters before the door is opened below; this call does not return before it is shut and all are out.
        unsafe {
            let erased: *const TaskFn = std::mem::transmute(std::ptr::from_ref(work));
            *state.job.get() = Some(ErasedTask(erased));
        }
        state.tasks.store(tasks, Ordering::Relaxed);
        state.next.store(0, Ordering::Relaxed);
        state.door.fetch_add(JOB | OPEN, Ordering::Release);
        // Beside the one in `wait_for_job`: either this thread sees that a worker sleeps, or the worker sees the job.
        // Ordered by a fence, as emulators do not keep a sequentially consistent load behind such a store.
        fence(Ordering::SeqCst);
        for (worker, sleeping) in self.wake.iter().zip(&state.sleeping) {
            if sleeping.load(Ordering::Relaxed) {
                worker.unpark();
            }
        }
        state.take_tasks(work, 0);
        state.door.fetch_and(!OPEN, Ordering::Relaxed);
        state.wait_until_out();
        assert!(
            !state.failed.swap(false, Ordering::Relaxed),
            "a computing task panicked"
        );
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        self.state.door.fetch_add(JOB, Ordering::SeqCst);
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
            if !self.enter(seen) {
                continue;
            }
            // SAFETY: it was set before the door was opened, and stays valid until this worker is out.
            if let Some(ErasedTask(work)) = unsafe { *self.job.get() } {
                // SAFETY: as above.
                self.take_tasks(unsafe { &*work }, number + 1);
            }
            self.leave();
        }
    }

    /// The number of the newest job, once it is another than the one that was seen last.
    fn wait_for_job(&self, seen: u64, number: usize) -> u64 {
        let newest = || self.door.load(Ordering::Relaxed) / JOB;
        for _ in 0..SPINS {
            if newest() != seen {
                return newest();
            }
            std::hint::spin_loop();
        }
        self.sleeping[number].store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        while newest() == seen {
            std::thread::park();
        }
        self.sleeping[number].store(false, Ordering::Relaxed);
        newest()
    }

    /// Into that job, if it is not over: who comes late has nothing to do.
    fn enter(&self, job: u64) -> bool {
        let in_time = |door: u64| (door & OPEN != 0 && door / JOB == job).then_some(door + 1);
        let entered = self
            .door
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, in_time);
        entered.is_ok()
    }

    fn leave(&self) {
        let was = self.door.fetch_sub(1, Ordering::Release);
        if was & INSIDE != 1 {
            return;
        }
        // Beside the one in `wait_until_out`: either this thread sees that the caller sleeps, or the caller that all are out.
        fence(Ordering::SeqCst);
        if self.waited_for.load(Ordering::Relaxed) {
            drop(self.asleep.lock());
            self.all_out.notify_one();
        }
    }

    /// Until no worker is inside; the door is shut. A worker may be in a long task, and its core taken by others: so not at the
    /// cost of a core, which it could go on with.
    fn wait_until_out(&self) {
        let inside = || self.door.load(Ordering::Acquire) & INSIDE != 0;
        for _ in 0..SPINS {
            if !inside() {
                return;
            }
            std::hint::spin_loop();
        }
        self.waited_for.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let mut asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        while inside() {
            let woken = self.all_out.wait(asleep);
            asleep = woken.unwrap_or_else(PoisonError::into_inner);
        }
        self.waited_for.store(false, Ordering::Relaxed);
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

    #[test]
    fn a_worker_that_does_not_come_is_not_waited_for() {
        let (let_go, kept) = std::sync::mpsc::channel::<()>();
        let kept = Arc::new(Mutex::new(kept));
        let pool = Pool::with_start(2, move |_| {
            let _ = kept.lock().unwrap().recv();
        })
        .unwrap();
        for _ in 0..3 {
            let by_worker = AtomicUsize::new(0);
            pool.run(64, &|_, thread| {
                by_worker.fetch_add(thread, Ordering::Relaxed);
            });
            assert_eq!(by_worker.into_inner(), 0);
        }
        drop(let_go);
        // It has missed three jobs, and comes to one of these.
        let came = AtomicBool::new(false);
        while !came.load(Ordering::Relaxed) {
            pool.run(64, &|_, thread| {
                came.fetch_or(thread == 1, Ordering::Relaxed);
            });
        }
    }

    #[test]
    fn a_long_task_of_another_is_waited_for() {
        let pool = Pool::new(2).unwrap();
        for _ in 0..5 {
            let (begun, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
            pool.run(2, &|_, thread| {
                begun.fetch_add(1, Ordering::SeqCst);
                // Each takes one.
                while begun.load(Ordering::SeqCst) < 2 {
                    std::thread::yield_now();
                }
                if thread == 1 {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
                done.fetch_add(1, Ordering::SeqCst);
            });
            assert_eq!(done.into_inner(), 2);
        }
    }
}
