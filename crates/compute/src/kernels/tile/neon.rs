//! Every 64-bit ARM, tuned for the Cortex-A72 (Raspberry Pi 4): one fused multiply-add of four floats a cycle; 8-bit
//! products on one of its two vector pipes only, 8 of them a cycle.

use std::arch::aarch64::*;
use std::arch::asm;
use std::array::from_fn;

use super::finish::finished;
use super::kernel::{TileF32, TileFinish, TileI8, TileOperands};

pub(super) const F32: &[TileF32] = &[
    f32_rows::<1>(),
    f32_rows::<2>(),
    f32_rows::<4>(),
    f32_rows::<8>(),
];

const fn f32_rows<const MR: usize>() -> TileF32 {
    TileF32 {
        mr: MR,
        nr: 8,
        run: run_f32::<MR>,
    }
}

pub(super) const I8: &[TileI8] = &[TileI8 {
    mr: 4,
    nr: 8,
    kg: 16,
    offset: 128,
    run: i8_4x8,
    finished: Some(finished_4x8),
}];

/// Of 8 rows: 16 sums, 8 registers with four values of each row, and room for the weights: the multiplier is taken from a
/// lane, so rows are read where they lie.
///
/// # Safety
/// As [`TileF32::run`] says.
#[target_feature(enable = "neon")]
unsafe fn run_f32<const MR: usize>(
    k: usize,
    a: *const f32,
    lda: usize,
    mut b: *const f32,
    acc: *mut f32,
    accumulate: bool,
) {
    let mut sum = [[vdupq_n_f32(0.0); 2]; MR];
    if accumulate {
        for (r, row) in sum.iter_mut().enumerate() {
            // SAFETY: `acc` holds rows of 8 (the caller's promise).
            unsafe { *row = [vld1q_f32(acc.add(r * 8)), vld1q_f32(acc.add(r * 8 + 4))] };
        }
    }
    // One pointer a row, taken once: multiplying in the loop would be checked for overflow there.
    let rows: [*const f32; MR] = from_fn(|r| a.wrapping_add(r.wrapping_mul(lda)));
    /// The `k` in lane `$i` of `$x`: two vectors of weights times one value of each row.
    macro_rules! step {
        ($x:ident, $i:literal) => {
            // SAFETY: `b` has `k * 8` values, and goes on by 8 for each of `k`.
            let w = unsafe { [vld1q_f32(b), vld1q_f32(b.add(4))] };
            b = b.wrapping_add(8);
            for r in 0..MR {
                sum[r][0] = vfmaq_laneq_f32::<$i>(sum[r][0], w[0], $x[r]);
                sum[r][1] = vfmaq_laneq_f32::<$i>(sum[r][1], w[1], $x[r]);
            }
        };
    }
    let whole = k & !3;
    for at in (0..whole).step_by(4) {
        // SAFETY: `at + 4 <= k`, and `a` has rows of `k` values.
        let x: [_; MR] = from_fn(|r| unsafe { vld1q_f32(rows[r].add(at)) });
        step!(x, 0);
        step!(x, 1);
        step!(x, 2);
        step!(x, 3);
    }
    for at in whole..k {
        // SAFETY: `at < k`, and `a` has rows of `k` values.
        let x: [_; MR] = from_fn(|r| unsafe { vld1q_dup_f32(rows[r].add(at)) });
        step!(x, 0);
    }
    for (r, row) in sum.iter().enumerate() {
        // SAFETY: `acc` holds rows of 8.
        unsafe {
            vst1q_f32(acc.add(r * 8), row[0]);
            vst1q_f32(acc.add(r * 8 + 4), row[1]);
        }
    }
}

/// `to = from ^ 0x80`, vector by vector; gives what is left.
#[inline(always)]
pub(super) fn turn_vectors<'a>(from: &'a [u8], to: &'a mut [u8]) -> (&'a [u8], &'a mut [u8]) {
    let (from, to) = turn_chunks::<64>(from, to);
    turn_chunks::<16>(from, to)
}

