//! What happened, counted.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What is counted as it happens.
#[derive(Debug, Default)]
pub struct MqttMeter {
    connected: AtomicBool,
    published: AtomicU64,
    left_out: AtomicU64,
}

/// How it is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MqttFigures {
    /// Whether the broker is there, and lets this client in.
    pub connected: bool,
    /// Messages that went out.
    pub published: u64,
    /// Messages that there was no room for: a slow broker, or a payload of more than [`crate::MOST_BYTES`].
    pub left_out: u64,
}

impl MqttMeter {
    /// How it is now.
    #[must_use]
    pub fn look(&self) -> MqttFigures {
        MqttFigures {
            connected: self.connected.load(Ordering::Relaxed),
            published: self.published.load(Ordering::Relaxed),
            left_out: self.left_out.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Relaxed);
    }

    pub(crate) fn published(&self) {
        self.published.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn left_out(&self) {
        self.left_out.fetch_add(1, Ordering::Relaxed);
    }
}
