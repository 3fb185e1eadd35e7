//! `espmedsam`: prompt-free medical image segmentation on the device.
//!
//! The folders spell the data flow, one way:
//! [`frame`] → [`preprocess`] → ([`guard`]) → [`encode`] → [`self_prompt`] → [`decode`] → [`mask`] → [`render`] → [`http`].
//! [`model`] owns the files and the runtime, [`engine`] runs the flow on its own threads behind a bounded queue.
//!
//! Research use only. Not for clinical use.

pub mod cli;
pub mod compute;
pub mod config;
pub mod decode;
pub mod encode;
pub mod engine;
pub mod eval;
pub mod frame;
pub mod guard;
pub mod http;
pub mod layers;
pub mod mask;
pub mod model;
pub mod preprocess;
pub mod render;
pub mod self_prompt;

/// Said by every output object, page and help text of this product.
pub const NOTICE: &str = "Research use only. Not for clinical use.";
