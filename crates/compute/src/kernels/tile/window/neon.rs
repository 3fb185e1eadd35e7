//! Every 64-bit ARM. Products are made eight at a time, in 16 bits: of two groups, as two products fit.

use std::arch::aarch64::*;

use super::dots::{self, Dots};
use super::kernel::{WeighBlock, WindowTile};
use super::table::WEIGHTS;
use crate::kernels::tile::lookup::NeonTable;

pub const NEON: WindowTile = WindowTile {
    nr: 4,
    row: 16,
    key_zero: 0,
    value_zero: 64,
    scores: dots::scores::<Pairs, 4, 3, 2>,
    weigh,
    mix: dots::mix::<Pairs, 4, 3, 2>,
};

/// Of each column the sums of even and of odd pairs, two columns a vector.
struct Pairs;

impl Dots for Pairs {
    type Sums = [int32x4_t; 2];
    type Columns = uint8x16_t;
    type Row = uint8x16_t;
    const NR: usize = 4;

    #[inline(always)]
    unsafe fn load(from: *const i32) -> [int32x4_t; 2] {
        // SAFETY: the caller's promise.
        unsafe {
            let (sums, zero) = (vld1q_s32(from), vdupq_n_s32(0));
            [vzip1q_s32(sums, zero), vzip2q_s32(sums, zero)]
        }
    }
    #[inline(always)]
    unsafe fn splat(number: i32) -> [int32x4_t; 2] {
        // SAFETY: the caller's promise.
        unsafe { [vzip1q_s32(vdupq_n_s32(number), vdupq_n_s32(0)); 2] }
    }
    #[inline(always)]
    unsafe fn store([left, right]: [int32x4_t; 2], to: *mut i32) {
        // SAFETY: the caller's promise.
        unsafe { vst1q_s32(to, vpaddq_s32(left, right)) }
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
    /// Two products of at most 128 · 64 are 16 384.
    #[inline(always)]
    unsafe fn keys<const HALF: usize>(
        [left, right]: [int32x4_t; 2],
        keys: [uint8x16_t; 2],
        query: uint8x16_t,
    ) -> [int32x4_t; 2] {
        // SAFETY: the caller's promise.
        unsafe {
            let [a, b] = keys.map(|keys| vreinterpretq_s8_u8(keys));
            let [x, y] = groups::<HALF>(query).map(|group| vreinterpretq_s8_u8(group));
            let low = vmull_s8(vget_low_s8(a), vget_low_s8(x));
            let low = vmlal_s8(low, vget_low_s8(b), vget_low_s8(y));
            let high = vmlal_high_s8(vmull_high_s8(a, x), b, y);
            [vpadalq_s16(left, low), vpadalq_s16(right, high)]
        }
    }
    /// Two products of at most 255 · 128 are 65 280.
    #[inline(always)]
    unsafe fn values<const HALF: usize>(
        [left, right]: [int32x4_t; 2],
        [a, b]: [uint8x16_t; 2],
        weights: uint8x16_t,
    ) -> [int32x4_t; 2] {
        // SAFETY: the caller's promise.
        unsafe {
            let [x, y] = groups::<HALF>(weights);
            let low = vmull_u8(vget_low_u8(a), vget_low_u8(x));
            let low = vmlal_u8(low, vget_low_u8(b), vget_low_u8(y));
            let high = vmlal_high_u8(vmull_high_u8(a, x), b, y);
            let [left, right] = [left, right].map(|sums| vreinterpretq_u32_s32(sums));
            [vpadalq_u16(left, low), vpadalq_u16(right, high)]
                .map(|sums| vreinterpretq_s32_u32(sums))
        }
    }
}

/// Two of a row's four groups of bytes, each for all columns.
#[inline(always)]
unsafe fn groups<const HALF: usize>(row: uint8x16_t) -> [uint8x16_t; 2] {
    // SAFETY: every 64-bit ARM has these instructions.
    unsafe {
        let row = vreinterpretq_u32_u8(row);
        let groups = if HALF == 0 {
            [vdupq_laneq_u32::<0>(row), vdupq_laneq_u32::<1>(row)]
        } else {
            [vdupq_laneq_u32::<2>(row), vdupq_laneq_u32::<3>(row)]
        };
        groups.map(|group| vreinterpretq_u8_u32(group))
    }
}

/// A distance is shifted up, not down, so far that its steps are the top byte; what is too far saturates to 255 steps.
pub(super) fn weigh(block: WeighBlock<'_>) {
    let row = block.check(16);
    let entries = NeonTable::new(&WEIGHTS);
    let rows = block
        .scores
        .chunks_exact(row)
        .zip(block.weights.chunks_exact_mut(row));
    for ((scores, weights), sum) in rows.zip(block.sums) {
        let (scores, weights) = (scores.as_chunks::<16>().0, weights.as_chunks_mut::<16>().0);
        // SAFETY: chunks are 16 numbers long; every 64-bit ARM has these instructions.
        unsafe {
            let mut most = [vdupq_n_s32(i32::MIN); 4];
            for scores in scores {
                for (i, most) in most.iter_mut().enumerate() {
                    *most = vmaxq_s32(*most, vld1q_s32(scores.as_ptr().add(4 * i)));
                }
            }
            let most = vmaxq_s32(vmaxq_s32(most[0], most[1]), vmaxq_s32(most[2], most[3]));
            let half = (1 << block.shift) >> 1;
            let top = vdupq_n_s32(vmaxvq_s32(most).wrapping_add(half));
            let up = vdupq_n_s32(24i32.wrapping_sub(block.shift as i32));
            let mut sums = vdupq_n_u16(0);
            for (scores, weights) in scores.iter().zip(weights) {
                let mut far = [vdupq_n_u16(0); 4];
                for (i, far) in far.iter_mut().enumerate() {
                    let below = vsubq_s32(top, vld1q_s32(scores.as_ptr().add(4 * i)));
                    let steps = vqshlq_u32(vreinterpretq_u32_s32(below), up);
                    *far = vreinterpretq_u16_u32(steps);
                }
                let left = vreinterpretq_u8_u16(vuzp2q_u16(far[0], far[1]));
                let right = vreinterpretq_u8_u16(vuzp2q_u16(far[2], far[3]));
                let found = entries.at(vuzp2q_u8(left, right));
                sums = vpadalq_u8(sums, found); // Of 62 times 16 weights at most, which fit.
                vst1q_u8(weights.as_mut_ptr(), found);
            }
            *sum = vaddlvq_u16(sums) as i32;
        }
    }
}
