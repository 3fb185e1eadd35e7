//! Long sums, split over lanes and folded in a fixed tree.

use super::elementary::{exp2, larger};

/// Lanes over which long sums are split, on every CPU: lane `l` sums the elements `l, l + 16, ...`; then lanes are added
/// in a tree (`l` and `l + 8`, `l + 4`, `l + 2`, `l + 1`).
pub const LANES: usize = 16;

/// One value for each lane.
pub type Lanes = [f32; LANES];

/// The sum of all lanes in the fixed tree.
#[inline(always)]
#[must_use]
pub fn fold(mut lanes: Lanes) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for l in 0..width {
            lanes[l] += lanes[l + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// The sum of `x`, over [`LANES`] lanes, folded in the fixed tree.
#[inline(always)]
#[must_use]
pub fn sum(x: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for l in 0..LANES {
            lanes[l] += chunk[l];
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane += x;
    }
    fold(lanes)
}

/// Σ a · b, as far as the shorter goes, over [`LANES`] lanes, folded in the fixed tree.
#[inline(always)]
#[must_use]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes: Lanes = [0.0; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for l in 0..LANES {
            lanes[l] = a[l].mul_add(b[l], lanes[l]);
        }
    }
    for ((lane, a), b) in lanes.iter_mut().zip(a_rest).zip(b_rest) {
        *lane = a.mul_add(*b, *lane);
    }
    fold(lanes)
}

/// The largest of all lanes.
#[inline(always)]
#[must_use]
pub fn fold_largest(mut lanes: Lanes) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for l in 0..width {
            lanes[l] = larger(lanes[l], lanes[l + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// Turns scores, a multiple of [`LANES`] of them, into 2^(score - largest) and gives the sum of those, over lanes:
/// softmax but for the division, with scores in units of ln 2. A score of -∞ comes to nothing beside the others.
#[inline(always)]
#[must_use]
pub fn softmax(scores: &mut [f32]) -> f32 {
    let (scores, _) = scores.as_chunks_mut::<LANES>();
    let mut most = [f32::NEG_INFINITY; LANES];
    for chunk in &*scores {
        for l in 0..LANES {
            most[l] = larger(chunk[l], most[l]);
        }
    }
    let most = fold_largest(most);
    let mut lanes: Lanes = [0.0; LANES];
    for chunk in scores {
        for l in 0..LANES {
            chunk[l] = exp2(chunk[l] - most);
            lanes[l] += chunk[l];
        }
    }
    fold(lanes)
}
