//! The node of a DICOM network beside the server: there if it is built in and configured.

use std::sync::Arc;
use std::time::Duration;

use engine::service::Engine;
use http::ServedParts;
use live::Studio;

use super::failure::Failure;
use crate::config::Config;

/// It, or nothing.
pub(super) struct DicomNode {
    #[cfg(feature = "dicom")]
    gateway: Option<Arc<gateway::Gateway>>,
}

#[cfg(feature = "dicom")]
impl DicomNode {
    /// Begins it, if the configuration has it.
    pub(super) fn begin(config: &Config, engine: Arc<Engine>) -> Result<Self, Failure> {
        let config = &config.dicom;
        if !config.enabled {
            return Ok(Self { gateway: None });
        }
        let usage = |error: &dyn std::error::Error| Failure::Usage(error.to_string());
        let plan = config.plan().map_err(|error| usage(&error))?;
        let clock = Arc::new(picture::segmenter::SystemClock);
        let gateway = gateway::Gateway::begin(plan, engine, clock);
        let gateway = gateway.map_err(|error| Failure::Failed(error.to_string()))?;
        let (title, address) = (&config.title, gateway.address());
        tracing::info!(
            "DICOM: {title} takes pictures at {address} – {}",
            picture::NOTICE
        );
        Ok(Self {
            gateway: Some(Arc::new(gateway)),
        })
    }

    /// What is served, and how it does.
    pub(super) fn served_with(&self, studio: Arc<Studio>) -> ServedParts {
        ServedParts {
            gateway: self.gateway.clone(),
            ..studio.into()
        }
    }

    /// Ends it; whether it did in time.
    pub(super) fn end(self, patience: Duration) -> bool {
        self.gateway.is_none_or(|gateway| gateway.end(patience))
    }
}

#[cfg(not(feature = "dicom"))]
impl DicomNode {
    pub(super) fn begin(_: &Config, _: Arc<Engine>) -> Result<Self, Failure> {
        Ok(Self {})
    }

    pub(super) fn served_with(&self, studio: Arc<Studio>) -> ServedParts {
        studio.into()
    }

    pub(super) fn end(self, _: Duration) -> bool {
        true
    }
}
