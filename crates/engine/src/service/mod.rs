//! The flow on threads of its own, behind a bounded queue and the newest frames of live sources.

mod engine;
mod post;
mod reader;
mod shared;
mod stats;
#[cfg(test)]
mod tests;
mod worker;

pub use engine::{Engine, LeftBehind};
pub use stats::{Latency, Stats};
