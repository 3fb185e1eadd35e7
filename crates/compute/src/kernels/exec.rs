//! What a layer runs on: threads, and working memory made once at load, so that running it allocates nothing.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::sync::{Mutex, PoisonError};

use super::lines::{CacheLine, LINE};
use super::{Cpu, Pool};

/// What a layer runs on.
#[derive(Clone, Copy, Debug)]
pub struct Exec<'a> {
    /// Instructions to use.
    pub cpu: Cpu,
    /// Threads.
    pub pool: &'a Pool,
    /// Working memory of each thread.
    pub scratch: &'a Scratch,
}

impl Exec<'_> {
    /// Calls `work(task, scratch)` once for each task in `0..tasks`, on all threads; back when all are done. `scratch` is
    /// the running thread's own: at least `bytes` long, aligned to 64 bytes, of unspecified content.
    ///
    /// # Panics
    /// If `work` does, or if `bytes` is more than was planned at load.
    pub fn parallel(&self, tasks: usize, bytes: usize, work: impl Fn(usize, &mut [u8]) + Sync) {
        assert!(
            bytes <= self.scratch.bytes,
            "scratch of {bytes} bytes asked, {} planned",
            self.scratch.bytes
        );
        // Whatever pool runs: the memory has one user at a time.
        let turn = self.scratch.turn.lock();
        let _turn = turn.unwrap_or_else(PoisonError::into_inner);
        self.pool.run(tasks, &|task, thread| {
            // SAFETY: the pool runs at most one task at a time under each thread's number, and the turn is held, so
            // this part has no other borrower.
            let scratch = unsafe { self.scratch.part(thread) };
            work(task, &mut scratch[..bytes]);
        });
    }
}

/// One cache-line-aligned piece of memory for each thread.
#[derive(Debug)]
pub struct Scratch {
    lines: UnsafeCell<Vec<CacheLine>>,
    bytes: usize,
    threads: usize,
    /// Held by the one that runs tasks on it.
    turn: Mutex<()>,
}

// SAFETY: the content is reached through `part` alone, whose caller promises exclusiveness.
unsafe impl Sync for Scratch {}

impl Scratch {
    /// `bytes` for each of `threads` threads.
    #[must_use]
    pub fn new(threads: usize, bytes: usize) -> Self {
        let bytes = bytes.next_multiple_of(LINE);
        Self {
            lines: UnsafeCell::new(CacheLine::zeros(bytes * threads)),
            bytes,
            threads,
            turn: Mutex::new(()),
        }
    }

    /// # Safety
    /// No two borrows of one thread's part may overlap in time.
    #[allow(clippy::mut_from_ref)]
    unsafe fn part(&self, thread: usize) -> &mut [u8] {
        assert!(thread < self.threads);
        // SAFETY: the vector is never resized; parts of different threads are disjoint, of one thread exclusive by
        // the caller's promise. The pointer arithmetic stays inside the vector as `thread < threads`.
        unsafe {
            let start = (*self.lines.get()).as_mut_ptr().cast::<u8>();
            std::slice::from_raw_parts_mut(start.add(thread * self.bytes), self.bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scratch_is_aligned_and_each_threads_own() {
        let (pool, scratch) = (Pool::new(2).unwrap(), Scratch::new(2, 100));
        let exec = Exec {
            cpu: Cpu::best(),
            pool: &pool,
            scratch: &scratch,
        };
        exec.parallel(500, 100, |task, part| {
            assert_eq!((part.len(), part.as_ptr() as usize % 64), (100, 0));
            part.fill(task as u8);
            std::hint::black_box(&mut *part);
            assert!(part.iter().all(|b| *b == task as u8));
        });
    }
}
