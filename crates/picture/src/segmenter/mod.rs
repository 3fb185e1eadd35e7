//! The seam between those who want masks and those who make them: what is asked, what comes back, what can go wrong.
//!
//! Every door (HTTP, command line, live) knows the model as [`Segmenter`] alone, so that it is tested against a fake
//! without weights.

mod agenda;
mod ask;
mod check;
mod clock;
mod codes;
mod done;
mod error;
mod inbox;
mod job;
mod lane;
mod live;
mod memory;
mod models;
mod readiness;
mod segmentation;
mod times;
mod tray;
mod unread;

pub use ask::{Ask, Modality, OnMismatch};
pub use check::{Inverted, ModalityCheck};
pub use clock::{Bell, Clock, ManualClock, SystemClock};
pub use codes::{MarkedCode, MarkedCodes};
pub use done::Done;
pub use error::{Cause, EngineError};
pub use inbox::{Entrance, Inbox, Taken};
pub use job::{Job, Picture, ReadFile, ReceivedFile};
pub use lane::Lane;
pub use live::{LaneCounts, LaneSpec, LiveFrame, LiveOutcome, LiveSink, Offered};
pub use memory::{Lease, Memory};
pub use models::{ModalityInfo, ModelInfo};
pub use readiness::Readiness;
pub use segmentation::Segmentation;
pub use times::{Stage, StageTimes, millis};
pub use unread::{HeldPlace, Unread};

use std::sync::Arc;

use crate::frame::FrameLimits;

/// Takes jobs and the frames of live sources, answers with masks. Whoever wants masks knows the model through this trait
/// alone.
pub trait Segmenter: Send + Sync + 'static {
    /// Queues a job without blocking. `done` is called exactly once, on an engine thread, when the job is accepted.
    ///
    /// # Errors
    /// [`EngineError::Overloaded`], [`EngineError::Stopped`], what [`Readiness::check`] says and unknown names are
    /// answered here, before anything is queued; `done` is then never called.
    fn submit(&self, job: Job, done: Done) -> Result<(), EngineError>;
    /// A second way in, for a live source: beside the queue a place for one frame, its newest ([`Lane::offer`]). Jobs and
    /// lanes have their turns on the same threads ([`Inbox`] says how).
    ///
    /// # Errors
    /// As [`Segmenter::submit`], but for a full queue; [`EngineError::TooManyLanes`].
    fn open_lane(&self, spec: LaneSpec, sink: Arc<dyn LiveSink>) -> Result<Lane, EngineError>;
    /// What the manifest offers.
    fn models(&self) -> Vec<ModelInfo>;
    /// Whether [`Segmenter::submit`] would be served.
    fn readiness(&self) -> Readiness;
    /// Jobs waiting now, and the most that may wait.
    fn queue(&self) -> (usize, usize);
    /// What a picture may cost.
    fn limits(&self) -> FrameLimits;
}
