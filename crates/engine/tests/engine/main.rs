//! The engine through its public face, with a toy model whose answers are known by hand and with the shipped ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod contract;
mod exact;
mod flow;
mod guard;
mod model;
mod presence;
mod queue;
mod several;
