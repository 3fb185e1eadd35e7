//! Elementary functions as branch-free chains of IEEE operations: the same bits on every CPU, and loops over them
//! vectorise.
//!
//! All are `#[inline(always)]`, and kernels that use them call them from plain loops: a closure that the compiler does not
//! inline is compiled for the baseline, where a fused multiply-add is a call, however capable the kernel around it.
//!
//! Minima and maxima are written `if a > b { a } else { b }`: `f32::max` leaves open which zero of two it gives. ARM has
//! one instruction for `f32::max`, against two for the choice, so there it is taken.

mod activation;
mod elementary;
mod lanes;
mod product;
#[cfg(test)]
mod tests;

pub use activation::{Activation, activate};
pub use elementary::{exp2, gelu, larger, smaller};
pub use lanes::{LANES, Lanes, dot, fold, fold_largest, softmax, sum, sum_of_squares};
pub use product::product;
