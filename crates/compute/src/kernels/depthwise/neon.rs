//! Sixteen channels of an 8-bit convolution on 64-bit ARM: three by three in 16 bits, and what neighbours have in common
//! loaded once.

#![allow(unsafe_code)]

use std::arch::aarch64::{
    float32x4_t, int8x16_t, int16x8_t, int32x4_t, uint8x16_t, vaddw_high_s16, vaddw_s16,
    vcvtq_f32_s32, vdupq_n_u8, veorq_u8, vfmaq_f32, vget_low_s8, vget_low_s16, vld1q_f32, vld1q_s8,
    vld1q_s32, vld1q_u8, vmlal_s8, vmull_s8, vreinterpretq_s8_u8, vst1q_f32, vst1q_u8,
};
use std::arch::asm;
use std::array::from_fn;
use std::ops::Range;

use super::shape::DepthwiseShape;

/// Channels worked on at once: a vector of bytes, whose nine weights stay in registers.
pub(super) const WIDE: usize = 16;
const QUARTERS: usize = WIDE / 4;

/// A column of the three rows, less 128.
type Column = [int8x16_t; 3];

/// What sixteen channels are convolved with.
pub(super) struct NeonPanel {
    weights: [Column; 3],
    start: [int32x4_t; QUARTERS],
    scale: [float32x4_t; QUARTERS],
    bias: [float32x4_t; QUARTERS],
}

impl NeonPanel {
    /// Nine weights of each channel, and what its sum begins with, is multiplied with and has added.
    #[inline(always)]
    pub(super) fn new(
        weights: &[[i8; WIDE]; 9],
        start: &[i32; WIDE],
        (scale, bias): (&[f32; WIDE], &[f32; WIDE]),
    ) -> Self {
        // SAFETY: arrays of sixteen; every 64-bit ARM has these instructions.
        unsafe {
            Self {
                weights: from_fn(|kx| from_fn(|ky| vld1q_s8(weights[3 * ky + kx].as_ptr()))),
                start: from_fn(|q| vld1q_s32(start.as_ptr().add(4 * q))),
                scale: from_fn(|q| vld1q_f32(scale.as_ptr().add(4 * q))),
                bias: from_fn(|q| vld1q_f32(bias.as_ptr().add(4 * q))),
            }
        }
    }

    /// `(start + Σ (cell - 128) · weight) · scale + bias`.
    #[inline(always)]
    fn real(&self, cells: &[Column; 3]) -> [float32x4_t; QUARTERS] {
        let mut sums = self.start;
        for (x, w) in cells.iter().zip(&self.weights) {
            // SAFETY: every 64-bit ARM has these instructions. Three products of at most 128 * 64 fit 16 bits.
            unsafe {
                let mut low: int16x8_t = vmull_s8(vget_low_s8(x[0]), vget_low_s8(w[0]));
                let mut high: int16x8_t = product_high(x[0], w[0]);
                for ky in 1..3 {
                    low = vmlal_s8(low, vget_low_s8(x[ky]), vget_low_s8(w[ky]));
                    high = add_product_high(high, x[ky], w[ky]);
                }
                sums[0] = vaddw_s16(sums[0], vget_low_s16(low));
                sums[1] = vaddw_high_s16(sums[1], low);
                sums[2] = vaddw_s16(sums[2], vget_low_s16(high));
                sums[3] = vaddw_high_s16(sums[3], high);
            }
        }
        // SAFETY: as above.
        from_fn(|q| unsafe { vfmaq_f32(self.bias[q], vcvtq_f32_s32(sums[q]), self.scale[q]) })
    }

    /// One output from its nine cells.
    #[inline(always)]
    pub(super) fn of_cells(&self, cells: &[[u8; WIDE]; 9]) -> [f32; WIDE] {
        // SAFETY: arrays of sixteen.
        let cells = from_fn(|kx| from_fn(|ky| unsafe { signed(cells[3 * ky + kx].as_ptr()) }));
        let mut real = [0.0; WIDE];
        store(self.real(&cells), &mut real);
        real
    }

