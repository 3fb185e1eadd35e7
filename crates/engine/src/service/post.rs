//! What is known of a worker from outside its thread: since when it has been at what, and whom it owes an answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::model::runtime::panic_message;
use picture::frame::Stop;

use picture::segmenter::{Done, EngineError, Segmentation};

use picture::sync::lock;

/// One worker's.
#[derive(Debug, Default)]
pub(super) struct Post(Mutex<Option<Duty>>);

/// What a worker is at.
#[derive(Clone, Debug)]
pub(super) struct Duty {
    /// For people: "computing a picture".
    pub what: &'static str,
    /// Since when, by the engine's clock.
    pub since: Instant,
    /// Makes it give up.
    pub stop: Stop,
    /// Whom to answer; `None` for what nobody asked.
    pub reply: Option<Reply>,
}

/// While it lives, the worker is at it.
pub(super) struct OnDuty<'a>(&'a Post);

impl Post {
    pub(super) fn begin(&self, duty: Duty) -> OnDuty<'_> {
        *lock(&self.0) = Some(duty);
        OnDuty(self)
    }

    /// What the worker is at now.
    pub(super) fn duty(&self) -> Option<Duty> {
        lock(&self.0).clone()
    }
}

impl Drop for OnDuty<'_> {
    fn drop(&mut self) {
        *lock(&self.0.0) = None;
    }
}

/// Answers a job exactly once, whatever becomes of it: the first answer counts, and if there is none, the last clone to
/// be dropped says [`EngineError::Stopped`].
#[derive(Clone, Debug)]
pub(super) struct Reply(Arc<Owed>);

struct Owed(Mutex<Option<Done>>);

impl Reply {
    pub(super) fn new(done: Done) -> Self {
        Self(Arc::new(Owed(Mutex::new(Some(done)))))
    }

    pub(super) fn answer(&self, outcome: Result<Segmentation, EngineError>) {
        self.0.answer(outcome);
    }
}

impl Owed {
    fn answer(&self, outcome: Result<Segmentation, EngineError>) {
        // Called without the lock: a callback that hangs holds up nobody who looks whether it was called.
        let done = lock(&self.0).take();
        if let Some(done) = done
            && let Err(panic) = catch_unwind(AssertUnwindSafe(|| done(outcome)))
        {
            tracing::error!(panic = panic_message(&*panic), "a job's callback failed");
        }
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        self.answer(Err(EngineError::Stopped));
    }
}

impl std::fmt::Debug for Owed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Owed").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_is_lost_is_answered_once() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let done: Done = Box::new(move |outcome| sender.send(outcome.map(|_| ())).unwrap());
        let reply = Reply::new(done);
        let other = reply.clone();
        drop(reply);
        assert!(receiver.try_recv().is_err(), "a clone may still answer");
        drop(other);
        assert!(matches!(
            receiver.recv().unwrap(),
            Err(EngineError::Stopped)
        ));
        assert!(receiver.recv().is_err(), "answered twice");
    }
}
