//! Accuracy against ground truth.

pub mod metrics;
