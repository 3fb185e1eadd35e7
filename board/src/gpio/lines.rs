use std::time::{Duration, Instant};

use super::error::GpioError;
use super::role::LampRole;

/// The foot switch has gone down or up, or seems to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Whether it is down now.
    pub down: bool,
    /// When it happened, as closely as is known: the kernel's time, not that of whoever comes late to read it.
    pub at: Instant,
}

/// Lines of a panel, by what they are for. What has no pin is left out without a word.
pub trait PanelLines: Send + Sync {
    /// Lights a lamp, or puts it out.
    ///
    /// # Errors
    /// [`GpioError::Line`].
    fn set(&self, lamp: LampRole, lit: bool) -> Result<(), GpioError>;

    /// Waits for the switch's next edge, no longer than so.
    ///
    /// # Errors
    /// [`GpioError::Line`].
    fn wait(&self, at_most: Duration) -> Result<Option<Edge>, GpioError>;

    /// For how long its edges must stand until they count: nothing where that has been seen to below.
    fn debounce(&self) -> Duration;
}
