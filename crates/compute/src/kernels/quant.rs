//! Eight-bit numbers: `real = scale * (q - zero)`, `q` in 0..=255.

#![allow(unsafe_code)]

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64::{float32x4_t, int16x8_t, uint8x8_t, uint8x16_t};

use super::math::gelu;

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

    /// Steps of one, the most there are above the zero, and the zero: for kernels that round by themselves.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(super) fn parts(&self) -> (f32, f32, u8) {
        (self.per_step, self.high, self.zero)
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
        use std::arch::aarch64::{vld1q_f32, vst1_u8};
        // SAFETY: eight numbers are read and written; every 64-bit ARM has these instructions.
        unsafe {
            let x = [vld1q_f32(x.as_ptr()), vld1q_f32(x.as_ptr().add(4))];
            vst1_u8(q.as_mut_ptr(), self.quantize_pair(x, false));
        }
    }

    /// Eight in registers; `numbers`: none of them is NaN.
    #[cfg(target_arch = "aarch64")]
    #[inline(always)]
    pub(super) fn quantize_pair(&self, x: [float32x4_t; 2], numbers: bool) -> uint8x8_t {
        // SAFETY: every 64-bit ARM has this instruction.
        unsafe { std::arch::aarch64::vqmovun_s16(self.steps(x, numbers)) }
    }

    /// Sixteen in registers, as [`Quantizer::quantize_pair`].
    #[cfg(target_arch = "aarch64")]
    #[inline(always)]
    pub(super) fn quantize_vectors(&self, x: [float32x4_t; 4], numbers: bool) -> uint8x16_t {
        use std::arch::aarch64::{vqmovun_high_s16, vqmovun_s16};
        let (left, right) = (
            self.steps([x[0], x[1]], numbers),
            self.steps([x[2], x[3]], numbers),
        );
        // SAFETY: every 64-bit ARM has these instructions.
        unsafe { vqmovun_high_s16(vqmovun_s16(left), right) }
    }

    /// Whole steps from the zero on, to be clamped to 0..=255.
    #[cfg(target_arch = "aarch64")]
    #[inline(always)]
    fn steps(&self, x: [float32x4_t; 2], numbers: bool) -> int16x8_t {
        use std::arch::aarch64::{
            vcvtnq_s32_f32, vdupq_n_f32, vdupq_n_s16, vmaxnmq_f32, vmulq_f32, vqaddq_s16,
            vqmovn_high_s32, vqmovn_s32,
        };
        // SAFETY: every 64-bit ARM has these instructions.
        unsafe {
            let [left, right] = x.map(|x| {
                let steps = vmulq_f32(x, vdupq_n_f32(self.per_step));
                if numbers {
                    steps
                } else {
                    vmaxnmq_f32(steps, vdupq_n_f32(self.low))
                }
            });
            let left = vqmovn_s32(vcvtnq_s32_f32(left));
            let steps = vqmovn_high_s32(left, vcvtnq_s32_f32(right));
            vqaddq_s16(steps, vdupq_n_s16(i16::from(self.zero)))
        }
    }
}

/// GELU between two scales: `table[quant_mid(x)] = quant_y(gelu(real of that))`.
#[must_use]
pub fn gelu_table(mid: Quant, y: Quant) -> [u8; 256] {
    std::array::from_fn(|q| y.quantize(gelu(mid.dequantize(q as u8))))
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
}
