//! What the engine and its workers both see.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use picture::frame::Stop;
use picture::segmenter::{Clock, EngineError, Job, Readiness};

use super::post::{Post, Reply};
use super::stats::Recorder;
use crate::model::store::Store;
use crate::sync::lock;

/// An accepted job.
pub(super) struct Queued {
    pub job: Job,
    pub accepted: Instant,
    pub reply: Reply,
}

/// The engine's state.
#[derive(Debug)]
pub(super) struct Shared {
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    pub watchdog: Duration,
    pub receiver: Mutex<Receiver<Queued>>,
    /// One for each worker.
    pub posts: Vec<Post>,
    /// Ends the warm-up early.
    pub warm_up: Stop,
    /// Apart from workers that are stuck.
    pub readiness: Mutex<Readiness>,
    pub waiting: AtomicUsize,
    pub recorder: Mutex<Recorder>,
    /// Worker threads that have not ended.
    pub running: Mutex<usize>,
    pub ended: Condvar,
}

impl Shared {
    /// Waits for the workers' ends until `deadline`; returns how many still run.
    pub(super) fn wait_until(&self, deadline: Instant) -> usize {
        let mut running = lock(&self.running);
        while *running > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.ended.wait_timeout(running, left);
            (running, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        *running
    }

    /// Makes every worker give up its job, and answers the waiting ones.
    pub(super) fn cancel(&self) {
        for duty in self.posts.iter().filter_map(Post::duty) {
            duty.stop.cancel();
        }
        // The queue is closed, so that no worker holds the lock while it waits.
        while let Ok(queued) = { lock(&self.receiver).try_recv() } {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            lock(&self.recorder).failed();
            queued.reply.answer(Err(EngineError::Stopped));
        }
    }

    /// Why not to wait for a worker that has been at one thing for longer than the watchdog allows.
    fn stuck(&self) -> Option<String> {
        let now = self.clock.now();
        let since = |post: &Post| {
            let duty = post.duty()?;
            let time = now.saturating_duration_since(duty.since);
            (time > self.watchdog).then_some((duty.what, time))
        };
        let (what, time) = self.posts.iter().find_map(since)?;
        Some(format!(
            "an engine thread has been {what} for {} s",
            time.as_secs()
        ))
    }

    pub(super) fn readiness(&self) -> Readiness {
        match self.stuck() {
            Some(reason) => Readiness::Stuck(reason),
            None => lock(&self.readiness).clone(),
        }
    }
}

/// While it lives, one more worker runs.
pub(super) struct Running(Arc<Shared>);

impl Running {
    pub(super) fn count(shared: &Arc<Shared>) -> Self {
        *lock(&shared.running) += 1;
        Self(shared.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *lock(&self.0.running) -= 1;
        self.0.ended.notify_all();
    }
}
