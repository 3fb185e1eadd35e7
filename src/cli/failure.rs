use engine::manifest::ManifestError;
use engine::model::ModelError;
use picture::segmenter::EngineError;

/// Why a command ended without success.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The command line asks for something that does not exist or fit together: exit code 2, as clap's own.
    #[error("{0}")]
    Usage(String),
    /// The configuration's file asks for it: exit code 78 (`EX_CONFIG` of sysexits(3)), upon which the service is not started
    /// again, as only a person can mend that.
    #[error("{0}")]
    Configuration(String),
    /// Something was tried and failed: exit code 1.
    #[error("{0}")]
    Failed(String),
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::UnknownModel { .. }
            | ModelError::UnknownModality { .. }
            | ModelError::Manifest(ManifestError::Nowhere { .. }) => Self::Usage(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<ManifestError> for Failure {
    fn from(error: ManifestError) -> Self {
        ModelError::from(error).into()
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::UnknownModel { .. }
            | EngineError::UnknownModality { .. }
            | EngineError::TwoModels { .. }
            | EngineError::NoGuard => Self::Usage(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}
