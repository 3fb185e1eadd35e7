//! Depthwise 3 x 3 convolutions with one cell of padding, float and 8-bit: `out[y][x][c] = Σ w[c][ky][kx] ·
//! in[y · stride + ky - 1][x · stride + kx - 1][c]`, real 0 outside the map.
//!
//! A task is one row of the output. Rows above and below the map are read from a constant row, so that only the first
//! and the last columns need care. `run` allocates nothing: sums stay in registers.

mod cells;
mod float;
mod int8;
#[cfg(target_arch = "aarch64")]
mod neon;
mod shape;
#[cfg(test)]
mod tests;
#[cfg(not(target_arch = "aarch64"))]
mod wide;

pub use float::DepthwiseF32;
pub use int8::DepthwiseI8;
pub use shape::DepthwiseShape;
