//! The `espmedsam` program: commands, configuration, and the wiring of sources, engine and HTTP.
//!
//! Research use only. Not for clinical use.

pub mod cli;
pub mod config;
pub mod doctor;
pub mod eval;
mod fittings;
pub mod service;
pub mod setup;
mod workshop;
