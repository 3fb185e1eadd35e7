//! Eight-bit numbers: `real = scale * (q - zero)`, `q` in 0..=255.

#![allow(unsafe_code)]

use super::{Cpu, Isa, math};

/// How a tensor's `u8` values stand for real ones (ONNX QuantizeLinear, per tensor).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quant {
    /// Real size of one step; positive and finite.
    pub scale: f32,
    /// The value that stands for 0.
    pub zero: u8,
}

impl Quant {
    /// Real → `u8`: `clamp(round_half_even(x * (1 / scale)) + zero, 0, 255)`, with `1 / scale` rounded to `f32` first.
    /// NaN gives 0. ONNX divides by the scale; the two differ by one step at most.
    ///
    /// In loops use a [`Quantizer`].
    #[must_use]
    pub fn quantize(self, x: f32) -> u8 {
        Quantizer::new(self).quantize(x)
    }

    /// `u8` → real.
    #[inline(always)]
    #[must_use]
    pub fn dequantize(self, q: u8) -> f32 {
        self.scale * (f32::from(q) - f32::from(self.zero))
    }
}

/// [`Quant::quantize`] for many numbers: what depends on the [`Quant`] alone is computed once, and loops vectorise.
#[derive(Clone, Copy, Debug)]
pub struct Quantizer {
    per_step: f32,
    /// Steps that become 0 and 255.
    low: f32,
    high: f32,
    zero: u8,
}

impl Quantizer {
    /// Of a [`Quant`].
    #[inline(always)]
    #[must_use]
    pub fn new(quant: Quant) -> Self {
        Self {
            per_step: 1.0 / quant.scale,
            low: -f32::from(quant.zero),
            high: 255.0 - f32::from(quant.zero),
            zero: quant.zero,
        }
    }

    /// As [`Quant::quantize`].
    #[inline(always)]
    #[must_use]
    pub fn quantize(&self, x: f32) -> u8 {
        // Numbers from 2²³ to 2²⁴ are whole, so adding 1.5 · 2²³ rounds, half to even, and leaves the number in the
        // low bits. Clamping before rounding is the same; comparisons rather than `max` and `min` as they are one
        // instruction each, and send NaN to `low`.
        const ROUND: f32 = 12_582_912.0;
        let steps = x * self.per_step;
        let steps = if steps > self.low { steps } else { self.low };
        let steps = if steps < self.high { steps } else { self.high };
        ((steps + ROUND).to_bits() as u8).wrapping_add(self.zero)
    }

    /// As [`Quant::quantize`], for each.
    #[inline(always)]
    pub fn quantize_all(&self, x: &[f32], q: &mut [u8]) {
        #[cfg(target_arch = "aarch64")]
        let (x, q) = {
            let ((chunks, x), (wholes, q)) = (x.as_chunks::<8>(), q.as_chunks_mut::<8>());
            for (x, q) in chunks.iter().zip(wholes) {
                self.quantize_eight(x, q);
            }
            (x, q)
        };
        for (x, q) in x.iter().zip(q) {
            *q = self.quantize(*x);
        }
    }

    /// Eight on 64-bit ARM, whose conversions round half to even and whose narrowing clamps: the lower bound alone is
    /// compared, for NaN.
    #[cfg(target_arch = "aarch64")]
    #[inline(always)]
    fn quantize_eight(&self, x: &[f32; 8], q: &mut [u8; 8]) {
        use std::arch::aarch64::{
            vcvtnq_s32_f32, vdupq_n_f32, vdupq_n_s16, vld1q_f32, vmaxnmq_f32, vmulq_f32,
            vqaddq_s16, vqmovn_high_s32, vqmovn_s32, vqmovun_s16, vst1_u8,
        };
        // SAFETY: eight numbers are read and written; every 64-bit ARM has these instructions.
        unsafe {
            let (per_step, low) = (vdupq_n_f32(self.per_step), vdupq_n_f32(self.low));
            let steps = [vld1q_f32(x.as_ptr()), vld1q_f32(x.as_ptr().add(4))];
            let left = vcvtnq_s32_f32(vmaxnmq_f32(vmulq_f32(steps[0], per_step), low));
            let right = vcvtnq_s32_f32(vmaxnmq_f32(vmulq_f32(steps[1], per_step), low));
            let steps = vqmovn_high_s32(vqmovn_s32(left), right);
            let all = vqaddq_s16(steps, vdupq_n_s16(i16::from(self.zero)));
            vst1_u8(q.as_mut_ptr(), vqmovun_s16(all));
        }
    }
}

