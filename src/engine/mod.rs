//! The flow from bytes to mask, run on threads of its own behind a bounded queue.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

mod clock;
mod memory;
mod options;
mod passes;
mod pin;
mod pipeline;
mod plan;
mod post;
mod reading;
mod service;
mod stats;
mod watch;
mod worker;

use crate::frame::{FileInfo, Frame, FrameError, FrameLimits, Stop, Stopped};
use crate::guard::{self, ModalityCheck};
use crate::mask::Mask;
use crate::mask::confidence::Signs;
use crate::model::ModelError;

pub use crate::model::LogitMap;
pub use clock::{Clock, ManualClock, SystemClock};
pub use memory::Lease;
pub use options::EngineOptions;
pub use passes::Observer;
pub use pipeline::Pipeline;
pub use reading::Source;
pub use service::Engine;
pub use stats::{Latency, Stats};

/// What a client asks for: which modality, through which model of the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// Modality name as in the manifest, for example `ultrasound`. Never guessed, unless [`guard::AUTO`] asks for it.
    pub modality: String,
    /// Model name as in the manifest; `None` is the one the manifest prefers for the modality, else the default model.
    pub model: Option<String>,
    /// What becomes of a picture that is plainly of another kind.
    pub on_mismatch: OnMismatch,
}

/// What becomes of a picture that does not look like its modality ([`guard::ModalityCheck`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMismatch {
    /// [`EngineError::ModalityMismatch`] in place of a mask.
    #[default]
    Refuse,
    /// The mask, with [`Segmentation::check`] saying so.
    Keep,
}

/// One picture to segment: undecoded bytes, so that a waiting queue holds no pixels.
#[derive(Clone, Debug)]
pub struct Job {
    /// The picture file, as received.
    pub bytes: Vec<u8>,
    /// Which of its pages, from 1; `None`: the first.
    pub page: Option<u32>,
    /// What to do with it.
    pub ask: Ask,
    /// When to give it up.
    pub stop: Stop,
}

/// Wall-clock time of each stage, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StageTimes {
    /// Waiting in the queue.
    pub queue: f64,
    /// Picture file → RGB.
    pub frame: f64,
    /// RGB → normalised tensor, and the guard's look.
    pub preprocess: f64,
    /// Tensor → embedding (image encoder with modality controller).
    pub encode: f64,
    /// Embedding → patch map and prompted embedding (SPPG).
    pub self_prompt: f64,
    /// Prompted embedding → low-resolution logits (QDMD).
    pub decode: f64,
    /// Logits → mask at the frame's size.
    pub mask: f64,
    /// From acceptance to mask.
    pub total: f64,
}

impl StageTimes {
    /// The sum of the stages.
    fn stages(&self) -> f64 {
        self.queue
            + self.frame
            + self.preprocess
            + self.encode
            + self.self_prompt
            + self.decode
            + self.mask
    }
}

/// Stage by stage.
impl std::iter::Sum for StageTimes {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            queue: a.queue + b.queue,
            frame: a.frame + b.frame,
            preprocess: a.preprocess + b.preprocess,
            encode: a.encode + b.encode,
            self_prompt: a.self_prompt + b.self_prompt,
            decode: a.decode + b.decode,
            mask: a.mask + b.mask,
            total: a.total + b.total,
        })
    }
}

/// The result for one picture.
#[derive(Clone, Debug)]
pub struct Segmentation {
    /// The upright picture the mask belongs to.
    pub frame: Arc<Frame>,
    /// What its file said of itself; `None` if it came without one.
    pub file: Option<FileInfo>,
    /// The mask, at the frame's size.
    pub mask: Mask,
    /// QDMD's output, a quarter of the model's input side (of the canvas, where views were put together).
    pub low_res: LogitMap,
    /// SPPG's output, 1/32 of the model's input side (of the canvas): where the model looked.
    pub patch: LogitMap,
    /// The Dice to be expected, 0..=1; `None` if the mask is empty, the model is not calibrated, or
    /// the picture a mismatch.
    pub confidence: Option<f32>,
    /// Mean probability over the mask's pixels; `None` if the mask is empty.
    pub probability: Option<f32>,
    /// What the confidence was made of; `None` if the mask is empty.
    pub signs: Option<Signs>,
    /// Whether the picture looks like the modality; `None` if the models folder has no guard that knows it.
    pub check: Option<ModalityCheck>,
    /// Name of the model in the manifest.
    pub model: String,
    /// SHA-256 (hex) that names the exact weights: over the hashes of every file this modality uses.
    pub model_sha256: String,
    /// Modality name as asked, or as the guard chose it.
    pub modality: String,
    /// The modality's index in the decoder.
    pub modality_index: usize,
    /// What the mask marks, in words ("fetal head, nerve, breast lesion").
    pub label: String,
    /// Where the time went.
    pub times: StageTimes,
    /// The frame's and the mask's share of the memory of all pictures, held as long as they are.
    pub lease: Lease,
}

