//! ARM with 8-bit matrix products (Neoverse V1, Cortex-A710): `usmmla`, 2 x 8 by 8 x 2, takes values as they are,
//! unsigned.

use std::arch::aarch64::*;
use std::arch::asm;
use std::array::from_fn;

use super::kernel::TileI8;

/// Pairs of columns; of rows there are as many at most: 16 sums of 2 x 2.
const PAIRS: usize = 4;

pub(super) const I8: &[TileI8] = &[i8_pairs::<1>(), i8_pairs::<2>(), i8_pairs::<PAIRS>()];

const fn i8_pairs<const ROWS: usize>() -> TileI8 {
    TileI8 {
        mr: ROWS * 2,
        nr: PAIRS * 2,
        kg: 8,
        offset: 0,
        run: run_i8::<ROWS>,
        finished: None,
    }
}

/// `sum[2 r + c] += Σ_j x[8 r + j] * w[8 c + j]`. The standard library's own is not stable yet.
#[inline]
#[target_feature(enable = "neon,i8mm")]
fn usmmla(mut sum: int32x4_t, x: uint8x16_t, w: int8x16_t) -> int32x4_t {
    // SAFETY: touches its registers only; the caller has the instruction.
    unsafe {
        asm!("usmmla {sum:v}.4s, {x:v}.16b, {w:v}.16b",
            sum = inlateout(vreg) sum, x = in(vreg) x, w = in(vreg) w,
            options(pure, nomem, nostack, preserves_flags));
    }
    sum
}

/// `ROWS` pairs of rows.
///
/// # Safety
/// As [`TileI8::run`] says.
#[target_feature(enable = "neon,i8mm")]
unsafe fn run_i8<const ROWS: usize>(
    k: usize,
    a: *const u8,
    lda: usize,
    mut b: *const i8,
    acc: *mut i32,
) {
    let mut sum = [[vdupq_n_s32(0); PAIRS]; ROWS];
    // Two pointers a pair, taken once: multiplying in the loop would be checked for overflow there.
    let rows: [[*const u8; 2]; ROWS] =
        from_fn(|p| [2 * p, 2 * p + 1].map(|r| a.wrapping_add(r.wrapping_mul(lda))));
    for at in (0..k).step_by(16) {
        // SAFETY: `at + 16 <= k`, a multiple of 16, and `a` has two rows a pair of `k` values.
        let load = |row: *const u8| unsafe { vreinterpretq_u64_u8(vld1q_u8(row.add(at))) };
        // Eight values of two rows lie together, for each half of the 16.
        let x: [_; ROWS] = from_fn(|p| {
            let (even, odd) = (load(rows[p][0]), load(rows[p][1]));
            [vzip1q_u64(even, odd), vzip2q_u64(even, odd)]
        });
        for half in 0..2 {
            for q in 0..PAIRS {
                // SAFETY: `b` holds 8 columns of 8 values for each 8 of `k`, and goes on by one vector a step.
                let w = unsafe { vld1q_s8(b) };
                b = b.wrapping_add(16);
                for p in 0..ROWS {
                    sum[p][q] = usmmla(sum[p][q], vreinterpretq_u8_u64(x[p][half]), w);
                }
            }
        }
    }
    for (p, sums) in sum.iter().enumerate() {
        for q in (0..PAIRS).step_by(2) {
            let left = vreinterpretq_s64_s32(sums[q]);
            let right = vreinterpretq_s64_s32(sums[q + 1]);
            let even = vreinterpretq_s32_s64(vzip1q_s64(left, right));
            let odd = vreinterpretq_s32_s64(vzip2q_s64(left, right));
            // SAFETY: `acc` holds two rows of 8 a pair.
            unsafe {
                vst1q_s32(acc.add(2 * p * 8 + q * 2), even);
                vst1q_s32(acc.add((2 * p + 1) * 8 + q * 2), odd);
            }
        }
    }
}
