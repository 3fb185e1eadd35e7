//! AVX-512 with VNNI and VBMI: 16 columns a vector, keys and weights unsigned, queries and values signed.

use std::arch::x86_64::*;

use super::dots::{self, Dots};
use super::kernel::{MixBlock, ScoreBlock, WeighBlock, WindowTile};
use super::table::WEIGHTS;
use crate::kernels::tile::lookup::VbmiTable;

pub const AVX512: WindowTile = WindowTile {
    nr: 16,
    row: 64,
    key_zero: 64,
    value_zero: 0,
    scores,
    weigh,
    mix,
};

#[target_feature(enable = "avx512f,avx512vnni")]
fn scores(block: ScoreBlock<'_>) {
    // SAFETY: the caller has the instructions.
    unsafe { dots::scores::<Zmm, 7, 0, 2>(block) }
}
#[target_feature(enable = "avx512f,avx512vnni")]
fn mix(block: MixBlock<'_>) {
    // SAFETY: the caller has the instructions.
    unsafe { dots::mix::<Zmm, 7, 0, 2>(block) }
}

/// Two vectors of sums for each query: all channels of values.
struct Zmm;

impl Dots for Zmm {
    type Sums = __m512i;
    type Columns = __m512i;
    type Row = *const u8;
    const NR: usize = 16;

    #[inline(always)]
    unsafe fn load(from: *const i32) -> __m512i {
        // SAFETY: the caller's promise.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }
    #[inline(always)]
    unsafe fn splat(number: i32) -> __m512i {
        // SAFETY: the caller's promise.
        unsafe { _mm512_set1_epi32(number) }
    }
    #[inline(always)]
    unsafe fn store(sums: __m512i, to: *mut i32) {
        // SAFETY: the caller's promise.
        unsafe { _mm512_storeu_si512(to.cast(), sums) }
    }
    #[inline(always)]
    unsafe fn columns(from: *const u8) -> __m512i {
        // SAFETY: the caller's promise.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }
    #[inline(always)]
    unsafe fn row(from: *const u8) -> *const u8 {
        from
    }
    #[inline(always)]
    unsafe fn keys<const HALF: usize>(
        sums: __m512i,
        keys: [__m512i; 2],
        query: *const u8,
    ) -> __m512i {
        // SAFETY: the caller's promise.
        unsafe {
            let sums = _mm512_dpbusd_epi32(sums, keys[0], group::<HALF, 0>(query));
            _mm512_dpbusd_epi32(sums, keys[1], group::<HALF, 1>(query))
        }
    }
    #[inline(always)]
    unsafe fn values<const HALF: usize>(
        sums: __m512i,
        values: [__m512i; 2],
        weights: *const u8,
    ) -> __m512i {
        // SAFETY: the caller's promise.
        unsafe {
            let sums = _mm512_dpbusd_epi32(sums, group::<HALF, 0>(weights), values[0]);
            _mm512_dpbusd_epi32(sums, group::<HALF, 1>(weights), values[1])
        }
    }
}

/// Four bytes of a row, for all columns.
#[inline(always)]
unsafe fn group<const HALF: usize, const AT: usize>(row: *const u8) -> __m512i {
    // SAFETY: a row has 16 bytes.
    unsafe { _mm512_set1_epi32(row.add(8 * HALF + 4 * AT).cast::<i32>().read_unaligned()) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn weigh(block: WeighBlock<'_>) {
    let row = block.check(64);
    let entries = VbmiTable::new(&WEIGHTS);
    let in_order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    let down = _mm512_set1_epi32(block.shift as i32);
    let half = (1 << block.shift) >> 1;
    let rows = block
        .scores
        .chunks_exact(row)
        .zip(block.weights.chunks_exact_mut(row));
    for ((scores, weights), sum) in rows.zip(block.sums) {
        let (scores, weights) = (scores.as_chunks::<64>().0, weights.as_chunks_mut::<64>().0);
        let mut most = [_mm512_set1_epi32(i32::MIN); 4];
        for scores in scores {
            for (i, most) in most.iter_mut().enumerate() {
                // SAFETY: 16 of 64 numbers, here and below.
                let scores = unsafe { _mm512_loadu_si512(scores.as_ptr().add(16 * i).cast()) };
                *most = _mm512_max_epi32(*most, scores);
            }
        }
        let most = _mm512_max_epi32(
            _mm512_max_epi32(most[0], most[1]),
            _mm512_max_epi32(most[2], most[3]),
        );
        let top = _mm512_set1_epi32(_mm512_reduce_max_epi32(most).wrapping_add(half));
        let mut sums = _mm512_setzero_si512();
        for (scores, weights) in scores.iter().zip(weights) {
            let mut steps = [top; 4];
            for (i, steps) in steps.iter_mut().enumerate() {
                // SAFETY: as above.
                let scores = unsafe { _mm512_loadu_si512(scores.as_ptr().add(16 * i).cast()) };
                *steps = _mm512_srlv_epi32(_mm512_sub_epi32(top, scores), down);
            }
            let left = _mm512_packs_epi32(steps[0], steps[1]);
            let right = _mm512_packs_epi32(steps[2], steps[3]);
            let steps = _mm512_permutexvar_epi32(in_order, _mm512_packus_epi16(left, right));
            let found = entries.at(steps);
            sums = _mm512_add_epi64(sums, _mm512_sad_epu8(found, _mm512_setzero_si512()));
            // SAFETY: 64 bytes.
            unsafe { _mm512_storeu_si512(weights.as_mut_ptr().cast(), found) };
        }
        *sum = _mm512_reduce_add_epi64(sums) as i32;
    }
}
