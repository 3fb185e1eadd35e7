//! A live source: frames in, the newest answer out.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use picture::frame::Frame;
use picture::scale::Scale;
use picture::segmenter::{
    Bell, Clock, EngineError, Lane, LaneCounts, LaneSpec, LiveFrame, LiveOutcome, LiveSink,
    Picture, Segmentation, Segmenter, SystemClock,
};
use picture::sync::lock;

use crate::fault::{GuestError, GuestFault};
use crate::guest::{Guest, GuestWish};

/// A live source's frames go in by [`GuestLane::push`], which never waits, and come out as masks by [`GuestLane::poll`]. On
/// either side there is one place, and the newest has it.
#[derive(Debug)]
pub struct GuestLane {
    lane: Lane,
    tray: Arc<Tray>,
    scale: Scale,
}

/// What became of a frame that had its turn.
#[derive(Debug)]
pub struct GuestSight {
    /// The caller's number of the frame.
    pub sequence: u64,
    /// Since the frame was pushed.
    pub age: Duration,
    /// Its mask, or why there is none.
    pub result: Result<Segmentation, EngineError>,
}

/// Where the newest outcome lies until it is taken.
#[derive(Debug, Default)]
struct Tray {
    newest: Mutex<Option<LiveOutcome>>,
    filled: Bell,
}

impl LiveSink for Tray {
    fn take(&self, outcome: LiveOutcome) {
        *lock(&self.newest) = Some(outcome);
        self.filled.ring();
    }
}

impl GuestLane {
    /// A lane into the guest's engine. A frame that is older than `stale_after` when its turn comes is answered
    /// [`GuestFault::Stale`]; the wish's timeout is not asked.
    ///
    /// # Errors
    /// [`GuestFault::TooManySources`], unknown names; [`GuestFault::BadArgument`] of a region: the caller cuts that out by
    /// the address of its first pixel, and the stride.
    pub fn open(
        guest: &Guest,
        wish: &GuestWish,
        stale_after: Option<Duration>,
    ) -> Result<Self, GuestError> {
        if wish.region.is_some() {
            let message =
                "a live source has no region: give the address of its first pixel, and the stride";
            return Err(GuestFault::BadArgument.because(message));
        }
        let tray = Arc::new(Tray::default());
        let spec = LaneSpec {
            ask: wish.ask.clone(),
            stale_after,
        };
        Ok(Self {
            lane: guest.engine().open_lane(spec, tray.clone())?,
            tray,
            scale: wish.pixel.into(),
        })
    }

    /// Puts a frame in the place of the one that waits, and gives that one's number. Never waits.
    ///
    /// # Errors
    /// [`GuestFault::Stopped`].
    pub fn push(&self, frame: Frame, sequence: u64) -> Result<Option<u64>, GuestError> {
        let offered = self.lane.offer(LiveFrame {
            sequence,
            captured: SystemClock.now(),
            picture: Picture::Frame(Arc::new(frame)),
            scale: self.scale.clone(),
        })?;
        Ok(offered.replaced)
    }

    /// The newest answer that was not taken yet, waiting for it for no longer than `patience`.
    #[must_use]
    pub fn poll(&self, patience: Duration) -> Option<GuestSight> {
        let until = SystemClock.now() + patience;
        loop {
            self.tray.filled.hush();
            let newest = lock(&self.tray.newest).take();
            if let Some(outcome) = newest {
                return Some(GuestSight {
                    sequence: outcome.sequence,
                    age: Instant::now().saturating_duration_since(outcome.captured),
                    result: outcome.result,
                });
            }
            if SystemClock.now() >= until {
                return None;
            }
            SystemClock.wait(until, &self.tray.filled);
        }
    }

    /// What became of all frames so far.
    #[must_use]
    pub fn counts(&self) -> LaneCounts {
        self.lane.counts()
    }
}
