use std::sync::Arc;

use crate::frame::Stop;

use super::error::EngineError;
use super::inbox::Inbox;
use super::live::{LaneCounts, LaneSpec, LiveFrame, LiveSink, Offered};
use super::tray::{Offer, Terms};

/// A live source's own way into the engine: a place for one frame, the newest. Dropping it ends it: the frame that waits
/// is dropped, the one in work given up.
pub struct Lane {
    inbox: Arc<Inbox>,
    number: usize,
    terms: Arc<Terms>,
}

impl Lane {
    /// A lane into this inbox; for who implements [`super::Segmenter::open_lane`].
    ///
    /// # Errors
    /// [`EngineError::TooManyLanes`], [`EngineError::Stopped`].
    pub fn open(
        inbox: &Arc<Inbox>,
        spec: LaneSpec,
        sink: Arc<dyn LiveSink>,
    ) -> Result<Self, EngineError> {
        Ok(Self {
            number: inbox.open()?,
            inbox: inbox.clone(),
            terms: Arc::new(Terms {
                spec,
                sink,
                stop: Stop::never(),
            }),
        })
    }

    /// Puts a frame in the place of the one that waits. Never blocks and never allocates: the frame has its turn when the
    /// engine has time, unless a newer one comes before. The sink is told of each that had its turn.
    ///
    /// # Errors
    /// [`EngineError::Stopped`]: there is no engine any more; the frame is not counted.
    pub fn offer(&self, frame: LiveFrame) -> Result<Offered, EngineError> {
        let offer = Offer {
            accepted: self.inbox.now(),
            frame,
            terms: self.terms.clone(),
        };
        let replaced = self.inbox.offer(self.number, offer)?;
        Ok(Offered {
            replaced: replaced.map(|offer| offer.frame.sequence),
        })
    }

    /// What became of its frames so far.
    #[must_use]
    pub fn counts(&self) -> LaneCounts {
        self.inbox.counts(self.number)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.terms.stop.cancel();
        self.inbox.leave(self.number);
    }
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane")
            .field("spec", &self.terms.spec)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