    /// Outputs of `columns`, whose cells all lie inside the map, channels from `first` on: `store` has each with its place in
    /// the output's row.
    ///
    /// # Panics
    /// If cells lie outside.
    #[inline(always)]
    pub(super) fn inner(
        &self,
        shape: DepthwiseShape,
        rows: [&[u8]; 3],
        first: usize,
        columns: Range<usize>,
        mut store: impl FnMut(usize, [float32x4_t; QUARTERS]),
    ) {
        let Some(last) = columns.clone().last() else {
            return;
        };
        let (channels, stride) = (shape.channels, shape.stride);
        let end = (last * stride + 1) * channels + first + WIDE;
        assert!(columns.start > 0 && rows.iter().all(|row| end <= row.len()));
        let mut at: [*const u8; 3] =
            rows.map(|row| row[(columns.start * stride - 1) * channels + first..].as_ptr());
        let mut next = || -> Column {
            from_fn(|ky| {
                // SAFETY: three for the first of `columns` and one or two for each other, the last of which ends at `end`.
                let cells = unsafe { signed(at[ky]) };
                at[ky] = at[ky].wrapping_add(channels);
                cells
            })
        };
        let mut to = columns.start * channels + first;
        let mut place = || {
            let here = to;
            to = to.wrapping_add(channels);
            here
        };
        if stride == 1 {
            let (mut left, mut middle) = (next(), next());
            for _ in columns {
                let right = next();
                store(place(), self.real(&[left, middle, right]));
                (left, middle) = (middle, right);
            }
        } else {
            let mut left = next();
            for _ in columns {
                let (middle, right) = (next(), next());
                store(place(), self.real(&[left, middle, right]));
                left = right;
            }
        }
    }
}

/// Products of the upper halves. The standard library's become a multiplication of lower halves and moves to there, for
/// which there are not enough registers.
#[inline(always)]
fn product_high(a: int8x16_t, b: int8x16_t) -> int16x8_t {
    let product;
    // SAFETY: registers alone are touched; every 64-bit ARM has the instruction.
    unsafe {
        asm!("smull2 {product:v}.8h, {a:v}.16b, {b:v}.16b", product = lateout(vreg) product, a = in(vreg) a, b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags));
    }
    product
}

/// The same, added to `sum`.
#[inline(always)]
fn add_product_high(mut sum: int16x8_t, a: int8x16_t, b: int8x16_t) -> int16x8_t {
    // SAFETY: as above.
    unsafe {
        asm!("smlal2 {sum:v}.8h, {a:v}.16b, {b:v}.16b", sum = inlateout(vreg) sum, a = in(vreg) a, b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags));
    }
    sum
}

/// Bytes less 128.
///
/// # Safety
/// There are sixteen.
#[inline(always)]
unsafe fn signed(bytes: *const u8) -> int8x16_t {
    // SAFETY: the caller's promise; every 64-bit ARM has these instructions.
    unsafe { vreinterpretq_s8_u8(veorq_u8(vld1q_u8(bytes), vdupq_n_u8(0x80))) }
}

/// Stores sixteen numbers.
///
/// # Panics
/// If there is place for fewer.
#[inline(always)]
pub(super) fn store(real: [float32x4_t; QUARTERS], out: &mut [f32]) {
    let out = &mut out[..WIDE];
    for (q, vector) in real.into_iter().enumerate() {
        // SAFETY: four of sixteen; every 64-bit ARM has the instruction.
        unsafe { vst1q_f32(out.as_mut_ptr().add(4 * q), vector) };
    }
}

/// Stores sixteen bytes.
///
/// # Panics
/// If there is place for fewer.
#[inline(always)]
pub(super) fn store_bytes(bytes: uint8x16_t, out: &mut [u8]) {
    let out = &mut out[..WIDE];
    // SAFETY: sixteen; every 64-bit ARM has the instruction.
    unsafe { vst1q_u8(out.as_mut_ptr(), bytes) };
}
