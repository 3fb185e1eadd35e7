//! 8-bit sums finished in the registers of 64-bit ARM: what `gemm` does to the sums of other tiles, in the same order.

use std::arch::aarch64::{
    float32x4_t, int32x4_t, vaddq_f32, vcvtq_f32_s32, vcvtq_f32_u32, vdupq_n_f32, vfmaq_f32,
    vget_low_u16, vld1_u8, vld1q_f32, vld1q_s32, vmovl_high_u16, vmovl_u8, vmovl_u16, vmulq_f32,
    vst1_u8, vst1q_f32, vst1q_u8, vsubq_f32,
};

use super::kernel::TileFinish;
use crate::kernels::{Quant, Quantizer};

/// What a row's sums begin with.
///
/// # Panics
/// If there are fewer columns.
#[inline(always)]
pub(super) fn start<const VECTORS: usize>(finish: &TileFinish<'_>) -> [int32x4_t; VECTORS] {
    let correction = &finish.correction.as_chunks::<4>().0[..VECTORS];
    // SAFETY: four numbers each are read; every 64-bit ARM has these instructions.
    std::array::from_fn(|v| unsafe { vld1q_s32(correction[v].as_ptr()) })
}

/// Something to add to eight numbers at a time.
pub(super) trait TileAddend: Copy {
    /// Whether it has no NaN.
    const NUMBERS: bool;
    /// # Safety
    /// It has eight numbers from `at` on.
    unsafe fn add(self, at: usize, real: &mut [float32x4_t; 2]);
}

impl TileAddend for () {
    const NUMBERS: bool = true;

    #[inline(always)]
    unsafe fn add(self, _: usize, _: &mut [float32x4_t; 2]) {}
}

impl TileAddend for *const f32 {
    const NUMBERS: bool = false;

    #[inline(always)]
    unsafe fn add(self, at: usize, real: &mut [float32x4_t; 2]) {
        for (v, real) in real.iter_mut().enumerate() {
            // SAFETY: the caller's promise; every 64-bit ARM has these instructions.
            *real = unsafe { vaddq_f32(*real, vld1q_f32(self.wrapping_add(at).add(4 * v))) };
        }
    }
}

/// What the bytes stand for, as [`Quant::dequantize`] has it.
impl TileAddend for (Quant, *const u8) {
    const NUMBERS: bool = true;

    #[inline(always)]
    unsafe fn add(self, at: usize, real: &mut [float32x4_t; 2]) {
        let (quant, x) = self;
        // SAFETY: the caller's promise; every 64-bit ARM has these instructions.
        unsafe {
            let (scale, zero) = (vdupq_n_f32(quant.scale), vdupq_n_f32(f32::from(quant.zero)));
            let x = vmovl_u8(vld1_u8(x.wrapping_add(at)));
            let halves = [vmovl_u16(vget_low_u16(x)), vmovl_high_u16(x)];
            for (real, x) in real.iter_mut().zip(halves) {
                let x = vmulq_f32(scale, vsubq_f32(vcvtq_f32_u32(x), zero));
                *real = vaddq_f32(*real, x);
            }
        }
    }
}

/// Where a row's numbers go.
pub(super) trait TileDestination: Copy {
    /// Stores a row; `numbers`: none is NaN.
    ///
    /// # Safety
    /// There is place for it from `at` on, which nothing else uses.
    unsafe fn store<const VECTORS: usize>(
        self,
        at: usize,
        row: &[float32x4_t; VECTORS],
        numbers: bool,
    );
}

impl TileDestination for *mut f32 {
    #[inline(always)]
    unsafe fn store<const VECTORS: usize>(self, at: usize, row: &[float32x4_t; VECTORS], _: bool) {
        for (v, real) in row.iter().enumerate() {
            // SAFETY: the caller's promise; every 64-bit ARM has the instruction.
            unsafe { vst1q_f32(self.wrapping_add(at).add(4 * v), *real) };
        }
    }
}

