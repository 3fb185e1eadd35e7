use std::sync::atomic::{AtomicU32, Ordering};
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
    /// So many between the last one and this were lost before anybody here could read them.
    pub lost: u32,
}

/// How many edges were lost, by the numbers that the kernel gives a line's edges: from 1 on, one after the other.
#[derive(Debug, Default)]
pub(super) struct EdgeNumbers(AtomicU32);

impl EdgeNumbers {
    /// How many are missing before the one of that number, which has come.
    pub fn lost_before(&self, number: u32) -> u32 {
        let last = self.0.swap(number, Ordering::Relaxed);
        number.wrapping_sub(last).wrapping_sub(1)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_between_numbers_is_what_was_lost() {
        let numbers = EdgeNumbers::default();
        let lost = [1, 2, 5, 6, u32::MAX, 0, 2].map(|number| numbers.lost_before(number));
        assert_eq!(lost, [0, 0, 2, 0, u32::MAX - 7, 0, 1]);
        assert_eq!(EdgeNumbers::default().lost_before(3), 2);
    }
}
