//! Cameras as sources of video.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod bench;
mod opening;
mod pictures;
mod schedules;
