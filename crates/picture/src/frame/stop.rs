//! When to give up on a picture.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Asked again and again by whatever may take long: until when the work is worth doing, and whether anybody still
/// waits for it. Clones share the cancellation.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    deadline: Option<Instant>,
    cancelled: Arc<AtomicBool>,
}

/// Why work was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// Its time had run out.
    #[error("its time had run out")]
    Late,
    /// Nobody waits for it any more.
    #[error("nobody waits for it any more")]
    Cancelled,
}

impl Stop {
    /// Never, unless cancelled.
    #[must_use]
    pub fn never() -> Self {
        Self::default()
    }

    /// At `deadline`, unless cancelled before.
    #[must_use]
    pub fn at(deadline: Instant) -> Self {
        Self {
            deadline: Some(deadline),
            ..Self::default()
        }
    }

    /// The same cancellation, with the earlier of the two deadlines.
    #[must_use]
    pub fn no_later_than(&self, deadline: Instant) -> Self {
        Self {
            deadline: Some(self.deadline.map_or(deadline, |own| own.min(deadline))),
            cancelled: self.cancelled.clone(),
        }
    }

    /// Gives the work up.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn check(&self) -> Result<(), Stopped> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Stopped::Cancelled);
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Stopped::Late),
            _ => Ok(()),
        }
    }

    /// Until when the work is worth doing.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn clones_share_the_cancellation_and_the_earlier_deadline_counts() {
        let now = Instant::now();
        let stop = Stop::at(now + Duration::from_secs(60));
        assert_eq!(stop.check(), Ok(()));
        assert_eq!(stop.no_later_than(now).check(), Err(Stopped::Late));
        let later = now + Duration::from_secs(90);
        assert_eq!(stop.no_later_than(later).deadline(), stop.deadline());
        stop.no_later_than(later).cancel();
        assert_eq!(stop.check(), Err(Stopped::Cancelled));
        assert_eq!(Stop::never().check(), Ok(()));
    }
}
