//! 8-bit sums finished in the registers of 64-bit ARM: what `gemm` does to the sums of other tiles, in the same order.

use std::arch::aarch64::{
    float32x4_t, int32x4_t, vaddq_f32, vcvtq_f32_s32, vdupq_n_f32, vfmaq_f32, vld1q_f32, vld1q_s32,
    vst1q_f32, vst1q_u8,
};

use super::kernel::{TileFinish, TileOut};

/// Vectors of a row.
pub(super) const VECTORS: usize = 4;

impl TileFinish<'_> {
    /// The same, so many rows further down.
    #[inline(always)]
    pub(super) fn below(mut self, rows: usize) -> Self {
        let step = rows.wrapping_mul(self.n);
        self.out = match self.out {
            TileOut::F32(out) => TileOut::F32(out.wrapping_add(step)),
            TileOut::U8(quantizer, out) => TileOut::U8(quantizer, out.wrapping_add(step)),
        };
        if !self.residual.is_null() {
            self.residual = self.residual.wrapping_add(step);
        }
        self
    }
}

/// What a row's sums begin with.
///
/// # Panics
/// If there are fewer columns.
#[inline(always)]
pub(super) fn start(finish: &TileFinish<'_>) -> [int32x4_t; VECTORS] {
    let correction = &finish.correction.as_chunks::<4>().0[..VECTORS];
    // SAFETY: four numbers each are read; every 64-bit ARM has these instructions.
    std::array::from_fn(|v| unsafe { vld1q_s32(correction[v].as_ptr()) })
}

/// Finishes `ROWS` rows, whose sums began with [`start`], and stores them.
///
/// # Safety
/// There are as many columns, residual and target have these rows, and nothing else uses the target's.
#[inline(always)]
pub(super) unsafe fn store<const ROWS: usize>(
    sums: [[int32x4_t; VECTORS]; ROWS],
    finish: &TileFinish<'_>,
) {
    let row = |r: usize| r.wrapping_mul(finish.n);
    // SAFETY: the caller's promise; every 64-bit ARM has these instructions.
    unsafe {
        let mut real: [[float32x4_t; VECTORS]; ROWS] = [[vdupq_n_f32(0.0); VECTORS]; ROWS];
        // Column by column: scale and bias are in registers for one vector at a time.
        for v in 0..VECTORS {
            let scale = vld1q_f32(finish.scale.as_ptr().add(4 * v));
            let bias = vld1q_f32(finish.bias.as_ptr().add(4 * v));
            for r in 0..ROWS {
                real[r][v] = vfmaq_f32(bias, vcvtq_f32_s32(sums[r][v]), scale);
            }
        }
        if !finish.residual.is_null() {
            for (r, real) in real.iter_mut().enumerate() {
                let residual = finish.residual.wrapping_add(row(r));
                for (v, real) in real.iter_mut().enumerate() {
                    *real = vaddq_f32(*real, vld1q_f32(residual.add(4 * v)));
                }
            }
        }
        match finish.out {
            TileOut::F32(out) => {
                for (r, real) in real.iter().enumerate() {
                    let out = out.wrapping_add(row(r));
                    for (v, real) in real.iter().enumerate() {
                        vst1q_f32(out.add(4 * v), *real);
                    }
                }
            }
            TileOut::U8(quantizer, out) => {
                for (r, real) in real.iter().enumerate() {
                    vst1q_u8(out.wrapping_add(row(r)), quantizer.quantize_vectors(*real));
                }
            }
        }
    }
}
