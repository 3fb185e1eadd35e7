//! ARM with `sdot` and `udot`. Also for CPUs with 8-bit matrix products, which would halve the products; those are not tried here.

use std::arch::aarch64::*;
use std::arch::asm;

use super::dots::{self, Dots};
use super::kernel::{MixBlock, ScoreBlock, WindowTile};
use super::neon;

pub const DOTPROD: WindowTile = WindowTile {
    scores,
    mix,
    ..neon::NEON
};

#[target_feature(enable = "neon,dotprod")]
fn scores(block: ScoreBlock<'_>) {
    // SAFETY: the caller has the instructions.
    unsafe { dots::scores::<Fours, 7, 0, 2>(block) }
}

#[target_feature(enable = "neon,dotprod")]
fn mix(block: MixBlock<'_>) {
    // SAFETY: the caller has the instructions.
    unsafe { dots::mix::<Fours, 7, 0, 2>(block) }
}

/// A function for `$instruction` with one of the row's four groups. The standard library's own is not stable yet.
macro_rules! dot {
    ($name:ident, $instruction:literal) => {
        #[inline]
        #[target_feature(enable = "neon,dotprod")]
        fn $name<const LANE: usize>(
            mut sums: int32x4_t,
            columns: uint8x16_t,
            row: uint8x16_t,
        ) -> int32x4_t {
            // SAFETY: touches its registers only; the caller has the instruction.
            unsafe {
                asm!(concat!($instruction, " {sums:v}.4s, {columns:v}.16b, {row:v}.4b[{lane}]"),
                    sums = inlateout(vreg) sums, columns = in(vreg) columns, row = in(vreg) row, lane = const LANE,
                    options(pure, nomem, nostack, preserves_flags));
            }
            sums
        }
    };
}

dot!(sdot, "sdot");
dot!(udot, "udot");

/// Four columns a vector.
struct Fours;

impl Dots for Fours {
    type Sums = int32x4_t;
    type Columns = uint8x16_t;
    type Row = uint8x16_t;
    const NR: usize = 4;

    #[inline(always)]
    unsafe fn load(from: *const i32) -> int32x4_t {
        // SAFETY: the caller's promise.
        unsafe { vld1q_s32(from) }
    }
    #[inline(always)]
    unsafe fn splat(number: i32) -> int32x4_t {
        // SAFETY: the caller's promise.
        unsafe { vdupq_n_s32(number) }
    }
    #[inline(always)]
    unsafe fn store(sums: int32x4_t, to: *mut i32) {
        // SAFETY: the caller's promise.
        unsafe { vst1q_s32(to, sums) }
    }
    #[inline(always)]
    unsafe fn columns(from: *const u8) -> uint8x16_t {
        // SAFETY: the caller's promise.
        unsafe { vld1q_u8(from) }
    }
    #[inline(always)]
    unsafe fn row(from: *const u8) -> uint8x16_t {
        // SAFETY: the caller's promise.
        unsafe { vld1q_u8(from) }
    }
    #[inline(always)]
    unsafe fn keys<const HALF: usize>(
        sums: int32x4_t,
        [a, b]: [uint8x16_t; 2],
        query: uint8x16_t,
    ) -> int32x4_t {
        // SAFETY: the caller's promise.
        unsafe {
            if HALF == 0 {
                sdot::<1>(sdot::<0>(sums, a, query), b, query)
            } else {
                sdot::<3>(sdot::<2>(sums, a, query), b, query)
            }
        }
    }
    #[inline(always)]
    unsafe fn values<const HALF: usize>(
        sums: int32x4_t,
        [a, b]: [uint8x16_t; 2],
        weights: uint8x16_t,
    ) -> int32x4_t {
        // SAFETY: the caller's promise.
        unsafe {
            if HALF == 0 {
                udot::<1>(udot::<0>(sums, a, weights), b, weights)
            } else {
                udot::<3>(udot::<2>(sums, a, weights), b, weights)
            }
        }
    }
}
