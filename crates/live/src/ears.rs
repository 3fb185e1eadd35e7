//! Who wants to know that there is something new.

use std::sync::{Arc, Mutex, Weak};

use picture::sync::lock;

/// Told that there is something new; it must not block, and looks for itself what.
pub trait Listener: Send + Sync {
    /// There is something new.
    fn changed(&self);
}

impl<F: Fn() + Send + Sync> Listener for F {
    fn changed(&self) {
        self();
    }
}

/// Those who listen. Whoever drops the [`Arc`] that it registered with, is told no more.
#[derive(Default)]
pub struct Ears(Mutex<Vec<Weak<dyn Listener>>>);

impl Ears {
    /// Tells it from now on.
    pub fn add(&self, listener: &Arc<dyn Listener>) {
        let mut ears = lock(&self.0);
        ears.retain(|ear| ear.strong_count() > 0);
        ears.push(Arc::downgrade(listener));
    }

    /// Tells all.
    pub fn tell(&self) {
        for ear in lock(&self.0).iter() {
            if let Some(listener) = ear.upgrade() {
                listener.changed();
            }
        }
    }

    /// How many listen.
    #[must_use]
    pub fn count(&self) -> usize {
        let ears = lock(&self.0);
        ears.iter().filter(|ear| ear.strong_count() > 0).count()
    }
}

impl std::fmt::Debug for Ears {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Ears").field(&self.count()).finish()
    }
}