/// The same, `N` bytes at a time.
#[inline(always)]
fn turn_chunks<'a, const N: usize>(from: &'a [u8], to: &'a mut [u8]) -> (&'a [u8], &'a mut [u8]) {
    let ((from, from_rest), (to, to_rest)) = (from.as_chunks::<N>(), to.as_chunks_mut::<N>());
    for (to, from) in to.iter_mut().zip(from) {
        for at in (0..N).step_by(16) {
            // SAFETY: sixteen bytes are read and written; every 64-bit ARM has these instructions.
            unsafe {
                let turned = veorq_u8(vld1q_u8(from.as_ptr().add(at)), vdupq_n_u8(0x80));
                vst1q_u8(to.as_mut_ptr().add(at), turned);
            }
        }
    }
    (from_rest, to_rest)
}

/// Two passes of 4 x 4, so that what is done once a tile (the call, its caller's epilogue) weighs less.
///
/// Of each output, 16 lanes are summed apart: `smull`, `smlal2`, then `sadalp` takes the 16-bit pairs to 32 bits. Two
/// products of at most 128 * 64 are 16 384: no 16-bit sum overflows. (Four, 32 768, could by one; they would save
/// nothing either, since the pipe that multiplies is the full one.)
///
/// # Safety
/// As [`TileI8::run`] says.
#[target_feature(enable = "neon")]
unsafe fn i8_4x8(k: usize, a: *const u8, lda: usize, b: *const i8, acc: *mut i32) {
    // SAFETY: the caller's promise; `acc` holds 4 rows of 8.
    unsafe {
        let sums = sums_4x8(k, a, lda, b, [vdupq_n_s32(0); 2]);
        for (i, sums) in sums.as_flattened().iter().enumerate() {
            vst1q_s32(acc.add(4 * i), *sums);
        }
    }
}

finished!(finished_4x8, "neon", 4, sums_4x8);

/// Four rows of eight sums.
///
/// # Safety
/// As [`TileI8::run`] says; sums begin with `start`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn sums_4x8(
    k: usize,
    a: *const u8,
    lda: usize,
    b: *const i8,
    start: [int32x4_t; 2],
) -> [[int32x4_t; 2]; 4] {
    // SAFETY: `b` holds, for each 16 of `k`, 8 columns of 16 values, of which a pass reads 4.
    let (left, right) = unsafe { (sums_4x4(k, a, lda, b), sums_4x4(k, a, lda, b.add(64))) };
    from_fn(|r| [vaddq_s32(left[r], start[0]), vaddq_s32(right[r], start[1])])
}

/// A row's four outputs: products of the row just begun, and between them the additions for the row before (in `$t`),
/// whose products have left the pipe by then. The A72's queues are short: order counts. `$add` is `sadalp`, or `saddlp`
/// where sums begin.
macro_rules! row {
    ($add:literal $x:literal, $($n:literal $t:literal $sum:literal $w:literal),*) => {
        concat!(
            $("smull v", $n, ".8h, v", $x, ".8b, v", $w, ".8b\n",
              $add, " v", $sum, ".4s, v", $t, ".8h\n",)*
            $("smlal2 v", $n, ".8h, v", $x, ".16b, v", $w, ".16b\n",)*
        )
    };
}

/// The products alone.
macro_rules! products {
    ($x:literal, $($n:literal $w:literal),*) => {
        concat!(
            $("smull v", $n, ".8h, v", $x, ".8b, v", $w, ".8b\n",)*
            $("smlal2 v", $n, ".8h, v", $x, ".16b, v", $w, ".16b\n",)*
        )
    };
}

