//! The model's files and the runtime that runs them: manifest → verified bytes → graphs, shared between modalities.

mod folding;
mod nodes;
pub mod runtime;
pub mod store;

use picture::segmenter::EngineError;

use crate::manifest::ManifestError;
use crate::manifest::contract::PRESENCE;
use crate::manifest::file::FileError;
use runtime::GraphError;

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
    #[error("{graph}: {source}")]
    Graph {
        /// The graph's path in the manifest.
        graph: String,
        /// What was expected and found.
        source: GraphError,
    },
    /// The manifest has bounds for a presence score that the decoder does not give.
    #[error(
        "{graph}: expected the output '{}', by which modality '{modality}' tells empty pictures; it has none",
        PRESENCE
    )]
    NoPresence {
        /// The decoder's path in the manifest.
        graph: String,
        /// The modality.
        modality: String,
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
            unusable => Self::Model(unusable.into()),
        }
    }
}

impl From<GraphError> for EngineError {
    fn from(error: GraphError) -> Self {
        Self::Model(error.into())
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::store::Store;
    use super::*;

    #[test]
    fn a_graph_that_is_refused_keeps_what_the_runtime_said() {
        let dir = testing::toy::model();
        let weights = dir.path().join("base.bin");
        let mut bytes = std::fs::read(&weights).unwrap();
        bytes[100] ^= 1;
        std::fs::write(&weights, bytes).unwrap();
        let store = Store::open(dir.path(), None).unwrap();
        let choice = store.choose(None, "bright").unwrap();
        let refused: EngineError = store.graphs(choice).unwrap_err().into();
        let model = refused.source().unwrap();
        assert!(matches!(
            model.downcast_ref(),
            Some(ModelError::Graph { graph, .. }) if graph == "encoder.onnx"
        ));
        let graph = model.source().unwrap();
        assert!(graph.is::<GraphError>());
        let runtimes = graph.source().unwrap().to_string();
        assert!(runtimes.contains("base.bin"), "{runtimes}");
        // What is said is as if there were no causes: all of it, once.
        let text = refused.to_string();
        assert_eq!(text.matches("expected SHA-256").count(), 1, "{text}");
    }
}
