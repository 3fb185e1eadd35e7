//! How threads are told that they are to end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use picture::segmenter::{Bell, Clock};

/// Shared by the threads that end together.
#[derive(Debug, Default)]
pub(crate) struct ThreadEnd {
    over: AtomicBool,
    bell: Bell,
}

impl ThreadEnd {
    /// Has them end, those that wait at once.
    pub fn come(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.bell.ring();
    }

    /// Whether they are to end.
    pub fn has_come(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Lets so much time pass, less if the end comes; whether it has come.
    pub fn pass(&self, clock: &dyn Clock, time: Duration) -> bool {
        clock.wait(clock.now() + time, &self.bell);
        self.has_come()
    }
}
