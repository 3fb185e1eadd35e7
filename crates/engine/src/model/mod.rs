//! The model's files and the runtime that runs them: manifest → verified bytes → graphs, shared between modalities.

mod folding;
mod nodes;
pub mod runtime;
pub mod store;

use picture::segmenter::EngineError;

use crate::manifest::ManifestError;
use crate::manifest::file::FileError;

/// Why a model cannot be used. Each message says what was expected and what was found.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file is missing, changed or not one.
    #[error(transparent)]
    File(#[from] FileError),
    /// The manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The graph cannot be loaded, or takes or gives other tensors than the contract says.
    #[error("{graph}: {message}")]
    Graph {
        /// The graph's path in the manifest.
        graph: String,
        /// What was expected and found.
        message: String,
    },
    /// The thread pool could not be made.
    #[error("cannot start {threads} threads: {message}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// What the pool said.
        message: String,
    },
    /// No such model in the manifest.
    #[error("no model '{asked}'; there are: {available}")]
    UnknownModel {
        /// What was asked.
        asked: String,
        /// Comma-separated names.
        available: String,
    },
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
