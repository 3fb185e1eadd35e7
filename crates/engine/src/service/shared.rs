//! What the engine and its workers both see.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use picture::frame::Stop;
use picture::segmenter::{
    Bell, Clock, EngineError, Entrance, Inbox, Readiness, Segmentation, Taken,
};

use super::post::{Post, Reply};
use super::stats::Recorder;
use crate::model::store::Store;
use crate::options::EngineOptions;
use picture::sync::lock;

/// Threads that decode pictures for the workers: one for small ones alone, while another is at a large one.
pub(super) const READERS: usize = 2;

/// The engine's state.
#[derive(Debug)]
pub(super) struct Shared {
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    pub watchdog: Duration,
    pub inbox: Arc<Inbox>,
    /// One for each thread: workers, then readers.
    pub posts: Vec<Post>,
    /// How many of them are workers'.
    workers: usize,
    /// Ends the warm-up early.
    pub warm_up: Stop,
    /// Apart from threads that are stuck.
    pub readiness: Mutex<Readiness>,
    /// Rung once that is known.
    pub warmed_up: Bell,
    pub recorder: Mutex<Recorder>,
    /// Threads that have not ended.
    pub running: Mutex<usize>,
    /// Rung once there are none.
    pub ended: Bell,
}

impl Shared {
    /// Of an engine that starts, with so many workers to come.
    pub(super) fn new(
        store: Arc<Store>,
        options: &EngineOptions,
        clock: Arc<dyn Clock>,
        workers: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            inbox: Inbox::new(options.queue.max(1), clock.clone()),
            clock,
            watchdog: options.watchdog,
            posts: (0..workers + READERS).map(|_| Post::default()).collect(),
            workers,
            warm_up: Stop::never(),
            readiness: Mutex::new(Readiness::Starting),
            warmed_up: Bell::default(),
            recorder: Mutex::default(),
            running: Mutex::new(0),
            ended: Bell::default(),
        })
    }

    /// Counts what became of a job; what becomes of frames is counted where they come from.
    pub(super) fn record(&self, entrance: Entrance, outcome: &Result<Segmentation, EngineError>) {
        if let Err(error @ EngineError::Model(_)) = outcome {
            let folder = self.store.dir().display();
            tracing::error!(%error, %folder, "the model cannot be used");
        }
        match (entrance, outcome) {
            (Entrance::Queue, Ok(result)) => lock(&self.recorder).done(result.times.total),
            (Entrance::Queue, Err(_)) => lock(&self.recorder).failed(),
            (Entrance::Lane, _) => {}
        }
    }

    /// Waits for the threads' ends until `deadline`; returns how many still run.
    pub(super) fn wait_until(&self, deadline: Instant) -> usize {
        self.clock.wait(deadline, &self.ended);
        *lock(&self.running)
    }

    /// Makes every thread give up what it is at, and answers what waits.
    pub(super) fn cancel(&self) {
        for duty in self.posts.iter().filter_map(Post::duty) {
            duty.stop.cancel();
        }
        self.inbox.give_up();
        self.answer_waiting();
    }

    /// Answers in the threads' stead what they will not come to, once the inbox is closed.
    pub(super) fn answer_waiting(&self) {
        while let Some(Taken { entrance, done, .. }) = self.inbox.try_take() {
            if entrance == Entrance::Queue {
                lock(&self.recorder).failed();
            }
            Reply::new(done).answer(Err(EngineError::Stopped));
        }
    }

    /// Why not to wait for a thread that has been at one thing for longer than the watchdog allows.
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

    /// Why not to wait for a thread that should have taken what waits: it hangs between two pieces of work.
    fn idle(&self) -> Option<String> {
        let (workers, readers) = self.posts.split_at_checked(self.workers)?;
        let now = self.clock.now();
        let waits = |since: Option<Instant>, posts: &[Post]| {
            let time = now.saturating_duration_since(since?);
            let free = posts.iter().any(|post| post.duty().is_none());
            (free && time > self.watchdog).then_some(time)
        };
        let computing = waits(self.inbox.untaken_since(), workers);
        let time = computing.or_else(|| waits(self.inbox.unread_since(), readers))?;
        Some(format!(
            "an engine thread that is at nothing has not taken what waits for {} s",
            time.as_secs()
        ))
    }

    /// Why not to count on all threads: threads that ended before anybody asked them to.
    fn lost(&self) -> Option<String> {
        // In this order: whoever ends in order does so after the inbox was closed.
        let lost = self.posts.len().saturating_sub(*lock(&self.running));
        let lost = (lost > 0 && !self.inbox.is_closed()).then_some(lost)?;
        Some(format!("{lost} of the engine's threads died"))
    }

    pub(super) fn readiness(&self) -> Readiness {
        let fault = self.lost().or_else(|| self.stuck());
        match fault.or_else(|| self.idle()) {
            Some(reason) => Readiness::Stuck(reason),
            None => lock(&self.readiness).clone(),
        }
    }
}

/// While it lives, one more thread runs.
pub(super) struct Running(Arc<Shared>);

impl Running {
    pub(super) fn count(shared: &Arc<Shared>) -> Self {
        *lock(&shared.running) += 1;
        Self(shared.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = lock(&self.0.running);
        *running -= 1;
        if *running == 0 {
            self.0.ended.ring();
        }
    }
}
