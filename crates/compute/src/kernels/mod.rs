//! What the network computes with: kernels for each CPU, the threads they run on, the memory they use.
//!
//! Nothing here knows the network, a file or a runtime. Numbers are `f32`, or `u8` with a [`Quant`]; maps are row-major
//! `[rows][channels]` with `rows = height * width` (channels last). All results are **bit-identical on every CPU and for
//! any number of threads**: float kernels do the same IEEE operations in the same order on each output (one fused
//! multiply-add chain per output, sums over [`LANES`] lanes folded in a fixed tree), integer kernels are exact.
//! `docs/engine.md` has the whole contract.
//!
//! `unsafe` is allowed in this folder alone, each block with its reason.

#[macro_use]
mod cpu;
mod arena;
mod context;
mod exec;
mod lines;
mod pool;
mod quant;
mod shared;
#[cfg(test)]
mod testing;

pub mod attention;
pub mod chain;
pub mod classify;
pub mod conv;
pub mod depthwise;
pub mod gemm;
pub mod math;
pub mod norm;
pub mod pointwise;
pub mod presence;
pub mod resize;
pub mod two_way;

mod tile;

pub use arena::{Arena, Extent, Split, Value, ValueMut};
pub use context::Context;
pub use cpu::{Cpu, Isa};
pub use exec::{Exec, Scratch};
pub use math::{Activation, LANES};
pub use pool::Pool;
pub use quant::{Out, Quant, Quantizer, gelu_table};
pub use shared::SharedSlice;
pub use tile::lookup;
