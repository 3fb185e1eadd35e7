//! Accuracy against ground truth.

pub mod dataset;
pub mod summary;
