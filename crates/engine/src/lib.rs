//! From a picture to its mask, on threads of its own: the one crate that knows the network and its runtime.
//!
//! [`manifest`] says what there is; [`preprocess`] and [`views`] make the network's input and put its answers together;
//! [`model`] loads graphs and runs them; [`encode`], [`self_prompt`], [`decode`] and [`guard`] are one graph each;
//! [`flow`] takes one picture through all of them; [`service`] runs the flow behind a bounded queue.
//!
//! Research use only. Not for clinical use.

pub mod decode;
pub mod encode;
pub mod flow;
pub mod guard;
pub mod manifest;
pub mod model;
mod options;
mod pin;
pub mod preprocess;
pub mod self_prompt;
pub mod service;
pub mod views;

pub use options::EngineOptions;