/// GELU between two scales: `table[quant_mid(x)] = quant_y(gelu(real of that))`.
#[must_use]
pub fn gelu_table(mid: Quant, y: Quant) -> [u8; 256] {
    std::array::from_fn(|q| y.quantize(math::gelu(mid.dequantize(q as u8))))
}

/// `x = table[x]`, for each.
pub fn lookup(cpu: Cpu, table: &[u8; 256], x: &mut [u8]) {
    match cpu.isa() {
        // SAFETY: a `Cpu` of this kind is only made where these instructions were detected.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { lookup_avx512(table, x) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { lookup_avx2(table, x) },
        #[cfg(target_arch = "aarch64")]
        Isa::Neon | Isa::Dotprod | Isa::I8mm => lookup_neon(table, x),
        _ => look_up(table, x),
    }
}

fn look_up(table: &[u8; 256], x: &mut [u8]) {
    for x in x {
        *x = table[usize::from(*x)];
    }
}

/// Four lookups among 64 entries each, of which three leave an entry as it was.
#[cfg(target_arch = "aarch64")]
fn lookup_neon(table: &[u8; 256], x: &mut [u8]) {
    use std::arch::aarch64::{
        uint8x16x4_t, vdupq_n_u8, vld1q_u8, vld1q_u8_x4, vqtbl4q_u8, vqtbx4q_u8, vst1q_u8, vsubq_u8,
    };
    // SAFETY: the table is four times four vectors long.
    let part = |i: usize| unsafe { vld1q_u8_x4(table.as_ptr().add(i * 64)) };
    let parts: [uint8x16x4_t; 4] = [part(0), part(1), part(2), part(3)];
    let (chunks, tail) = x.as_chunks_mut::<16>();
    for x in chunks {
        // SAFETY: the chunk is a vector long; every 64-bit ARM has these instructions.
        unsafe {
            let mut q = vld1q_u8(x.as_ptr());
            let mut y = vqtbl4q_u8(parts[0], q);
            for part in &parts[1..] {
                // `q` counts from the part's first entry; those past its last keep `y`.
                q = vsubq_u8(q, vdupq_n_u8(64));
                y = vqtbx4q_u8(y, *part, q);
            }
            vst1q_u8(x.as_mut_ptr(), y);
        }
    }
    look_up(table, tail);
}

/// Sixteen lookups among 16 entries each, all but one of which give 0.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn lookup_avx2(table: &[u8; 256], x: &mut [u8]) {
    use std::arch::x86_64::{
        _mm_loadu_si128, _mm256_adds_epu8, _mm256_broadcastsi128_si256, _mm256_loadu_si256,
        _mm256_or_si256, _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8,
        _mm256_storeu_si256, _mm256_sub_epi8,
    };
    let (chunks, tail) = x.as_chunks_mut::<32>();
    for x in chunks {
        // SAFETY: the chunk is a vector long.
        let mut q = unsafe { _mm256_loadu_si256(x.as_ptr().cast()) };
        let mut y = _mm256_setzero_si256();
        for part in table.as_chunks::<16>().0 {
            // SAFETY: the part is a vector long.
            let part = unsafe { _mm_loadu_si128(part.as_ptr().cast()) };
            // `q` counts from the part's first entry; all but 0..16 get their top bit set, which gives 0.
            let index = _mm256_adds_epu8(q, _mm256_set1_epi8(0x70));
            let found = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(part), index);
            y = _mm256_or_si256(y, found);
            q = _mm256_sub_epi8(q, _mm256_set1_epi8(16));
        }
        // SAFETY: the chunk is a vector long.
        unsafe { _mm256_storeu_si256(x.as_mut_ptr().cast(), y) };
    }
    look_up(table, tail);
}

