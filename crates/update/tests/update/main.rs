//! Packages from pack to switch: what is hostile, what is cut, and what a power cut leaves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod hostile;
mod models;
mod pack;
mod power;
mod program;
mod workshop;
