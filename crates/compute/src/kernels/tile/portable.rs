//! Tiles in plain Rust: what every other file here must give.

use super::kernel::{TileF32, TileI8};

const NR: usize = 16;
const KG: usize = 4;

pub(super) const F32: &[TileF32] = &[f32_rows::<1>(), f32_rows::<4>()];
pub(super) const I8: &[TileI8] = &[i8_rows::<1>(), i8_rows::<4>()];

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
unsafe fn run_f32<const MR: usize>(
    k: usize,
    a: *const f32,
    lda: usize,
    b: *const f32,
    acc: *mut f32,
    accumulate: bool,
) {
    // SAFETY: the caller's promise: `b` holds `k` groups of `NR` values, `acc` `MR` of them, all aligned.
    let (b, acc) = unsafe {
        (
            std::slice::from_raw_parts(b.cast::<[f32; NR]>(), k),
            &mut *acc.cast::<[[f32; NR]; MR]>(),
        )
    };
    let mut sums = if accumulate { *acc } else { [[0.0; NR]; MR] };
    for (i, b) in b.iter().enumerate() {
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the caller's promise: `MR` rows of `k` values, `lda` apart.
            let a = unsafe { *a.add(r * lda + i) };
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = a.mul_add(*b, *sum);
            }
        }
    }
    *acc = sums;
}

/// # Safety
/// As [`TileI8::run`] says.
unsafe fn run_i8<const MR: usize>(k: usize, a: *const u8, lda: usize, b: *const i8, acc: *mut i32) {
    // SAFETY: the caller's promise: `b` holds `k / KG` groups of `NR` columns, `acc` `MR` rows of `NR`, all aligned.
    let (b, acc) = unsafe {
        (
            std::slice::from_raw_parts(b.cast::<[[i8; KG]; NR]>(), k / KG),
            &mut *acc.cast::<[[i32; NR]; MR]>(),
        )
    };
    let mut sums = [[0; NR]; MR];
    for (i, b) in b.iter().enumerate() {
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the caller's promise: `MR` rows of `k` values, `lda` apart; bytes need no alignment.
            let a = unsafe { *a.add(r * lda + i * KG).cast::<[u8; KG]>() };
            for (sum, b) in sums.iter_mut().zip(b) {
                for (a, b) in a.iter().zip(b) {
                    *sum += i32::from(*a) * i32::from(*b);
                }
            }
        }
    }
    *acc = sums;
}
