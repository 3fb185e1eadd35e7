use std::sync::{Mutex, MutexGuard, PoisonError};

/// A poisoned lock guards only whole values here, so it stays usable.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn millis(time: std::time::Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
