//! Everything one worker computes with.

use super::{Arena, Cpu, Exec, Pool, Scratch};

/// Instructions, threads and memory of one worker. Memory is reserved as programs are loaded and used again for every
/// picture.
#[derive(Debug)]
pub struct Context {
    cpu: Cpu,
    pool: Pool,
    scratch: Scratch,
    scratch_bytes: usize,
    arena: Arena,
}

impl Context {
    /// Computes on exactly `threads` threads, the caller's among them.
    ///
    /// # Errors
    /// The system refused a thread.
    pub fn new(cpu: Cpu, threads: usize) -> std::io::Result<Self> {
        Ok(Self::with_pool(cpu, Pool::new(threads)?))
    }

    /// Computes on the threads of a pool.
    #[must_use]
    pub fn with_pool(cpu: Cpu, pool: Pool) -> Self {
        Self {
            cpu,
            scratch: Scratch::new(pool.threads(), 0),
            scratch_bytes: 0,
            pool,
            arena: Arena::default(),
        }
    }

    /// Makes room: `arena` bytes for values, `scratch` bytes for each thread. Does nothing if there is.
    pub fn reserve(&mut self, arena: usize, scratch: usize) {
        self.arena.reserve(arena);
        if scratch > self.scratch_bytes {
            self.scratch = Scratch::new(self.pool.threads(), scratch);
            self.scratch_bytes = scratch;
        }
    }

    /// What layers run on, and the values' memory.
    pub fn parts(&mut self) -> (Exec<'_>, &mut Arena) {
        let exec = Exec {
            cpu: self.cpu,
            pool: &self.pool,
            scratch: &self.scratch,
        };
        (exec, &mut self.arena)
    }

    /// What layers run on.
    pub fn exec(&mut self) -> Exec<'_> {
        self.parts().0
    }

    /// Instructions in use.
    #[must_use]
    pub fn cpu(&self) -> Cpu {
        self.cpu
    }

    /// Number of threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }
}
