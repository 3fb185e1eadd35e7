//! What the network computes with: [`kernels`] for each CPU, and the [`layers`] and programs made of them.
//!
//! Knows no file, no picture and no runtime. All `unsafe` of the project is here, each block with its reason.
//!
//! Research use only. Not for clinical use.

pub mod kernels;
pub mod layers;
