//! ARM with `sdot` (Cortex-A76, A78AE: Raspberry Pi 5, Jetson Orin): two a cycle, 16 products each.

use std::arch::asm;
use std::array::from_fn;

use super::kernel::TileI8;

/// Maps of 56, 28 and 14 columns and their parts leave 4 or 2 rows.
pub(super) const I8: &[TileI8] = &[
    i8_rows(1, i8_1x16),
    i8_rows(2, i8_2x16),
    i8_rows(4, i8_4x16),
    i8_rows(6, i8_6x16),
];

const fn i8_rows(
    mr: usize,
    run: unsafe fn(usize, *const u8, usize, *const i8, *mut i32),
) -> TileI8 {
    TileI8 {
        mr,
        nr: 16,
        kg: 4,
        offset: 128,
        run,
    }
}

/// A tile of some rows, each of them given as: its number, the register of its address, the vector of its values, and its
/// four vectors of sums.
macro_rules! tile {
    ($(#[$meta:meta])* $name:ident, $count:literal: $($row:literal $at:tt $x:literal $s0:literal $s1:literal $s2:literal $s3:literal),*) => {
        $(#[$meta])*
        ///
        /// # Safety
        /// As [`TileI8::run`] says.
        #[target_feature(enable = "neon,dotprod")]
        unsafe fn $name(k: usize, a: *const u8, lda: usize, b: *const i8, acc: *mut i32) {
            /// Sixteen columns, for the four `k` in lane `$lane`.
            macro_rules! columns {
                ($lane:literal) => {
                    concat!(
                        "ldp q30, q31, [x1], #32\n",
                        $("sdot v", $s0, ".4s, v30.16b, v", $x, ".4b[", $lane, "]\n",)*
                        $("sdot v", $s1, ".4s, v31.16b, v", $x, ".4b[", $lane, "]\n",)*
                        "ldp q30, q31, [x1], #32\n",
                        $("sdot v", $s2, ".4s, v30.16b, v", $x, ".4b[", $lane, "]\n",)*
                        $("sdot v", $s3, ".4s, v31.16b, v", $x, ".4b[", $lane, "]\n",)*
                    )
                };
            }
            let rows: [*const u8; $count] = from_fn(|r| a.wrapping_add(r.wrapping_mul(lda)));
            // SAFETY: reads 16 values of each row and 256 weights for each 16 of `k` (a multiple of 16), writes rows of 16
            // sums: the caller's promise. All vector registers are declared overwritten.
            unsafe {
                asm!(
                    $(concat!("movi v", $s0, ".2d, #0\nmovi v", $s1, ".2d, #0"),
                      concat!("movi v", $s2, ".2d, #0\nmovi v", $s3, ".2d, #0"),)*
                    "cbz x0, 3f",
                    "2:",
                    $(concat!("ldr q", $x, ", [", $at, "], #16"),)*
                    columns!(0),
                    columns!(1),
                    columns!(2),
                    "subs x0, x0, #16",
                    columns!(3),
                    "b.ne 2b",
                    "3:",
                    $(concat!("stp q", $s0, ", q", $s1, ", [x8, #", $row, " * 64]"),
                      concat!("stp q", $s2, ", q", $s3, ", [x8, #", $row, " * 64 + 32]"),)*
                    inout("x0") k => _,
                    inout("x1") b => _,
                    $(inout($at) rows[$row] => _,)*
                    in("x8") acc,
                    clobber_abi("C"),
                    options(nostack),
                );
            }
        }
    };
}

tile! {
    /// v0 to v23: sums, four a row. v24 to v29: 16 values of a row. v30, v31: weights. All 32: a 6 x 16 tile reads least
    /// for what it multiplies.
    ///
    /// Written out since the standard library's `sdot` is not stable yet and the compiler runs out of registers here.
    i8_6x16, 6: 0 "x2" 24 0 1 2 3, 1 "x3" 25 4 5 6 7, 2 "x4" 26 8 9 10 11, 3 "x5" 27 12 13 14 15,
        4 "x6" 28 16 17 18 19, 5 "x7" 29 20 21 22 23
}
tile! {
    /// The last rows of a layer.
    i8_4x16, 4: 0 "x2" 24 0 1 2 3, 1 "x3" 25 4 5 6 7, 2 "x4" 26 8 9 10 11, 3 "x5" 27 12 13 14 15
}
tile! {
    /// The last rows of a layer.
    i8_2x16, 2: 0 "x2" 24 0 1 2 3, 1 "x3" 25 4 5 6 7
}
tile! {
    /// The last row of a layer.
    i8_1x16, 1: 0 "x2" 24 0 1 2 3
}