/// Four columns' weights for sixteen of `k`; those between are another pass's.
macro_rules! weights {
    () => {
        "ldp q20, q21, [x1]
         ldp q22, q23, [x1, #32]
         add x1, x1, #128"
    };
}

macro_rules! zero {
    ($($v:literal),*) => { concat!($("movi v", $v, ".2d, #0\n"),*) };
}

/// Adds up the lanes of a row's four sums, to the first of their registers.
macro_rules! fold {
    ($($a:literal $b:literal $c:literal $d:literal),*) => {
        concat!($(
            "addp v", $a, ".4s, v", $a, ".4s, v", $b, ".4s\n",
            "addp v", $c, ".4s, v", $c, ".4s, v", $d, ".4s\n",
            "addp v", $a, ".4s, v", $a, ".4s, v", $c, ".4s\n"
        ),*)
    };
}

/// v0 to v15: sums, four a row. v16, v17: values of a row. v18, v19: not used. v20 to v23: weights. v24 to v31: products.
///
/// Written out because the compiler, left to order this itself, runs out of registers.
///
/// # Safety
/// As [`TileI8::run`] says, but `b` is two passes wide, of which the first is read.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn sums_4x4(k: usize, a: *const u8, lda: usize, b: *const i8) -> [int32x4_t; 4] {
    let (row0, row1, row2, row3): (int32x4_t, int32x4_t, int32x4_t, int32x4_t);
    let rows: [*const u8; 4] = from_fn(|r| a.wrapping_add(r.wrapping_mul(lda)));
    // SAFETY: reads 16 values of each row and 64 of every 128 weights for each 16 of `k` (a multiple of 16, and
    // not 0): the caller's promise. All vector registers are declared overwritten.
    unsafe {
        asm!(
            // The first sixteen: where nothing is there yet to be added to, no register need be cleared.
            zero!(12, 13, 14, 15),
            "ldr q16, [x2], #16",
            weights!(),
            "ldr q17, [x3], #16",
            products!(16, 24 20, 25 21, 26 22, 27 23),
            "ldr q16, [x4], #16",
            row!("saddlp" 17, 28 24 0 20, 29 25 1 21, 30 26 2 22, 31 27 3 23),
            "ldr q17, [x5], #16",
            row!("saddlp" 16, 24 28 4 20, 25 29 5 21, 26 30 6 22, 27 31 7 23),
            "subs x0, x0, #16",
            row!("saddlp" 17, 28 24 8 20, 29 25 9 21, 30 26 10 22, 31 27 11 23),
            "b.eq 3f",
            "2:",
            "ldr q16, [x2], #16",
            weights!(),
            "ldr q17, [x3], #16",
            row!("sadalp" 16, 24 28 12 20, 25 29 13 21, 26 30 14 22, 27 31 15 23),
            "ldr q16, [x4], #16",
            row!("sadalp" 17, 28 24 0 20, 29 25 1 21, 30 26 2 22, 31 27 3 23),
            "ldr q17, [x5], #16",
            row!("sadalp" 16, 24 28 4 20, 25 29 5 21, 26 30 6 22, 27 31 7 23),
            "subs x0, x0, #16",
            row!("sadalp" 17, 28 24 8 20, 29 25 9 21, 30 26 10 22, 31 27 11 23),
            "b.ne 2b",
            "3:",
            "sadalp v12.4s, v28.8h",
            "sadalp v13.4s, v29.8h",
            "sadalp v14.4s, v30.8h",
            "sadalp v15.4s, v31.8h",
            fold!(0 1 2 3, 4 5 6 7, 8 9 10 11, 12 13 14 15),
            inout("x0") k => _,
            inout("x1") b => _,
            inout("x2") rows[0] => _,
            inout("x3") rows[1] => _,
            inout("x4") rows[2] => _,
            inout("x5") rows[3] => _,
            out("v0") row0, out("v4") row1, out("v8") row2, out("v12") row3,
            clobber_abi("C"),
            options(nostack, readonly),
        );
    }
    [row0, row1, row2, row3]
}
