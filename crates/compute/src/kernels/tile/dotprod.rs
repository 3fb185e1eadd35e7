//! ARM with `sdot` (Cortex-A76, A78AE: Raspberry Pi 5, Jetson Orin): two a cycle, 16 products each.

use std::arch::aarch64::{int32x4_t, vdupq_n_s32, vst1q_s32};
use std::arch::asm;
use std::array::from_fn;

use super::finish::finished;
use super::kernel::{FinishedTiles, TileFinish, TileI8, TileOperands};

/// Vectors of a row's sums.
const VECTORS: usize = 4;

/// Maps of 56, 28 and 14 columns and their parts leave 4 or 2 rows.
pub(super) const I8: &[TileI8] = &[
    i8_rows(1, i8_1x16, finished_1x16),
    i8_rows(2, i8_2x16, finished_2x16),
    i8_rows(4, i8_4x16, finished_4x16),
    i8_rows(6, i8_6x16, finished_6x16),
];

const fn i8_rows(
    mr: usize,
    run: unsafe fn(usize, *const u8, usize, *const i8, *mut i32),
    finished: FinishedTiles,
) -> TileI8 {
    TileI8 {
        mr,
        nr: VECTORS * 4,
        kg: 4,
        offset: 128,
        run,
        finished: Some(finished),
    }
}

/// A tile of some rows, each of them given as: its number, the register of its address, the vector of its values, and its
/// four vectors of sums; a function that gives the sums, and one that stores them.
macro_rules! tile {
    ($(#[$meta:meta])* $sums:ident $stored:ident $count:literal: $($row:literal $at:tt $x:literal $s0:tt $s1:tt $s2:tt $s3:tt),*) => {
        $(#[$meta])*
        ///
        /// # Safety
        /// As [`TileI8::run`] says; sums begin with `start`.
        #[inline]
        #[target_feature(enable = "neon,dotprod")]
        unsafe fn $sums(
            k: usize,
            a: *const u8,
            lda: usize,
            b: *const i8,
            start: [int32x4_t; VECTORS],
        ) -> [[int32x4_t; VECTORS]; $count] {
            /// Sixteen columns, for the four `k` in lane `$lane`.
            macro_rules! columns {
                ($lane:literal) => {
                    concat!(
                        "ldp q30, q31, [x1], #32\n",
                        $("sdot ", $s0, ".4s, v30.16b, v", $x, ".4b[", $lane, "]\n",)*
                        $("sdot ", $s1, ".4s, v31.16b, v", $x, ".4b[", $lane, "]\n",)*
                        "ldp q30, q31, [x1], #32\n",
                        $("sdot ", $s2, ".4s, v30.16b, v", $x, ".4b[", $lane, "]\n",)*
                        $("sdot ", $s3, ".4s, v31.16b, v", $x, ".4b[", $lane, "]\n",)*
                    )
                };
            }
            let rows: [*const u8; $count] = from_fn(|r| a.wrapping_add(r.wrapping_mul(lda)));
            let mut sums = [start; $count];
            // SAFETY: reads 16 values of each row and 256 weights for each 16 of `k` (a multiple of 16): the caller's
            // promise. All vector registers are declared overwritten.
            unsafe {
                asm!(
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
                    inout("x0") k => _,
                    inout("x1") b => _,
                    $(inout($at) rows[$row] => _,
                      inout($s0) sums[$row][0], inout($s1) sums[$row][1],
                      inout($s2) sums[$row][2], inout($s3) sums[$row][3],)*
                    clobber_abi("C"),
                    options(nostack, readonly),
                );
            }
            sums
        }

        /// # Safety
        /// As [`TileI8::run`] says.
        #[target_feature(enable = "neon,dotprod")]
        unsafe fn $stored(k: usize, a: *const u8, lda: usize, b: *const i8, acc: *mut i32) {
            // SAFETY: the caller's promise; `acc` holds rows of 16.
            unsafe {
                let sums = $sums(k, a, lda, b, [vdupq_n_s32(0); VECTORS]);
                for (i, sums) in sums.as_flattened().iter().enumerate() {
                    vst1q_s32(acc.add(4 * i), *sums);
                }
            }
        }
    };
}

tile! {
    /// v0 to v23: sums, four a row. v24 to v29: 16 values of a row. v30, v31: weights. All 32: a 6 x 16 tile reads least
    /// for what it multiplies.
    ///
    /// Written out since the standard library's `sdot` is not stable yet and the compiler runs out of registers here.
    sums_6x16 i8_6x16 6: 0 "x2" 24 "v0" "v1" "v2" "v3", 1 "x3" 25 "v4" "v5" "v6" "v7",
        2 "x4" 26 "v8" "v9" "v10" "v11", 3 "x5" 27 "v12" "v13" "v14" "v15",
        4 "x6" 28 "v16" "v17" "v18" "v19", 5 "x7" 29 "v20" "v21" "v22" "v23"
}
tile! {
    /// The last rows of a layer.
    sums_4x16 i8_4x16 4: 0 "x2" 24 "v0" "v1" "v2" "v3", 1 "x3" 25 "v4" "v5" "v6" "v7",
        2 "x4" 26 "v8" "v9" "v10" "v11", 3 "x5" 27 "v12" "v13" "v14" "v15"
}
tile! {
    /// The last rows of a layer.
    sums_2x16 i8_2x16 2: 0 "x2" 24 "v0" "v1" "v2" "v3", 1 "x3" 25 "v4" "v5" "v6" "v7"
}
tile! {
    /// The last row of a layer.
    sums_1x16 i8_1x16 1: 0 "x2" 24 "v0" "v1" "v2" "v3"
}

finished!(finished_6x16, "neon,dotprod", 6, sums_6x16);
finished!(finished_4x16, "neon,dotprod", 4, sums_4x16);
finished!(finished_2x16, "neon,dotprod", 2, sums_2x16);
finished!(finished_1x16, "neon,dotprod", 1, sums_1x16);
