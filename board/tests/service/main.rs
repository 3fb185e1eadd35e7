//! Lights, foot switch and heat around a service: a studio over a puppet and the fake engine.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod heat;
mod lamps;
mod maps;
mod panel;
mod presses;
mod readings;
mod stage;
