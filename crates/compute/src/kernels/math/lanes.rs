//! Long sums, split over lanes and folded in a fixed tree.

#![cfg_attr(target_arch = "aarch64", allow(unsafe_code))]

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64::float32x4_t;

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
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut lanes = sum_chunks(chunks);
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane += x;
    }
    fold(lanes)
}

/// Each lane's sum.
#[cfg(not(target_arch = "aarch64"))]
#[inline(always)]
fn sum_chunks(chunks: &[Lanes]) -> Lanes {
    let mut lanes = [0.0; LANES];
    for chunk in chunks {
        for l in 0..LANES {
            lanes[l] += chunk[l];
        }
    }
    lanes
}

/// The same, said in vectors: the compiler alone takes halves of them.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
fn sum_chunks(chunks: &[Lanes]) -> Lanes {
    use std::arch::aarch64::{vaddq_f32, vdupq_n_f32};
    // SAFETY: every 64-bit ARM has these instructions.
    let mut sums = [unsafe { vdupq_n_f32(0.0) }; LANES / 4];
    for chunk in chunks {
        let x = vectors(chunk);
        for v in 0..LANES / 4 {
            // SAFETY: as above.
            sums[v] = unsafe { vaddq_f32(sums[v], x[v]) };
        }
    }
    lanes_of(sums)
}

/// Σ (x - mean)², over [`LANES`] lanes, folded in the fixed tree.
#[inline(always)]
#[must_use]
pub fn sum_of_squares(x: &[f32], mean: f32) -> f32 {
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut lanes = square_chunks(chunks, mean);
    for (lane, x) in lanes.iter_mut().zip(rest) {
        let d = x - mean;
        *lane = d.mul_add(d, *lane);
    }
    fold(lanes)
}

/// Each lane's sum of squares.
#[cfg(not(target_arch = "aarch64"))]
#[inline(always)]
fn square_chunks(chunks: &[Lanes], mean: f32) -> Lanes {
    let mut lanes = [0.0; LANES];
    for chunk in chunks {
        for l in 0..LANES {
            let d = chunk[l] - mean;
            lanes[l] = d.mul_add(d, lanes[l]);
        }
    }
    lanes
}

/// The same, said in vectors.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
fn square_chunks(chunks: &[Lanes], mean: f32) -> Lanes {
    use std::arch::aarch64::{vdupq_n_f32, vfmaq_f32, vsubq_f32};
    // SAFETY: every 64-bit ARM has these instructions.
    let (mean, mut sums) = unsafe { (vdupq_n_f32(mean), [vdupq_n_f32(0.0); LANES / 4]) };
    for chunk in chunks {
        let x = vectors(chunk);
        for v in 0..LANES / 4 {
            // SAFETY: as above.
            sums[v] = unsafe {
                let d = vsubq_f32(x[v], mean);
                vfmaq_f32(sums[v], d, d)
            };
        }
    }
    lanes_of(sums)
}

#[cfg(target_arch = "aarch64")]
#[inline(always)]
fn vectors(lanes: &Lanes) -> [float32x4_t; LANES / 4] {
    // SAFETY: four lanes each are read; every 64-bit ARM has the instruction.
    std::array::from_fn(|v| unsafe { std::arch::aarch64::vld1q_f32(lanes.as_ptr().add(4 * v)) })
}

#[cfg(target_arch = "aarch64")]
#[inline(always)]
fn lanes_of(vectors: [float32x4_t; LANES / 4]) -> Lanes {
    let mut lanes = [0.0; LANES];
    for (v, vector) in vectors.into_iter().enumerate() {
        // SAFETY: four lanes each are written; every 64-bit ARM has the instruction.
        unsafe { std::arch::aarch64::vst1q_f32(lanes.as_mut_ptr().add(4 * v), vector) };
    }
    lanes
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
