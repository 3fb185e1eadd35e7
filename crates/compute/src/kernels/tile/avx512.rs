//! Tiles for AVX-512 with VNNI: 14 rows of two vectors, 28 sums in registers beside two vectors of weights and one
//! broadcast value. (14 divides the rows of all maps of a 224² picture.)

use std::arch::x86_64::{
    __m512, __m512i, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_load_ps, _mm512_load_si512,
    _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_setzero_si512, _mm512_store_ps,
    _mm512_store_si512,
};

use super::kernel::{TileF32, TileI8};

const NR: usize = 32;
const KG: usize = 4;

pub(super) const F32: &[TileF32] = &[
    f32_rows::<1>(),
    f32_rows::<2>(),
    f32_rows::<4>(),
    f32_rows::<7>(),
    f32_rows::<10>(),
    f32_rows::<14>(),
];
pub(super) const I8: &[TileI8] = &[
    i8_rows::<1>(),
    i8_rows::<2>(),
    i8_rows::<4>(),
    i8_rows::<7>(),
    i8_rows::<10>(),
    i8_rows::<14>(),
];

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
#[target_feature(enable = "avx512f")]
unsafe fn run_f32<const MR: usize>(
    k: usize,
    a: *const f32,
    lda: usize,
    b: *const f32,
    acc: *mut f32,
    accumulate: bool,
) {
    let mut sums: [[__m512; 2]; MR] = [[_mm512_setzero_ps(); 2]; MR];
    if accumulate {
        for (r, [s0, s1]) in sums.iter_mut().enumerate() {
            // SAFETY: `acc` holds `MR` aligned rows of `NR` sums.
            unsafe {
                *s0 = _mm512_load_ps(acc.add(r * NR));
                *s1 = _mm512_load_ps(acc.add(r * NR + 16));
            }
        }
    }
    for i in 0..k {
        // SAFETY: `b` holds `k` aligned rows of `NR` weights.
        let (b0, b1) = unsafe {
            (
                _mm512_load_ps(b.add(i * NR)),
                _mm512_load_ps(b.add(i * NR + 16)),
            )
        };
        for (r, [s0, s1]) in sums.iter_mut().enumerate() {
            // SAFETY: `a` holds `MR` rows of `k` values, `lda` apart.
            let x = _mm512_set1_ps(unsafe { *a.add(r * lda + i) });
            *s0 = _mm512_fmadd_ps(x, b0, *s0);
            *s1 = _mm512_fmadd_ps(x, b1, *s1);
        }
    }
    for (r, [s0, s1]) in sums.into_iter().enumerate() {
        // SAFETY: `acc` holds `MR` aligned rows of `NR` sums.
        unsafe {
            _mm512_store_ps(acc.add(r * NR), s0);
            _mm512_store_ps(acc.add(r * NR + 16), s1);
        }
    }
}

/// # Safety
/// As [`TileI8::run`] says.
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn run_i8<const MR: usize>(k: usize, a: *const u8, lda: usize, b: *const i8, acc: *mut i32) {
    let mut sums: [[__m512i; 2]; MR] = [[_mm512_setzero_si512(); 2]; MR];
    for i in (0..k).step_by(KG) {
        // SAFETY: `b` holds `k / KG` aligned groups of `NR` columns of `KG` weights.
        let (b0, b1) = unsafe {
            (
                _mm512_load_si512(b.add(i * NR).cast()),
                _mm512_load_si512(b.add(i * NR + 64).cast()),
            )
        };
        for (r, [s0, s1]) in sums.iter_mut().enumerate() {
            // SAFETY: `a` holds `MR` rows of `k` values, `lda` apart; `k` is a multiple of `KG`.
            let x = unsafe { a.add(r * lda + i).cast::<i32>().read_unaligned() };
            let x = _mm512_set1_epi32(x);
            *s0 = _mm512_dpbusd_epi32(*s0, x, b0);
            *s1 = _mm512_dpbusd_epi32(*s1, x, b1);
        }
    }
    for (r, [s0, s1]) in sums.into_iter().enumerate() {
        // SAFETY: `acc` holds `MR` aligned rows of `NR` sums.
        unsafe {
            _mm512_store_si512(acc.add(r * NR).cast(), s0);
            _mm512_store_si512(acc.add(r * NR + 16).cast(), s1);
        }
    }
}
