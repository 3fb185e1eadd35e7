//! What threads share.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex whose value is whole whenever it is let go: one that was poisoned stays usable.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
