//! Who hears of every answer.

use std::sync::{Arc, Mutex, Weak};

use picture::sync::lock;

use crate::view::LiveAnswer;

/// Hears of every answer once, in order, on the thread that publishes it: it must not block. A viewer looks now and then,
/// and sees what a person holds as long as it is held; who counts has to miss nothing.
pub trait Observer: Send + Sync {
    /// This one is published now.
    fn answered(&self, answer: &LiveAnswer);
}

/// Those who hear. Whoever drops the [`Arc`] that it registered with, hears no more.
#[derive(Default)]
pub struct Observers(Mutex<Vec<Weak<dyn Observer>>>);

impl Observers {
    /// Tells it from now on.
    pub fn add(&self, observer: &Arc<dyn Observer>) {
        let mut observers = lock(&self.0);
        observers.retain(|observer| observer.strong_count() > 0);
        observers.push(Arc::downgrade(observer));
    }

    /// Tells all.
    pub fn tell(&self, answer: &LiveAnswer) {
        let observers = lock(&self.0);
        for observer in observers.iter().filter_map(Weak::upgrade) {
            observer.answered(answer);
        }
    }
}
