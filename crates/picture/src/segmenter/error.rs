use std::time::Duration;

use crate::frame::{FrameError, RegionError, Stopped};

use super::ask::Modality;
use super::check::{Inverted, ModalityCheck};

/// What an error stems from.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a job gave no mask. Each is told apart by clients, so each keeps its meaning.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The picture was refused.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The region asked for is no part of the picture.
    #[error(transparent)]
    Region(#[from] RegionError),
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
        /// What was asked.
        asked: Modality,
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
    /// There are as many live sources as may be.
    #[error("no more than {most} live sources at once")]
    TooManyLanes {
        /// So many.
        most: usize,
    },
    /// A live frame was too old to be computed when its turn came.
    #[error(
        "the frame was {} ms old when its turn came, more than {} ms",
        age.as_millis(),
        limit.as_millis()
    )]
    Stale {
        /// Since it was captured.
        age: Duration,
        /// What its source allows.
        limit: Duration,
    },
    /// The model is still loading or warming up.
    #[error("the model is not ready yet")]
    NotReady,
    /// The model's files are missing, corrupt or of another shape.
    #[error("model unusable: {0}")]
    Model(#[source] Cause),
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
    Internal(#[source] Cause),
}

/// The page looked at may simply be the wrong one.
fn of_pages(pages: Option<[u32; 2]>) -> String {
    pages.map_or_else(String::new, |[page, pages]| {
        format!("; page {page} of {pages} was read, ask for another with page=")
    })
}

fn mismatch(asked: &Modality, check: &ModalityCheck) -> String {
    let ModalityCheck {
        score,
        likeliest,
        likeliest_score,
        inverted,
        ..
    } = check;
    match (asked, inverted) {
        (_, Some(Inverted { modality, score })) => format!(
            "the picture looks like an inverted '{modality}' (score {score:.3}): the grey values seem to be reversed (MONOCHROME1 saved as it is); invert them and send it again"
        ),
        (Modality::Auto, None) => format!(
            "the picture looks like no modality of the model (most like '{likeliest}', score {likeliest_score:.3})"
        ),
        (_, None) => format!(
            "the picture does not look like '{asked}' (score {score:.3}) but like '{likeliest}' (score {likeliest_score:.3})"
        ),
    }
}
