//! What graphs compute on.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use tract_linalg::multithread::Executor;

use compute::kernels::{Context, Cpu, Pool};
use picture::sync::lock;

/// What graphs compute on: exactly so many threads, and the memory between layers. Each engine worker has its own, so
/// that workers never wait for each other; clones share it.
#[derive(Clone, Debug)]
pub struct Threads {
    count: usize,
    context: Arc<Mutex<Context>>,
    /// tract's own pool, made only for a graph that tract runs as it comes.
    executor: Arc<OnceLock<Executor>>,
}

impl Threads {
    /// Exactly `count` computing threads, the calling one among them (0 counts as 1).
    ///
    /// # Errors
    /// The system refused a thread.
    pub fn new(cpu: Cpu, count: usize) -> Result<Self, String> {
        Self::with_start(cpu, count, |_| ())
    }

    /// As [`Threads::new`]; each thread that is started calls `start` first, with its number (from 1).
    ///
    /// # Errors
    /// As [`Threads::new`].
    pub fn with_start(
        cpu: Cpu,
        count: usize,
        start: impl Fn(usize) + Clone + Send + 'static,
    ) -> Result<Self, String> {
        let count = count.max(1);
        let pool = Pool::with_start(count, start).map_err(|error| error.to_string())?;
        Ok(Self {
            count,
            context: Arc::new(Mutex::new(Context::with_pool(cpu, pool))),
            executor: Arc::default(),
        })
    }

    /// Number of threads.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The computing context, for one run at a time. A run that panicked leaves only values behind that the next
    /// one overwrites.
    pub fn context(&self) -> MutexGuard<'_, Context> {
        lock(&self.context)
    }

    /// tract's own pool, made at the first call.
    pub(super) fn executor(&self) -> Executor {
        let make = || match self.count {
            1 => Executor::SingleThread,
            count => Executor::multithread_with_name(count, "tract"),
        };
        self.executor.get_or_init(make).clone()
    }
}
