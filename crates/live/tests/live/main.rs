//! Each fault ends in the right state within its time, and no mask is shown that is older than the budget.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod clips;
mod faults;
mod placement;
mod presence;
mod promise;
mod region;
mod stage;
mod wishes;
