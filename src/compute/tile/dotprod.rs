//! ARM with `sdot` (Cortex-A76, A78AE: Raspberry Pi 5, Jetson Orin): two a cycle, 16 products each.

use std::arch::asm;
use std::array::from_fn;

use super::TileI8;

pub(super) const I8: TileI8 = TileI8 {
    mr: 6,
    nr: 16,
    kg: 4,
    offset: 128,
    run: i8_6x16,
};

/// Four columns of weights (in `$w`) times four values of each row, added to one sum of each row.
macro_rules! column {
    ($w:literal, $lane:literal, $($sum:literal $x:literal),*) => {
        concat!($("sdot v", $sum, ".4s, v", $w, ".16b, v", $x, ".4b[", $lane, "]\n"),*)
    };
}

/// Sixteen columns, for the four `k` in lane `$lane`.
macro_rules! columns {
    ($lane:literal) => {
        concat!(
            "ldp q30, q31, [x1], #32\n",
            column!(30, $lane, 0 24, 4 25, 8 26, 12 27, 16 28, 20 29),
            column!(31, $lane, 1 24, 5 25, 9 26, 13 27, 17 28, 21 29),
            "ldp q30, q31, [x1], #32\n",
            column!(30, $lane, 2 24, 6 25, 10 26, 14 27, 18 28, 22 29),
            column!(31, $lane, 3 24, 7 25, 11 26, 15 27, 19 28, 23 29),
        )
    };
}

macro_rules! each {
    ($before:literal, $after:literal, $($v:literal)*) => { concat!($($before, $v, $after, "\n"),*) };
}

/// v0 to v23: sums, four a row. v24 to v29: 16 values of a row. v30, v31: weights. All 32: a 6 x 16 tile reads least for
/// what it multiplies, and turning values to signed costs the multiplying pipes only 7 instructions beside 96.
///
/// Written out since the standard library's `sdot` is not stable yet and the compiler runs out of registers here.
#[target_feature(enable = "neon,dotprod")]
unsafe fn i8_6x16(k: usize, a: *const u8, lda: usize, b: *const i8, acc: *mut i32) {
    let rows: [*const u8; 6] = from_fn(|r| a.wrapping_add(r.wrapping_mul(lda)));
    // SAFETY: reads 16 values of each row and 256 weights for each 16 of `k` (a multiple of 16), writes 6 rows of 16
    // sums: the caller's promise. All vector registers are declared overwritten.
    unsafe {
        asm!(
            each!("movi v", ".2d, #0", 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23),
            "cbz x0, 3f",
            "2:",
            "movi v30.16b, #0x80",
            "ldr q24, [x2], #16",
            "ldr q25, [x3], #16",
            "ldr q26, [x4], #16",
            "ldr q27, [x5], #16",
            "ldr q28, [x6], #16",
            "ldr q29, [x7], #16",
            "eor v24.16b, v24.16b, v30.16b",
            "eor v25.16b, v25.16b, v30.16b",
            "eor v26.16b, v26.16b, v30.16b",
            "eor v27.16b, v27.16b, v30.16b",
            "eor v28.16b, v28.16b, v30.16b",
            "eor v29.16b, v29.16b, v30.16b",
            columns!(0),
            columns!(1),
            columns!(2),
            "subs x0, x0, #16",
            columns!(3),
            "b.ne 2b",
            "3:",
            "stp q0, q1, [x8]",
            "stp q2, q3, [x8, #32]",
            "stp q4, q5, [x8, #64]",
            "stp q6, q7, [x8, #96]",
            "stp q8, q9, [x8, #128]",
            "stp q10, q11, [x8, #160]",
            "stp q12, q13, [x8, #192]",
            "stp q14, q15, [x8, #224]",
            "stp q16, q17, [x8, #256]",
            "stp q18, q19, [x8, #288]",
            "stp q20, q21, [x8, #320]",
            "stp q22, q23, [x8, #352]",
            inout("x0") k => _,
            inout("x1") b => _,
            inout("x2") rows[0] => _,
            inout("x3") rows[1] => _,
            inout("x4") rows[2] => _,
            inout("x5") rows[3] => _,
            inout("x6") rows[4] => _,
            inout("x7") rows[5] => _,
            in("x8") acc,
            clobber_abi("C"),
            options(nostack),
        );
    }
}
