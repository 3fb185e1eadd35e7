//! Tiles for AVX2 with FMA: 6 float rows of two vectors (12 sums, two vectors of weights, one broadcast value in 16
//! registers), 4 eight-bit rows, whose products need registers of their own.

use std::arch::x86_64::{
    __m256, __m256i, _mm256_add_epi32, _mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_load_ps,
    _mm256_load_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi16,
    _mm256_set1_epi32, _mm256_setzero_ps, _mm256_setzero_si256, _mm256_store_ps,
    _mm256_store_si256,
};

use super::kernel::{TileF32, TileI8};

const NR: usize = 16;
const KG: usize = 4;

pub(super) const F32: &[TileF32] = &[
    f32_rows::<1>(),
    f32_rows::<2>(),
    f32_rows::<4>(),
    f32_rows::<6>(),
];
pub(super) const I8: &[TileI8] = &[i8_rows::<1>(), i8_rows::<2>(), i8_rows::<4>()];

const fn f32_rows<const MR: usize>() -> TileF32 {
    TileF32 {
        mr: MR,
        nr: NR,
        run: run_f32::<MR>,
    }
}

const fn i8_rows<const MR: usize>() -> TileI8 {
    TileI8 {
        mr: MR,
        nr: NR,
        kg: KG,
        offset: 0,
        run: run_i8::<MR>,
        finished: None,
    }
}

/// # Safety
/// As [`TileF32::run`] says.
#[target_feature(enable = "avx2,fma")]
unsafe fn run_f32<const MR: usize>(
    k: usize,
    a: *const f32,
    lda: usize,
    b: *const f32,
    acc: *mut f32,
    accumulate: bool,
) {
    let mut sums: [[__m256; 2]; MR] = [[_mm256_setzero_ps(); 2]; MR];
    if accumulate {
        for (r, [s0, s1]) in sums.iter_mut().enumerate() {
            // SAFETY: `acc` holds `MR` aligned rows of `NR` sums.
            unsafe {
                *s0 = _mm256_load_ps(acc.add(r * NR));
                *s1 = _mm256_load_ps(acc.add(r * NR + 8));
            }
        }
    }
    for i in 0..k {
        // SAFETY: `b` holds `k` aligned rows of `NR` weights.
        let (b0, b1) = unsafe {
            (
                _mm256_load_ps(b.add(i * NR)),
                _mm256_load_ps(b.add(i * NR + 8)),
            )
        };
        for (r, [s0, s1]) in sums.iter_mut().enumerate() {
            // SAFETY: `a` holds `MR` rows of `k` values, `lda` apart.
            let x = _mm256_broadcast_ss(unsafe { &*a.add(r * lda + i) });
            *s0 = _mm256_fmadd_ps(x, b0, *s0);
            *s1 = _mm256_fmadd_ps(x, b1, *s1);
        }
    }
    for (r, [s0, s1]) in sums.into_iter().enumerate() {
        // SAFETY: `acc` holds `MR` aligned rows of `NR` sums.
        unsafe {
            _mm256_store_ps(acc.add(r * NR), s0);
            _mm256_store_ps(acc.add(r * NR + 8), s1);
        }
    }
}

/// Adjacent products are added in 16 bits, which weights of -64..=64 cannot overflow: 2 · 255 · 64 < 2¹⁵.
///
/// # Safety
/// As [`TileI8::run`] says.
#[target_feature(enable = "avx2")]
unsafe fn run_i8<const MR: usize>(k: usize, a: *const u8, lda: usize, b: *const i8, acc: *mut i32) {
    let ones = _mm256_set1_epi16(1);
    let mut sums: [[__m256i; 2]; MR] = [[_mm256_setzero_si256(); 2]; MR];
    for i in (0..k).step_by(KG) {
        // SAFETY: `b` holds `k / KG` aligned groups of `NR` columns of `KG` weights.
        let (b0, b1) = unsafe {
            (
                _mm256_load_si256(b.add(i * NR).cast()),
                _mm256_load_si256(b.add(i * NR + 32).cast()),
            )
        };
        for (r, [s0, s1]) in sums.iter_mut().enumerate() {
            // SAFETY: `a` holds `MR` rows of `k` values, `lda` apart; `k` is a multiple of `KG`.
            let x = unsafe { a.add(r * lda + i).cast::<i32>().read_unaligned() };
            let x = _mm256_set1_epi32(x);
            let p0 = _mm256_madd_epi16(_mm256_maddubs_epi16(x, b0), ones);
            let p1 = _mm256_madd_epi16(_mm256_maddubs_epi16(x, b1), ones);
            *s0 = _mm256_add_epi32(*s0, p0);
            *s1 = _mm256_add_epi32(*s1, p1);
        }
    }
    for (r, [s0, s1]) in sums.into_iter().enumerate() {
        // SAFETY: `acc` holds `MR` aligned rows of `NR` sums.
        unsafe {
            _mm256_store_si256(acc.add(r * NR).cast(), s0);
            _mm256_store_si256(acc.add(r * NR + 8).cast(), s1);
        }
    }
}
