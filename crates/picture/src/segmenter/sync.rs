use std::sync::{Mutex, MutexGuard, PoisonError};

/// A poisoned lock guards only whole values here, so it stays usable.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
