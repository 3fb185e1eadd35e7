//! The way to the model and back: what is asked, the lane that asks it, and the answer that waits.

use std::time::Instant;

use picture::segmenter::{Ask, Lane, LaneCounts, LaneSpec, LiveOutcome};

/// The way to the model and back.
pub(crate) struct LaneDesk {
    /// What was asked for.
    pub wish: Ask,
    /// What is asked: the same, if the board can.
    pub spec: LaneSpec,
    pub lane: Option<Lane>,
    /// Counts the lanes so far, so that nothing comes from an old one.
    pub number: u64,
    /// What became of the frames of lanes that are gone.
    pub gone: LaneCounts,
    pub next_asking: Option<Instant>,
    /// An answer that nobody has looked at yet, of the lane of that number.
    pub outcome: Option<(u64, LiveOutcome)>,
}

impl LaneDesk {
    /// Without a lane yet.
    pub fn new(wish: Ask, spec: LaneSpec) -> Self {
        Self {
            wish,
            spec,
            lane: None,
            number: 0,
            gone: LaneCounts::default(),
            next_asking: None,
            outcome: None,
        }
    }

    /// Counts what becomes of the frames of a lane that is given up: what is in it now is dropped with it.
    pub fn retire(&mut self, old: Option<&Lane>) {
        let Some(counts) = old.map(Lane::counts) else {
            return;
        };
        let gone = LaneCounts {
            dropped: counts.dropped + counts.waiting + counts.in_work,
            waiting: 0,
            in_work: 0,
            ..counts
        };
        self.gone = [self.gone, gone].into_iter().sum();
    }

    /// What became of the frames of all lanes so far.
    pub fn counts(&self) -> LaneCounts {
        let current = self.lane.as_ref().map(Lane::counts);
        [self.gone, current.unwrap_or_default()].into_iter().sum()
    }
}
