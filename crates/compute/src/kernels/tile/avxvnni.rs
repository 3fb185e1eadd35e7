//! Tiles for AVX2 with the 8-bit products of VNNI in 256 bits (AVX-VNNI), which laptops have that have no AVX-512. A product
//! needs no registers of its own, so there are 6 rows of two vectors, as of floats.

use std::arch::x86_64::{
    __m256i, _mm256_dpbusd_avx_epi32, _mm256_load_si256, _mm256_set1_epi32, _mm256_setzero_si256,
    _mm256_store_si256,
};

use super::kernel::TileI8;

const NR: usize = 16;
const KG: usize = 4;

pub(super) const I8: &[TileI8] = &[
    i8_rows::<1>(),
    i8_rows::<2>(),
    i8_rows::<4>(),
    i8_rows::<6>(),
];

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
/// As [`TileI8::run`] says.
#[target_feature(enable = "avx2,avxvnni")]
unsafe fn run_i8<const MR: usize>(k: usize, a: *const u8, lda: usize, b: *const i8, acc: *mut i32) {
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
            *s0 = _mm256_dpbusd_avx_epi32(*s0, x, b0);
            *s1 = _mm256_dpbusd_avx_epi32(*s1, x, b1);
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
