//! Accuracy against ground truth.

pub mod dataset;
pub mod metrics;
pub mod summary;
