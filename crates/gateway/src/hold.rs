//! Waiting for what will pass: an engine that is busy, an outbox that is full.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use picture::frame::Stop;
use picture::segmenter::{Bell, Clock};
use picture::sync::lock;

/// After the first time that something was in the way; twice as long each time.
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);

/// It is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended;

/// What a worker waits by, and how it is told to end.
#[derive(Debug)]
pub struct WorkerHold {
    clock: Arc<dyn Clock>,
    ends: AtomicBool,
    /// Rung when it is to end.
    ending: Bell,
    /// Given to every job: who is to end waits for none.
    stop: Stop,
    reason: Mutex<Option<String>>,
}

impl WorkerHold {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            ends: AtomicBool::new(false),
            ending: Bell::default(),
            stop: Stop::never(),
            reason: Mutex::default(),
        }
    }

    /// Tells it to end.
    pub fn end(&self) {
        self.ends.store(true, Ordering::Release);
        self.stop.cancel();
        self.ending.ring();
    }

    /// # Errors
    /// [`Ended`], if it was told to.
    pub fn check(&self) -> Result<(), Ended> {
        match self.ends.load(Ordering::Acquire) {
            true => Err(Ended),
            false => Ok(()),
        }
    }

    /// What ends a job with it.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Waits for a bell, without anything being in the way.
    pub fn idle(&self, bell: &Bell, until: Duration) {
        self.clock.wait(self.clock.now() + until, bell);
    }

    /// Tries again until it is not in the way any more, and says meanwhile what is.
    pub fn persist<T, E: From<Ended>>(
        &self,
        mut attempt: impl FnMut() -> Result<T, Obstacle<E>>,
    ) -> Result<T, E> {
        let mut pause = FIRST;
        loop {
            self.check()?;
            let done = match attempt() {
                Ok(done) => Ok(done),
                Err(Obstacle::Lasting(error)) => Err(error),
                Err(Obstacle::Passing(reason)) => {
                    self.say(reason);
                    self.clock.wait(self.then(pause), &self.ending);
                    pause = pause.saturating_mul(2).min(LONGEST);
                    continue;
                }
            };
            *lock(&self.reason) = None;
            return done;
        }
    }

    /// What is in the way now.
    pub fn reason(&self) -> Option<String> {
        lock(&self.reason).clone()
    }

    fn say(&self, reason: String) {
        let mut said = lock(&self.reason);
        if said.as_ref() != Some(&reason) {
            tracing::warn!(reason, "objects of the DICOM network wait");
        }
        *said = Some(reason);
    }

    fn then(&self, pause: Duration) -> Instant {
        self.clock.now() + pause
    }
}

/// Why something was not done.
#[derive(Debug)]
pub enum Obstacle<E> {
    /// It will not be.
    Lasting(E),
    /// It will, later.
    Passing(String),
}
