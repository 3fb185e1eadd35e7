//! Depthwise 3 x 3 convolutions of bytes, where a CPU multiplies four bytes at once: the three of a column, and one more by 0.
//!
//! The bytes of three rows are interleaved, so that a column's lie side by side, channel by channel; neighbours share the columns
//! that they have in common. Interleaving leaves channels in another order, in which weights and what sums are finished with
//! are packed, and which packing sums to bytes undoes.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use crate::kernels::Quantizer;

/// Channels of a panel.
pub const PANEL: usize = 32;
/// Vectors that a panel's channels lie in, as 32-bit numbers.
const VECTORS: usize = 4;
const LANES: usize = PANEL / VECTORS;

/// What 32 channels are convolved with, in the order in which interleaved bytes lie.
#[derive(Clone, Debug)]
pub struct DepthwisePanel {
    /// Of each column of the kernel: the weights of its three rows, and 0.
    weights: [[[[i8; 4]; LANES]; VECTORS]; 3],
    start: [[i32; LANES]; VECTORS],
    scale: [[f32; LANES]; VECTORS],
    bias: [[f32; LANES]; VECTORS],
}

impl DepthwisePanel {
    /// `weights` `[9][channels]`; what sums begin with, are multiplied with and have added.
    pub fn new(
        weights: &[[i16; PANEL]; 9],
        start: &[i32; PANEL],
        (scale, bias): (&[f32; PANEL], &[f32; PANEL]),
    ) -> Self {
        let channel = |v: usize, l: usize| 16 * (l / 4) + 4 * v + l % 4;
        let weight = |kx: usize, ky: usize, c: usize| weights[3 * ky + kx][c] as i8;
        use std::array::from_fn;
        Self {
            weights: from_fn(|kx| {
                from_fn(|v| {
                    from_fn(|l| {
                        let c = channel(v, l);
                        [weight(kx, 0, c), weight(kx, 1, c), weight(kx, 2, c), 0]
                    })
                })
            }),
            start: from_fn(|v| from_fn(|l| start[channel(v, l)])),
            scale: from_fn(|v| from_fn(|l| scale[channel(v, l)])),
            bias: from_fn(|v| from_fn(|l| bias[channel(v, l)])),
        }
    }
}

/// Output cells that lie side by side, all of whose input cells are inside the map.
pub struct DepthwiseCells<'a> {
    /// The upper left input cell of the first, in each of its three rows, at the first of the channels.
    pub rows: [*const u8; 3],
    /// Bytes from a column to the next, of input and output.
    pub distance: usize,
    /// 1 or 2.
    pub stride: usize,
    /// Output cells.
    pub count: usize,
    /// As many as the tile takes.
    pub panels: &'a [DepthwisePanel],
    /// What becomes of real numbers.
    pub quantizer: Quantizer,
    /// The first output cell, at the first of the channels.
    pub out: *mut u8,
}

