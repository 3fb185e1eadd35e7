//! Under which topics what is told.

use std::fmt;

/// The topics of a device: `PREFIX/DEVICE/…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MqttTopics {
    root: String,
}

impl MqttTopics {
    /// Of a device under a prefix; both were checked by [`MqttConfig::check`](crate::MqttConfig::check).
    #[must_use]
    pub fn new(prefix: &str, device: &str) -> Self {
        Self {
            root: format!("{prefix}/{device}"),
        }
    }

    /// Whether the service runs: retained, and the last will.
    #[must_use]
    pub fn status(&self) -> String {
        format!("{}/status", self.root)
    }

    /// What may be shown of a source: retained.
    #[must_use]
    pub fn state(&self, source: &str) -> String {
        format!("{}/live/{source}/state", self.root)
    }

    /// A source's results.
    #[must_use]
    pub fn result(&self, source: &str) -> String {
        format!("{}/live/{source}/result", self.root)
    }
}

/// What they begin with.
impl fmt::Display for MqttTopics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)
    }
}
