//! The steps of 8-bit window attention for each instruction set: scores, their softmax in integers, weighted values.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod dotprod;
mod dots;
mod kernel;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod table;
#[cfg(test)]
mod tests;

#[cfg(target_arch = "x86_64")]
pub(super) use avx2::{AVX2, AVXVNNI};
#[cfg(target_arch = "x86_64")]
pub(super) use avx512::AVX512;
#[cfg(target_arch = "aarch64")]
pub(super) use dotprod::DOTPROD;
pub use kernel::{GROUP, HEAD, MixBlock, QUERIES, ScoreBlock, WeighBlock, WindowTile};
#[cfg(target_arch = "aarch64")]
pub(super) use neon::NEON;
pub(super) use portable::PORTABLE;
pub use table::PER_NAT;
