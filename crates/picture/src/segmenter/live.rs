//! What goes into a lane and what comes out of it.

use std::time::{Duration, Instant};

use crate::scale::Scale;

use super::ask::Ask;
use super::error::EngineError;
use super::job::Picture;
use super::segmentation::Segmentation;

/// What a live source wants of its lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneSpec {
    /// What to do with its frames. Another wish takes another lane, so that no answer to the old one comes after it.
    pub ask: Ask,
    /// A frame that is older than this when its turn comes is not computed but answered [`EngineError::Stale`]; `None`:
    /// it never is too old.
    pub stale_after: Option<Duration>,
}

/// One picture of a live source.
#[derive(Clone, Debug)]
pub struct LiveFrame {
    /// The source's own number of it.
    pub sequence: u64,
    /// When it was taken, by the engine's clock.
    pub captured: Instant,
    /// Itself. What is still a file is decoded only if its turn comes.
    pub picture: Picture,
    /// How large its pixels are.
    pub scale: Scale,
}

/// What became of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offered {
    /// The frame that waited and now never has its turn; nobody else is told of it.
    pub replaced: Option<u64>,
}

/// What became of a frame that had its turn.
#[derive(Debug)]
pub struct LiveOutcome {
    /// [`LiveFrame::sequence`].
    pub sequence: u64,
    /// [`LiveFrame::captured`].
    pub captured: Instant,
    /// When its turn came.
    pub started: Instant,
    /// When this was told.
    pub finished: Instant,
    /// The mask, or why there is none.
    pub result: Result<Segmentation, EngineError>,
}

impl LiveOutcome {
    /// How old the frame was when this was told.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.finished.saturating_duration_since(self.captured)
    }
}

/// Where a lane's outcomes go: one at a time, in the order of its offers.
///
/// It must not block, as it is called on the thread that computes: one that hangs stops that thread, which the watchdog
/// then tells of. One that panics loses that outcome alone. Once its lane is dropped no call begins; one that has begun
/// may still be under way.
pub trait LiveSink: Send + Sync {
    /// Takes what became of a frame.
    fn take(&self, outcome: LiveOutcome);
}

impl<F: Fn(LiveOutcome) + Send + Sync> LiveSink for F {
    fn take(&self, outcome: LiveOutcome) {
        self(outcome);
    }
}

/// Where a lane's frames are, or what became of them: each is in exactly one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneCounts {
    /// All of them.
    pub offered: u64,
    /// Waits: 0 or 1 in one lane.
    pub waiting: u64,
    /// Is computed: 0 or 1 in one lane.
    pub in_work: u64,
    /// A newer one came before their turn.
    pub replaced: u64,
    /// Answered with a mask.
    pub computed: u64,
    /// Answered with an error.
    pub failed: u64,
    /// Their lane was dropped before their answer.
    pub dropped: u64,
}

impl LaneCounts {
    /// Frames that something is known of: as many as were offered.
    #[must_use]
    pub fn accounted(&self) -> u64 {
        let Self {
            offered: _,
            waiting,
            in_work,
            replaced,
            computed,
            failed,
            dropped,
        } = *self;
        waiting + in_work + replaced + computed + failed + dropped
    }
}

/// Of several lanes together.
impl std::iter::Sum for LaneCounts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            offered: a.offered + b.offered,
            waiting: a.waiting + b.waiting,
            in_work: a.in_work + b.in_work,
            replaced: a.replaced + b.replaced,
            computed: a.computed + b.computed,
            failed: a.failed + b.failed,
            dropped: a.dropped + b.dropped,
        })
    }
}