impl TileDestination for (Quantizer, *mut u8) {
    #[inline(always)]
    unsafe fn store<const VECTORS: usize>(
        self,
        at: usize,
        row: &[float32x4_t; VECTORS],
        numbers: bool,
    ) {
        let (quantizer, out) = self;
        let out = out.wrapping_add(at);
        // SAFETY: the caller's promise; every 64-bit ARM has these instructions.
        unsafe {
            if let [a, b, c, d] = row[..] {
                vst1q_u8(out, quantizer.quantize_vectors([a, b, c, d], numbers));
                return;
            }
            for (i, pair) in row.as_chunks().0.iter().enumerate() {
                vst1_u8(out.add(8 * i), quantizer.quantize_pair(*pair, numbers));
            }
        }
    }
}

/// A function of the kind [`FinishedTiles`](super::kernel::FinishedTiles), from one that gives the sums of a tile of some rows,
/// which begin with [`start`]. It is compiled for each addend and destination, so that nothing is asked in its loop.
macro_rules! finished {
    ($name:ident, $features:literal, $rows:literal, $sums:ident) => {
        /// # Safety
        /// As [`FinishedTiles`](super::kernel::FinishedTiles) says.
        #[target_feature(enable = $features)]
        unsafe fn $name(tiles: usize, x: &TileOperands<u8, i8>, finish: &TileFinish<'_>) {
            use super::finish::{self, TileAddend, TileDestination};
            use super::kernel::{TileOut, TileResidual};

            /// # Safety
            /// As that, of addend and destination.
            #[target_feature(enable = $features)]
            unsafe fn each(
                tiles: usize,
                x: &TileOperands<u8, i8>,
                finish: &TileFinish<'_>,
                addend: impl TileAddend,
                out: impl TileDestination,
            ) {
                let mut a = x.a;
                // SAFETY: operands, addend and destination have these rows for each tile (the caller's promise).
                unsafe {
                    let start = finish::start(finish);
                    for first in (0..tiles).map(|tile| tile.wrapping_mul($rows)) {
                        let sums: [_; $rows] = $sums(x.k, a, x.lda, x.b, start);
                        finish::store(sums, finish, addend, out, first);
                        a = a.wrapping_add(x.lda.wrapping_mul($rows));
                    }
                }
            }
            // SAFETY: the caller's promise.
            unsafe {
                match (finish.residual, finish.out) {
                    (TileResidual::None, TileOut::F32(y)) => each(tiles, x, finish, (), y),
                    (TileResidual::None, TileOut::U8(q, y)) => each(tiles, x, finish, (), (q, y)),
                    (TileResidual::F32(r), TileOut::F32(y)) => each(tiles, x, finish, r, y),
                    (TileResidual::F32(r), TileOut::U8(q, y)) => each(tiles, x, finish, r, (q, y)),
                    (TileResidual::U8(p, r), TileOut::F32(y)) => each(tiles, x, finish, (p, r), y),
                    (TileResidual::U8(p, r), TileOut::U8(q, y)) => {
                        each(tiles, x, finish, (p, r), (q, y))
                    }
                }
            }
        }
    };
}
pub(super) use finished;

/// Finishes rows of an even number of vectors, of which the first is number `first`, whose sums began with [`start`], and stores them.
///
/// # Safety
/// There are as many columns, addend and destination have these rows, and nothing else uses the destination's.
#[inline(always)]
pub(super) unsafe fn store<const ROWS: usize, const VECTORS: usize, A: TileAddend>(
    sums: [[int32x4_t; VECTORS]; ROWS],
    finish: &TileFinish<'_>,
    addend: A,
    out: impl TileDestination,
    first: usize,
) {
    // SAFETY: the caller's promise; every 64-bit ARM has these instructions.
    unsafe {
        let mut real = [[vdupq_n_f32(0.0); VECTORS]; ROWS];
        // Column by column: scale and bias are in registers for one vector at a time.
        for v in 0..VECTORS {
            let scale = vld1q_f32(finish.scale.as_ptr().add(4 * v));
            let bias = vld1q_f32(finish.bias.as_ptr().add(4 * v));
            for r in 0..ROWS {
                real[r][v] = vfmaq_f32(bias, vcvtq_f32_s32(sums[r][v]), scale);
            }
        }
        let mut at = first.wrapping_mul(finish.n);
        for row in &mut real {
            for (i, pair) in row.as_chunks_mut().0.iter_mut().enumerate() {
                addend.add(at.wrapping_add(8 * i), pair);
            }
            // Sums, scales and biases are numbers, and so is what comes of them.
            out.store(at, row, A::NUMBERS);
            at = at.wrapping_add(finish.n);
        }
    }
}
