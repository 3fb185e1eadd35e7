use super::error::EngineError;

/// Whether requests are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Loading and warming up.
    Starting,
    /// Warm.
    Ready,
    /// Loading failed, with the reason; nothing will be served.
    Failed(String),
    /// A worker does not come back, with what it is at and since when, and ready again if it does; or it has died.
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
            Self::Failed(reason) => Err(EngineError::Model(reason.into())),
            Self::Stuck(reason) => Err(EngineError::Stuck(reason)),
        }
    }
}
