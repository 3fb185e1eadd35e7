//! Nodes of this crate against each other, against peers that mean harm, and against the end of a process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod support;

mod hostile;
mod killed;
mod outbox;
mod store;
