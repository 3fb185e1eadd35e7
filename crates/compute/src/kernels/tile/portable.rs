//! Tiles in plain Rust: what every other file here must give.

use super::{TileF32, TileI8};

const NR: usize = 16;
const KG: usize = 4;

pub(super) const F32: TileF32 = TileF32 {
    mr: 4,
    nr: NR,
    run: run_f32::<4>,
};

pub(super) const I8: TileI8 = TileI8 {
    mr: 4,
    nr: NR,
    kg: KG,
    offset: 0,
    run: run_i8::<4>,
};

/// The tile of few rows.
pub(super) const ROW_F32: TileF32 = TileF32 {
    mr: 1,
    run: run_f32::<1>,
    ..F32
};

/// The tile of few rows.
pub(super) const ROW_I8: TileI8 = TileI8 {
    mr: 1,
    run: run_i8::<1>,
    ..I8
};

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
