//! Linear layers: packed weights, `y = activation(x Wᵀ + b + residual)`, float and 8-bit.
//!
//! A layer is cut into tasks, each some rows by some columns of the result (`product`); a task goes through its
//! columns one panel of packed weights at a time, a panel through the task's rows one tile at a time, and each tile's
//! sums are finished (`epilogue`) while they lie in the first-level cache. An output is one chain of additions over
//! the whole of `k`, so no choice of tasks, tiles or threads changes its bits.

mod chunks;
mod eight;
mod epilogue;
mod finish;
mod float;
mod patches;
mod place;
mod product;
#[cfg(test)]
mod tests;

pub use eight::{LinearI8, WeightsI8};
pub use finish::{Epilogue, Finish, Residual};
pub use float::LinearF32;
pub use patches::{Operand, Patches};
