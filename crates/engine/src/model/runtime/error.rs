use picture::segmenter::Cause;

/// Why a graph cannot be loaded or run: what was expected and found, or what the runtime says.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct GraphError {
    message: String,
    source: Option<Cause>,
}

impl GraphError {
    /// Of another error, which says it all.
    pub(crate) fn of(error: impl Into<Cause>) -> Self {
        let source = error.into();
        Self {
            message: source.to_string(),
            source: Some(source),
        }
    }

    /// Of the runtime's error, with all that it stems from in one line.
    pub(super) fn of_runtime(error: tract_onnx::prelude::TractError) -> Self {
        Self {
            message: format!("{error:#}"),
            source: Some(error.into()),
        }
    }
}

impl From<String> for GraphError {
    fn from(message: String) -> Self {
        Self {
            message,
            source: None,
        }
    }
}

impl From<&str> for GraphError {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

impl From<GraphError> for String {
    fn from(error: GraphError) -> Self {
        error.message
    }
}
