//! What became of every picture of a source, and how many come in a second.

use std::time::{Duration, Instant};

use picture::segmenter::LaneCounts;

/// What became of the pictures that a source sent: each is in exactly one of these, or in the lanes' counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureCounts {
    /// Pictures that came in whole.
    pub captured: u64,
    /// Of these, equal to the one before: its answer is theirs as well.
    pub same: u64,
    /// Of these, never offered: no model took them then, or it was not their turn.
    pub left_out: u64,
    /// Of these, offered to the model.
    pub offered: u64,
    /// Pictures that came and could not be read; these are not among the captured.
    pub garbage: u64,
    /// By the source's own count, pictures that never came in.
    pub missed: u64,
    /// Times the source was opened.
    pub opened: u64,
}

/// What became of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveCounts {
    /// Up to the offer.
    pub capture: CaptureCounts,
    /// From the offer to the answer; of all lanes that this source had.
    pub lanes: LaneCounts,
    /// Answers that were published.
    pub published: u64,
    /// Answers that were odd, so that the one before was shown for a little longer.
    pub held: u64,
    /// Answers that a newer one overtook before they were looked at, or that nobody asked for any more.
    pub overtaken: u64,
}

/// How many come in a second, by the last whole second.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    began: Instant,
    count: u32,
    per_second: f64,
}

const WINDOW: Duration = Duration::from_secs(1);

impl Rate {
    /// None yet.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            began: now,
            count: 0,
            per_second: 0.0,
        }
    }

    /// One came.
    pub fn tick(&mut self, now: Instant) {
        self.roll(now);
        self.count = self.count.saturating_add(1);
    }

    /// So many in a second.
    #[must_use]
    pub fn per_second(&self, now: Instant) -> f64 {
        let mut rate = *self;
        rate.roll(now);
        rate.per_second
    }

    fn roll(&mut self, now: Instant) {
        let gone = now.saturating_duration_since(self.began);
        if gone >= WINDOW {
            self.per_second = f64::from(self.count) / gone.as_secs_f64();
            (self.began, self.count) = (now, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_second_and_sinks_when_nothing_comes() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        for i in 0..=30 {
            rate.tick(start + WINDOW * i / 30);
        }
        assert_eq!(rate.per_second(start + WINDOW), 30.0);
        assert_eq!(rate.per_second(start + 3 * WINDOW), 0.5);
    }
}