/// Why a job gave no mask. Each is told apart by clients, so each keeps its meaning.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The picture was refused.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// No such modality in the model asked for.
    #[error("model '{model}' has no modality '{asked}'; it has: {available}")]
    UnknownModality {
        /// What was asked.
        asked: String,
        /// The model looked in.
        model: String,
        /// Comma-separated names.
        available: String,
    },
    /// The picture is plainly not of the modality it was sent as.
    #[error("{}{}", mismatch(asked, check), of_pages(*pages))]
    ModalityMismatch {
        /// What was asked; [`guard::AUTO`] where the guard was to choose.
        asked: String,
        /// What the guard saw.
        check: ModalityCheck,
        /// The page that was read and how many there are, of a file of several.
        pages: Option<[u32; 2]>,
    },
    /// One picture asked of two models: what they share is computed once, and they share nothing.
    #[error(
        "one picture cannot be asked of two models at once, '{first}' and '{second}'; ask one by one"
    )]
    TwoModels {
        /// One of them.
        first: String,
        /// Another.
        second: String,
    },
    /// The guard was to choose, and there is none.
    #[error("the modality cannot be chosen: these models have no modality guard")]
    NoGuard,
    /// No such model in the manifest.
    #[error("no model '{asked}'; there are: {available}")]
    UnknownModel {
        /// What was asked.
        asked: String,
        /// Comma-separated names.
        available: String,
    },
    /// The queue is full: answered at once, nothing waits.
    #[error("the queue of {capacity} is full")]
    Overloaded {
        /// Jobs the queue holds.
        capacity: usize,
    },
    /// The model is still loading or warming up.
    #[error("the model is not ready yet")]
    NotReady,
    /// The model's files are missing, corrupt or of another shape.
    #[error("model unusable: {0}")]
    Model(String),
    /// A worker does not come back, with what it is at and since when.
    #[error("{0}")]
    Stuck(String),
    /// The job took longer than it had, or nobody waits for it any more.
    #[error("the job was given up: {0}")]
    GivenUp(#[from] Stopped),
    /// The engine has been shut down.
    #[error("the engine has stopped")]
    Stopped,
    /// A fault of this program; the job is lost, the engine goes on.
    #[error("internal error: {0}")]
    Internal(String),
}

/// The page looked at may simply be the wrong one.
fn of_pages(pages: Option<[u32; 2]>) -> String {
    pages.map_or_else(String::new, |[page, pages]| {
        format!("; page {page} of {pages} was read, ask for another with page=")
    })
}

fn mismatch(asked: &str, check: &ModalityCheck) -> String {
    let ModalityCheck {
        score,
        likeliest,
        likeliest_score,
        inverted,
        ..
    } = check;
    match (asked, inverted) {
        (_, Some(guard::Inverted { modality, score })) => format!(
            "the picture looks like an inverted '{modality}' (score {score:.3}): the grey values seem to be reversed (MONOCHROME1 saved as it is); invert them and send it again"
        ),
        (guard::AUTO, None) => format!(
            "the picture looks like no modality of the model (most like '{likeliest}', score {likeliest_score:.3})"
        ),
        (_, None) => format!(
            "the picture does not look like '{asked}' (score {score:.3}) but like '{likeliest}' (score {likeliest_score:.3})"
        ),
    }
}

impl From<ModelError> for EngineError {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::UnknownModel { asked, available } => {
                Self::UnknownModel { asked, available }
            }
            ModelError::UnknownModality {
                asked,
                model,
                available,
            } => Self::UnknownModality {
                asked,
                model,
                available,
            },
            unusable => Self::Model(unusable.to_string()),
        }
    }
}

/// A modality as the manifest lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct ModalityInfo {
    /// For example `ultrasound`.
    pub name: String,
    /// Mask-query row in the decoder.
    pub index: usize,
    /// What its masks mark.
    pub label: String,
    /// Whether this modality has a trained controller, or runs on the shared base alone.
    pub controller: bool,
    /// Passes of the network for one picture: tiles and mirror images.
    pub passes: usize,
    /// Whether its weights are in memory now.
    pub loaded: bool,
    /// Data sets it was trained on.
    pub trained_on: Vec<String>,
    /// Validation figures: data set → (Dice, IoU), as in the manifest.
    pub validation: Vec<(String, f64, f64)>,
}

/// A model as the manifest lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInfo {
    /// For example `live-224`.
    pub name: String,
    /// Input side, px.
    pub side: usize,
    /// SHA-256 (hex) over the hashes of all its files.
    pub sha256: String,
    /// Its modalities, in index order.
    pub modalities: Vec<ModalityInfo>,
    /// Whether a request that names no model gets this one.
    pub default: bool,
}

/// Whether requests are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Loading and warming up.
    Starting,
    /// Warm.
    Ready,
    /// Loading failed, with the reason; nothing will be served.
    Failed(String),
    /// A worker does not come back, with what it is at and since when. Ready again if it does.
    Stuck(String),
}

impl Readiness {
    /// `Ok` if it is [`Readiness::Ready`].
    ///
    /// # Errors
    /// What a job gets otherwise.
    pub fn check(self) -> Result<(), EngineError> {
        match self {
            Self::Ready => Ok(()),
            Self::Starting => Err(EngineError::NotReady),
            Self::Failed(reason) => Err(EngineError::Model(reason)),
            Self::Stuck(reason) => Err(EngineError::Stuck(reason)),
        }
    }
}

/// Engine threads that did not come back when the engine was shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{threads} of the engine's threads did not come back and were left behind")]
pub struct LeftBehind {
    /// How many.
    pub threads: usize,
}

/// Takes jobs, answers with masks. The HTTP side knows the model through this trait alone,
/// so that it is tested against a fake without weights.
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

/// A poisoned lock here guards only whole values, so it stays usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
