//! Sixteen vectors of 16 turned on their side, block by block in registers: compilers do it number by number.

/// Vectors, and numbers of each.
pub(super) const SIDE: usize = 16;

/// Number by number: what every other function here must give.
#[inline]
pub(super) fn portable(vectors: [&[f32; SIDE]; SIDE], out: &mut [[f32; SIDE]; SIDE]) {
    for (i, out) in out.iter_mut().enumerate() {
        for (out, vector) in out.iter_mut().zip(vectors) {
            *out = vector[i];
        }
    }
}

/// Blocks of 8 x 8: pairs, fours (both inside the halves of registers), halves.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx")]
pub(super) fn avx(vectors: [&[f32; SIDE]; SIDE], out: &mut [[f32; SIDE]; SIDE]) {
    use std::arch::x86_64::{
        __m256, _mm256_castpd_ps, _mm256_castps_pd, _mm256_loadu_ps, _mm256_permute2f128_ps,
        _mm256_storeu_ps, _mm256_unpackhi_pd, _mm256_unpackhi_ps, _mm256_unpacklo_pd,
        _mm256_unpacklo_ps,
    };
    for (left, vectors) in vectors.as_chunks::<8>().0.iter().enumerate() {
        for (top, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            // SAFETY: of 16 numbers, the eight from 0 or 8 on are read.
            let load = |v: usize| unsafe { _mm256_loadu_ps(vectors[v].as_ptr().add(8 * top)) };
            // Of four vectors: number i and, in the upper half, i + 4 of each, for i in 0..4.
            let four = |v: usize| -> [__m256; 4] {
                let x = [load(v), load(v + 1), load(v + 2), load(v + 3)];
                let a0 = _mm256_castps_pd(_mm256_unpacklo_ps(x[0], x[1]));
                let a1 = _mm256_castps_pd(_mm256_unpackhi_ps(x[0], x[1]));
                let b0 = _mm256_castps_pd(_mm256_unpacklo_ps(x[2], x[3]));
                let b1 = _mm256_castps_pd(_mm256_unpackhi_ps(x[2], x[3]));
                [
                    _mm256_castpd_ps(_mm256_unpacklo_pd(a0, b0)),
                    _mm256_castpd_ps(_mm256_unpackhi_pd(a0, b0)),
                    _mm256_castpd_ps(_mm256_unpacklo_pd(a1, b1)),
                    _mm256_castpd_ps(_mm256_unpackhi_pd(a1, b1)),
                ]
            };
            let (a, b) = (four(0), four(4));
            for i in 0..4 {
                let halves = [
                    _mm256_permute2f128_ps::<0x20>(a[i], b[i]),
                    _mm256_permute2f128_ps::<0x31>(a[i], b[i]),
                ];
                for (half, x) in halves.into_iter().enumerate() {
                    let row = &mut out[i + 4 * half];
                    // SAFETY: of 16 numbers, the eight from 0 or 8 on are written.
                    unsafe { _mm256_storeu_ps(row.as_mut_ptr().add(8 * left), x) };
                }
            }
        }
    }
}

/// Blocks of 4 x 4.
#[cfg(target_arch = "aarch64")]
pub(super) fn neon(vectors: [&[f32; SIDE]; SIDE], out: &mut [[f32; SIDE]; SIDE]) {
    use std::arch::aarch64::{
        vld1q_f32, vreinterpretq_f32_f64, vreinterpretq_f64_f32, vst1q_f32, vtrn1q_f32, vtrn1q_f64,
        vtrn2q_f32, vtrn2q_f64,
    };
    for (left, vectors) in vectors.as_chunks::<4>().0.iter().enumerate() {
        for (top, out) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            // SAFETY: of 16 numbers, four from 0, 4, 8 or 12 on are read and written; every 64-bit ARM has these
            // instructions.
            unsafe {
                let x = vectors.map(|vector| vld1q_f32(vector.as_ptr().add(4 * top)));
                let even = [vtrn1q_f32(x[0], x[1]), vtrn1q_f32(x[2], x[3])];
                let odd = [vtrn2q_f32(x[0], x[1]), vtrn2q_f32(x[2], x[3])];
                for (i, pairs) in [even, odd].into_iter().enumerate() {
                    let [a, b] = pairs.map(|pair| vreinterpretq_f64_f32(pair));
                    let [low, high] =
                        [vtrn1q_f64(a, b), vtrn2q_f64(a, b)].map(|x| vreinterpretq_f32_f64(x));
                    vst1q_f32(out[i].as_mut_ptr().add(4 * left), low);
                    vst1q_f32(out[i + 2].as_mut_ptr().add(4 * left), high);
                }
            }
        }
    }
}
