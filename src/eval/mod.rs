//! Accuracy against ground truth.

pub mod dataset;
pub mod detection;
pub mod summary;
