//! The memory that all decoded pictures together may take.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::frame::{FrameError, Stop};
use crate::sync::lock;

use super::error::EngineError;

/// How often a picture that waits for room asks whether anybody still waits for it.
const TICK: Duration = Duration::from_millis(20);

/// A budget of bytes. Clones share it.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    total: u64,
    free: Mutex<u64>,
    freed: Condvar,
}

/// A part of the budget, given back when its last clone is dropped. The default one is of no budget.
#[derive(Clone, Debug, Default)]
pub struct Lease(Option<Arc<Share>>);

#[derive(Debug)]
struct Share {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Memory {
    /// A budget of `total` bytes.
    #[must_use]
    pub fn new(total: u64) -> Self {
        Self(Arc::new(Budget {
            total,
            free: Mutex::new(total),
            freed: Condvar::new(),
        }))
    }

    /// Takes `bytes`, as soon as they are free.
    ///
    /// # Errors
    /// [`FrameError::TooMuchMemory`] for more than there is in all; [`EngineError::GivenUp`] once `stop` says so.
    pub fn reserve(&self, bytes: u64, stop: &Stop) -> Result<Lease, EngineError> {
        let budget = &self.0;
        if bytes > budget.total {
            let (need, limit) = (bytes, budget.total);
            return Err(FrameError::TooMuchMemory { need, limit }.into());
        }
        let mut free = lock(&budget.free);
        while *free < bytes {
            stop.check()?;
            let waited = budget.freed.wait_timeout(free, TICK);
            (free, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        *free -= bytes;
        Ok(Lease(Some(Arc::new(Share {
            budget: budget.clone(),
            bytes,
        }))))
    }
}

impl Lease {
    /// Gives back what is more than `bytes`; for the only clone.
    pub fn shrink(&mut self, bytes: u64) {
        if let Some(share) = self.0.as_mut().and_then(Arc::get_mut) {
            let surplus = share.bytes.saturating_sub(bytes);
            share.bytes -= surplus;
            share.budget.give_back(surplus);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

impl Budget {
    fn give_back(&self, bytes: u64) {
        *lock(&self.free) += bytes;
        self.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::frame::Stopped;

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let memory = Memory::new(100);
        let mut first = memory.reserve(100, &Stop::never()).unwrap();
        let soon = Stop::at(Instant::now() + Duration::from_millis(30));
        assert!(matches!(
            memory.reserve(40, &soon),
            Err(EngineError::GivenUp(Stopped::Late))
        ));
        first.shrink(60);
        let second = memory.reserve(40, &Stop::never()).unwrap();
        let clone = first.clone();
        drop(first);
        assert!(memory.reserve(1, &soon).is_err(), "a clone still holds it");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| memory.reserve(60, &Stop::never()).map(drop));
            drop(clone);
            waiting.join().unwrap().unwrap();
        });
        drop(second);
        assert!(memory.reserve(100, &soon).is_ok());
    }

    #[test]
    fn more_than_there_is_in_all_is_refused_at_once() {
        let refused = Memory::new(100).reserve(101, &Stop::never()).unwrap_err();
        assert!(matches!(
            refused,
            EngineError::Frame(FrameError::TooMuchMemory {
                need: 101,
                limit: 100
            })
        ));
    }
}
