use std::time::Duration;

use picture::frame::FrameLimits;

/// How the engine is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// Jobs computed at once. One is best for latency: a single job already uses all threads.
    pub workers: usize,
    /// Computing threads of each worker; 0: one per core.
    pub threads: usize,
    /// Keep each of these threads on a core of its own.
    pub pin: bool,
    /// Jobs that may wait; one more is answered [`EngineError::Overloaded`](picture::segmenter::EngineError::Overloaded) at once.
    pub queue: usize,
    /// Modalities of the default model loaded before the engine is ready. If empty, its first one:
    /// ready means that a picture has gone through.
    pub preload: Vec<String>,
    /// A worker that is longer at one picture, or at loading one modality, counts as stuck.
    pub watchdog: Duration,
    /// What a picture may cost.
    pub limits: FrameLimits,
    /// Most time that decoding one may take.
    pub decode_timeout: Duration,
    /// Bytes that all pictures together may take, from decoding until their results are dropped.
    pub picture_budget: u64,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            workers: 1,
            threads: 0,
            pin: false,
            queue: 8,
            preload: Vec::new(),
            watchdog: Duration::from_secs(120),
            limits: FrameLimits::default(),
            decode_timeout: Duration::from_secs(5),
            picture_budget: 384 << 20,
        }
    }
}

impl EngineOptions {
    /// Computing threads of each worker, counted.
    pub(super) fn threads_each(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            some => some,
        }
    }
}
