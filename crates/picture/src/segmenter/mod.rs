//! The seam between those who want masks and those who make them: what is asked, what comes back, what can go wrong.
//!
//! Every door (HTTP, command line, live) knows the model as [`Segmenter`] alone, so that it is tested against a fake
//! without weights.

mod check;
mod clock;
mod error;
mod job;
mod memory;
mod models;
mod readiness;
mod segmentation;
mod times;

pub use check::{Inverted, ModalityCheck};
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::EngineError;
pub use job::{Ask, Job, Modality, OnMismatch, Picture, ReceivedFile};
pub use memory::{Lease, Memory};
pub use models::{ModalityInfo, ModelInfo};
pub use readiness::Readiness;
pub use segmentation::Segmentation;
pub use times::{Stage, StageTimes};

use crate::frame::FrameLimits;

/// Takes jobs, answers with masks. Whoever wants masks knows the model through this trait alone.
pub trait Segmenter: Send + Sync + 'static {
    /// Queues a job without blocking. `done` is called exactly once, on an engine thread, when the job is accepted.
    ///
    /// # Errors
    /// [`EngineError::Overloaded`], [`EngineError::Stopped`], what [`Readiness::check`] says and unknown names are
    /// answered here, before anything is queued; `done` is then never called.
    fn submit(&self, job: Job, done: Done) -> Result<(), EngineError>;
    /// What the manifest offers.
    fn models(&self) -> Vec<ModelInfo>;
    /// Whether [`Segmenter::submit`] would be served.
    fn readiness(&self) -> Readiness;
    /// Jobs waiting now, and the most that may wait.
    fn queue(&self) -> (usize, usize);
    /// What a picture may cost.
    fn limits(&self) -> FrameLimits;
}

/// Called with a job's outcome. It should not block: it runs on the thread that computes.
pub type Done = Box<dyn FnOnce(Result<Segmentation, EngineError>) + Send>;
