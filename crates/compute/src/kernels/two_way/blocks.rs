//! How columns and image rows are cut for products.

use super::weights::HEADS;
use crate::kernels::LANES;
use crate::kernels::math::Lanes;

/// Image rows that are kept in the first cache at a time; whole blocks of [`BLOCK`].
pub(super) const ROWS: usize = 30;

/// Image rows, or columns, that a product works on at once.
pub(super) const BLOCK: usize = 6;

/// Columns, padded to whole panels.
pub(super) fn padded(tokens: usize) -> usize {
    (tokens * HEADS).next_multiple_of(LANES)
}

/// `step` times `first, first + 1, ...`, the last of `0..count` in the places past it. (A loop, as everywhere in the
/// kernels: what `array::map` or a closure calls may be compiled apart, for the baseline.)
#[inline(always)]
pub(super) fn block<const N: usize>(first: usize, count: usize, step: usize) -> [usize; N] {
    let mut block = [0; N];
    for (i, place) in block.iter_mut().enumerate() {
        *place = (first + i).min(count - 1) * step;
    }
    block
}

/// The vector at `x[at]`.
#[inline(always)]
pub(super) fn vector(x: &[f32], at: usize) -> Lanes {
    let mut vector = [0.0; LANES];
    vector.copy_from_slice(&x[at..at + LANES]);
    vector
}
