//! The one inner product of this folder's float layers.

#![allow(unsafe_code)]

use super::lanes::{LANES, Lanes};

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
    #[cfg(target_arch = "aarch64")]
    let steps = if a_step == 1 {
        // SAFETY: checked above for each row and for `b`.
        unsafe {
            let mut starts = [a.as_ptr(); R];
            for r in 0..R {
                starts[r] = a.as_ptr().add(rows[r]);
            }
            fours(&mut acc, steps / 4, starts, b.as_ptr(), b_step);
        }
        a_at = steps & !3;
        b_at = a_at.wrapping_mul(b_step);
        steps % 4
    } else {
        steps
    };
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

/// Four steps at a time for 64-bit ARM, which multiplies by a lane: a load for four values of a row.
///
/// # Safety
/// Each of `a` is readable for `4 * fours` values, `b` for as many vectors, `b_step` apart.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
unsafe fn fours<const R: usize>(
    acc: &mut [Lanes; R],
    fours: usize,
    a: [*const f32; R],
    mut b: *const f32,
    b_step: usize,
) {
    use std::arch::aarch64::{float32x4_t, vdupq_n_f32, vfmaq_laneq_f32, vld1q_f32, vst1q_f32};
    const QUARTERS: usize = LANES / 4;
    // SAFETY: `acc` has LANES numbers a row; every 64-bit ARM has these instructions; `a` and `b` as promised.
    unsafe {
        let mut sums = [[vdupq_n_f32(0.0); QUARTERS]; R];
        for r in 0..R {
            for q in 0..QUARTERS {
                sums[r][q] = vld1q_f32(acc[r].as_ptr().add(4 * q));
            }
        }
        /// The step in lane `$lane` of `$x`.
        macro_rules! step {
            ($x:ident, $lane:literal) => {
                for q in 0..QUARTERS {
                    let w: float32x4_t = vld1q_f32(b.add(4 * q));
                    for r in 0..R {
                        sums[r][q] = vfmaq_laneq_f32::<$lane>(sums[r][q], w, $x[r]);
                    }
                }
                b = b.wrapping_add(b_step);
            };
        }
        for four in 0..fours {
            let mut x = [vdupq_n_f32(0.0); R];
            for r in 0..R {
                x[r] = vld1q_f32(a[r].add(four.wrapping_mul(4)));
            }
            step!(x, 0);
            step!(x, 1);
            step!(x, 2);
            step!(x, 3);
        }
        for r in 0..R {
            for q in 0..QUARTERS {
                vst1q_f32(acc[r].as_mut_ptr().add(4 * q), sums[r][q]);
            }
        }
    }
}
