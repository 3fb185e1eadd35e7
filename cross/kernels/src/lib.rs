//! `src/compute` and `src/layers` of the program, without the rest of it.

#[path = "../../../src/compute/mod.rs"]
pub mod compute;
#[path = "../../../src/layers/mod.rs"]
pub mod layers;
