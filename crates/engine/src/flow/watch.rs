use std::time::Instant;

use picture::segmenter::millis;

/// Times one stage after the other.
pub(super) struct Watch {
    start: Instant,
    last: Instant,
}

impl Watch {
    pub(super) fn start() -> Self {
        let now = Instant::now();
        Self {
            start: now,
            last: now,
        }
    }

    /// Milliseconds since the last call.
    pub(super) fn lap(&mut self) -> f64 {
        let now = Instant::now();
        millis(now - std::mem::replace(&mut self.last, now))
    }

    /// Milliseconds since the start.
    pub(super) fn total(&self) -> f64 {
        millis(self.start.elapsed())
    }
}