/// Two lookups among 128 entries each, the entry's top bit choosing between them.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn lookup_avx512(table: &[u8; 256], x: &mut [u8]) {
    use std::arch::x86_64::{
        __m512i, _mm512_loadu_si512, _mm512_mask_blend_epi8, _mm512_mask_storeu_epi8,
        _mm512_maskz_loadu_epi8, _mm512_movepi8_mask, _mm512_permutex2var_epi8,
    };
    // SAFETY: the table is four vectors long.
    let part = |i: usize| unsafe { _mm512_loadu_si512(table.as_ptr().add(i * 64).cast()) };
    let parts: [__m512i; 4] = [part(0), part(1), part(2), part(3)];
    for x in x.chunks_mut(64) {
        let mask = u64::MAX >> (64 - x.len());
        // SAFETY: the mask is that of the chunk's bytes.
        let q = unsafe { _mm512_maskz_loadu_epi8(mask, x.as_ptr().cast()) };
        let low = _mm512_permutex2var_epi8(parts[0], q, parts[1]);
        let high = _mm512_permutex2var_epi8(parts[2], q, parts[3]);
        let y = _mm512_mask_blend_epi8(_mm512_movepi8_mask(q), low, high);
        // SAFETY: as above.
        unsafe { _mm512_mask_storeu_epi8(x.as_mut_ptr().cast(), mask, y) };
    }
}

/// What is applied to an operator's sums before they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// max(x, 0).
    Relu,
    /// x Φ(x), by `math::gelu`.
    Gelu,
}

/// Where a float operator's result goes: as it is, or quantized on the way.
#[derive(Debug)]
pub enum Out<'a> {
    /// Real numbers.
    F32(&'a mut [f32]),
    /// Eight-bit numbers.
    U8(Quant, &'a mut [u8]),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantizing_rounds_half_to_even_and_saturates() {
        let quant = Quant {
            scale: 0.5,
            zero: 7,
        };
        for (x, q) in [
            (0.0, 7),
            (-0.0, 7),
            (0.25, 7),
            (0.75, 9),
            (-0.25, 7),
            (-0.75, 5),
            (-3.5, 0),
            (-3.75, 0),
            (124.0, 255),
            (124.5, 255),
            (f32::INFINITY, 255),
            (f32::NEG_INFINITY, 0),
            (f32::MAX, 255),
            (f32::NAN, 0),
        ] {
            assert_eq!(quant.quantize(x), q, "{x}");
        }
    }

    #[test]
    fn quantizing_is_the_documented_formula() {
        for zero in [0, 1, 128, 255] {
            for scale in [0.013, 0.3, 1.0] {
                let quant = Quant { scale, zero };
                let special = [
                    f32::NAN,
                    f32::INFINITY,
                    f32::NEG_INFINITY,
                    f32::MAX,
                    f32::MIN,
                ];
                let many = (-40_000..40_000).map(|x| x as f32 * 0.007);
                let many: Vec<f32> = special.into_iter().chain(many).collect();
                let mut all = vec![0; many.len()];
                Quantizer::new(quant).quantize_all(&many, &mut all);
                assert!(many.iter().zip(&all).all(|(x, q)| quant.quantize(*x) == *q));
                for x in (-40_000..40_000).map(|x| x as f32 * 0.007) {
                    let steps = (x * (1.0 / scale)).round_ties_even() + f32::from(zero);
                    assert_eq!(
                        quant.quantize(x),
                        steps.clamp(0.0, 255.0) as u8,
                        "{x} {quant:?}"
                    );
                }
                for q in 0..=255 {
                    assert_eq!(quant.quantize(quant.dequantize(q)), q);
                }
            }
        }
    }

    #[test]
    fn every_cpu_looks_up_every_entry() {
        let table: [u8; 256] = std::array::from_fn(|i| (i * 167 + 13) as u8);
        for cpu in Cpu::all() {
            for len in [0, 1, 31, 32, 33, 64, 100, 256, 300] {
                let mut x: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
                let expected: Vec<u8> = x.iter().map(|x| table[usize::from(*x)]).collect();
                lookup(cpu, &table, &mut x);
                assert_eq!(x, expected, "{cpu:?}");
            }
        }
    }
}