/// A CPU's kernel: `out = quantizer((start + Σ cell · weight) · scale + bias)`.
#[derive(Clone, Copy)]
pub struct DepthwiseTile {
    /// Panels convolved at once.
    pub panels: usize,
    /// The kernel.
    ///
    /// # Safety
    /// All cells and as many channels as the panels have may be read and written, nothing else uses the output's; the CPU has
    /// the instructions.
    pub run: unsafe fn(&DepthwiseCells<'_>),
}

pub(super) const AVX2: DepthwiseTile = DepthwiseTile {
    panels: 1,
    run: avx2,
};
pub(super) const AVXVNNI: DepthwiseTile = DepthwiseTile {
    panels: 1,
    run: avxvnni,
};
pub(super) const AVX512: DepthwiseTile = DepthwiseTile {
    panels: 2,
    run: avx512,
};

/// The kernel for one width of vectors; `$of` loads a vector of a panel's numbers.
macro_rules! kernel {
    (
        $(#[$meta:meta])* $name:ident $features:literal $vector:ident $dot:ident $of:ident
        $load:ident $low8:ident $high8:ident $low16:ident $high16:ident
        $to_reals:ident $as_reals:ident $fma:ident $mul:ident $all:ident $min:ident $to_steps:ident
        $narrow:ident $add:ident $all16:ident $bytes:ident $store:ident
    ) => {
        $(#[$meta])*
        ///
        /// # Safety
        /// As [`DepthwiseTile::run`] says.
        #[target_feature(enable = $features)]
        unsafe fn $name(cells: &DepthwiseCells<'_>) {
            let panels = cells.panels;
            let weights = [0, 1, 2].map(|kx| [0, 1, 2, 3].map(|v| $of!(panels, |p: &DepthwisePanel| p.weights[kx][v].as_ptr())));
            let start = [0, 1, 2, 3].map(|v| $of!(panels, |p: &DepthwisePanel| p.start[v].as_ptr()));
            let scale = [0, 1, 2, 3].map(|v| $as_reals($of!(panels, |p: &DepthwisePanel| p.scale[v].as_ptr())));
            let bias = [0, 1, 2, 3].map(|v| $as_reals($of!(panels, |p: &DepthwisePanel| p.bias[v].as_ptr())));
            let (per_step, high, zero) = cells.quantizer.parts();
            let (per_step, high, zero) = ($all(per_step), $all(high), $all16(i16::from(zero)));
            let mut at = cells.rows;
            let mut next = || {
                // SAFETY: columns may be read (the caller's promise).
                let (a, b, c) = unsafe { ($load(at[0].cast()), $load(at[1].cast()), $load(at[2].cast())) };
                for row in &mut at {
                    *row = row.wrapping_add(cells.distance);
                }
                let (low, high) = ([$low8(a, b), $low8(c, c)], [$high8(a, b), $high8(c, c)]);
                [
                    $low16(low[0], low[1]),
                    $high16(low[0], low[1]),
                    $low16(high[0], high[1]),
                    $high16(high[0], high[1]),
                ]
            };
            let mut out = cells.out;
            let mut put = |columns: &[[$vector; VECTORS]; 3]| {
                let mut steps = start;
                for v in 0..VECTORS {
                    for kx in 0..3 {
                        steps[v] = $dot(steps[v], columns[kx][v], weights[kx][v]);
                    }
                    let real = $fma($to_reals(steps[v]), scale[v], bias[v]);
                    // In this order NaN stays, and becomes the least of all steps, like what lies below.
                    steps[v] = $to_steps($min(high, $mul(real, per_step)));
                }
                let halves = [$narrow(steps[0], steps[1]), $narrow(steps[2], steps[3])];
                let bytes = $bytes($add(halves[0], zero), $add(halves[1], zero));
                // SAFETY: the cell may be written (the caller's promise).
                unsafe { $store(out.cast(), bytes) };
                out = out.wrapping_add(cells.distance);
            };
            if cells.count == 0 {
                return;
            }
            let mut columns = [next(), next(), next()];
            put(&columns);
            for _ in 1..cells.count {
                columns = match cells.stride {
                    1 => [columns[1], columns[2], next()],
                    _ => [columns[2], next(), next()],
                };
                put(&columns);
            }
        }
    };
}

/// A vector of one panel.
macro_rules! of_one {
    ($panels:expr, $of:expr) => {{
        let of = $of;
        // SAFETY: a vector of a panel is 32 bytes.
        unsafe { _mm256_loadu_si256(of(&$panels[0]).cast()) }
    }};
}

/// The same of two panels side by side.
macro_rules! of_two {
    ($panels:expr, $of:expr) => {{
        let of = $of;
        // SAFETY: as above.
        let [low, high] = [0, 1].map(|p| unsafe { _mm256_loadu_si256(of(&$panels[p]).cast()) });
        _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
    }};
}

/// Sums of two products fit 16 bits (weights are 7 bits).
#[inline]
#[target_feature(enable = "avx2")]
fn dot_avx2(sum: __m256i, x: __m256i, w: __m256i) -> __m256i {
    let pairs = _mm256_maddubs_epi16(x, w);
    _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
}

kernel! {
    avx2 "avx2,fma" __m256i dot_avx2 of_one
    _mm256_loadu_si256 _mm256_unpacklo_epi8 _mm256_unpackhi_epi8 _mm256_unpacklo_epi16 _mm256_unpackhi_epi16
    _mm256_cvtepi32_ps _mm256_castsi256_ps _mm256_fmadd_ps _mm256_mul_ps _mm256_set1_ps _mm256_min_ps _mm256_cvtps_epi32
    _mm256_packs_epi32 _mm256_adds_epi16 _mm256_set1_epi16 _mm256_packus_epi16 _mm256_storeu_si256
}
kernel! {
    avxvnni "avx2,fma,avxvnni" __m256i _mm256_dpbusd_avx_epi32 of_one
    _mm256_loadu_si256 _mm256_unpacklo_epi8 _mm256_unpackhi_epi8 _mm256_unpacklo_epi16 _mm256_unpackhi_epi16
    _mm256_cvtepi32_ps _mm256_castsi256_ps _mm256_fmadd_ps _mm256_mul_ps _mm256_set1_ps _mm256_min_ps _mm256_cvtps_epi32
    _mm256_packs_epi32 _mm256_adds_epi16 _mm256_set1_epi16 _mm256_packus_epi16 _mm256_storeu_si256
}
kernel! {
    avx512 "avx512f,avx512bw,avx512vnni" __m512i _mm512_dpbusd_epi32 of_two
    _mm512_loadu_si512 _mm512_unpacklo_epi8 _mm512_unpackhi_epi8 _mm512_unpacklo_epi16 _mm512_unpackhi_epi16
    _mm512_cvtepi32_ps _mm512_castsi512_ps _mm512_fmadd_ps _mm512_mul_ps _mm512_set1_ps _mm512_min_ps _mm512_cvtps_epi32
    _mm512_packs_epi32 _mm512_adds_epi16 _mm512_set1_epi16 _mm512_packus_epi16 _mm512_storeu_si512
}
