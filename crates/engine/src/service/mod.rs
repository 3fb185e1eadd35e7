//! The flow on threads of its own, behind a bounded queue.

mod engine;
mod post;
mod shared;
mod stats;
#[cfg(test)]
mod tests;
mod worker;

pub use engine::{Engine, LeftBehind};
pub use stats::{Latency, Stats};
