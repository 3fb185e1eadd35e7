//! The one inner product of this folder's float layers.

#![allow(unsafe_code)]

use super::Lanes;
use crate::compute::LANES;

/// `acc[r][l] + Σ_k a[rows[r] + k * a_step] * b[k * b_step + l]` for k in `0..steps`: for each output one chain of fused
/// multiply-adds with k ascending, so that results do not depend on how many rows are worked on at once.
///
/// `b` is read one vector a step, each used `R` times; with `R` from 4 to 6 the sums stay in registers on every CPU.
/// Rows may repeat (to fill the last block).
///
/// # Panics
/// If `a` or `b` is too short.
#[inline(always)]
#[must_use]
pub fn product<const R: usize>(
    mut acc: [Lanes; R],
    steps: usize,
    (a, rows, a_step): (&[f32], [usize; R], usize),
    (b, b_step): (&[f32], usize),
) -> [Lanes; R] {
    if steps == 0 {
        return acc;
    }
    for row in rows {
        assert!(row + (steps - 1) * a_step < a.len());
    }
    assert!((steps - 1) * b_step + LANES <= b.len());
    let mut a_at = 0usize;
    let mut b_at = 0usize;
    for _ in 0..steps {
        // SAFETY: `b_at <= (steps - 1) * b_step`, checked above; an array of f32 may be read from any f32's address.
        let b: Lanes = unsafe { b.as_ptr().add(b_at).cast::<Lanes>().read() };
        for r in 0..R {
            // SAFETY: `a_at <= (steps - 1) * a_step`, checked above for each row.
            let a = unsafe { *a.as_ptr().add(rows[r]).add(a_at) };
            for l in 0..LANES {
                acc[r][l] = a.mul_add(b[l], acc[r][l]);
            }
        }
        a_at = a_at.wrapping_add(a_step);
        b_at = b_at.wrapping_add(b_step);
    }
    acc
}
