//! AVX2, and AVX2 with the 8-bit products of VNNI in 256 bits (AVX-VNNI): eight columns a vector, keys and weights unsigned,
//! queries and values signed.

use std::arch::x86_64::*;

use super::dots::{self, Dots};
use super::kernel::{MixBlock, ScoreBlock, WeighBlock, WindowTile};
use super::table::{COARSE, FINE};

pub const AVX2: WindowTile = WindowTile {
    nr: 8,
    row: 32,
    key_zero: 64,
    value_zero: 0,
    scores,
    weigh,
    mix,
};
pub const AVXVNNI: WindowTile = WindowTile {
    scores: vnni_scores,
    mix: vnni_mix,
    ..AVX2
};

#[target_feature(enable = "avx2")]
fn scores(block: ScoreBlock<'_>) {
    // SAFETY: the caller has the instructions, here and below.
    unsafe { dots::scores::<Ymm<false>, 7, 0, 1>(block) }
}
#[target_feature(enable = "avx2")]
fn mix(block: MixBlock<'_>) {
    // SAFETY: as above.
    unsafe { dots::mix::<Ymm<false>, 7, 0, 1>(block) }
}
#[target_feature(enable = "avx2,avxvnni")]
fn vnni_scores(block: ScoreBlock<'_>) {
    // SAFETY: as above.
    unsafe { dots::scores::<Ymm<true>, 7, 0, 1>(block) }
}
#[target_feature(enable = "avx2,avxvnni")]
fn vnni_mix(block: MixBlock<'_>) {
    // SAFETY: as above.
    unsafe { dots::mix::<Ymm<true>, 7, 0, 1>(block) }
}

/// Seven sums leave room for what a product of AVX2 needs.
struct Ymm<const VNNI: bool>;

impl<const VNNI: bool> Dots for Ymm<VNNI> {
    type Sums = __m256i;
    type Columns = __m256i;
    type Row = *const u8;
    const NR: usize = 8;

    #[inline(always)]
    unsafe fn load(from: *const i32) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }
    #[inline(always)]
    unsafe fn splat(number: i32) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe { _mm256_set1_epi32(number) }
    }
    #[inline(always)]
    unsafe fn store(sums: __m256i, to: *mut i32) {
        // SAFETY: the caller's promise.
        unsafe { _mm256_storeu_si256(to.cast(), sums) }
    }
    #[inline(always)]
    unsafe fn columns(from: *const u8) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }
    #[inline(always)]
    unsafe fn row(from: *const u8) -> *const u8 {
        from
    }
    #[inline(always)]
    unsafe fn keys<const HALF: usize>(
        sums: __m256i,
        keys: [__m256i; 2],
        query: *const u8,
    ) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe {
            let sums = dot::<VNNI>(sums, keys[0], group::<HALF, 0>(query));
            dot::<VNNI>(sums, keys[1], group::<HALF, 1>(query))
        }
    }
    #[inline(always)]
    unsafe fn values<const HALF: usize>(
        sums: __m256i,
        values: [__m256i; 2],
        weights: *const u8,
    ) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe {
            let sums = dot::<VNNI>(sums, group::<HALF, 0>(weights), values[0]);
            dot::<VNNI>(sums, group::<HALF, 1>(weights), values[1])
        }
    }
}

/// Four bytes of a row, for all columns.
#[inline(always)]
unsafe fn group<const HALF: usize, const AT: usize>(row: *const u8) -> __m256i {
    // SAFETY: a row has 16 bytes.
    unsafe { _mm256_set1_epi32(row.add(8 * HALF + 4 * AT).cast::<i32>().read_unaligned()) }
}

/// Two products are at most 2 · 128 · 128 below 0 or 2 · 255 · 64 above it: 16 bits.
#[inline(always)]
unsafe fn dot<const VNNI: bool>(sums: __m256i, unsigned: __m256i, signed: __m256i) -> __m256i {
    // SAFETY: the caller's promise.
    unsafe {
        if VNNI {
            _mm256_dpbusd_avx_epi32(sums, unsigned, signed)
        } else {
            let pairs = _mm256_maddubs_epi16(unsigned, signed);
            _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
        }
    }
}

/// A weight is a product of two factors, of the upper and the lower half of its steps.
#[target_feature(enable = "avx2")]
fn weigh(block: WeighBlock<'_>) {
    let row = block.check(32);
    let mut factors = [[0; 16]; 3];
    for i in 0..16 {
        [factors[0][i], factors[1][i]] = COARSE[i].to_le_bytes();
        [factors[2][i], _] = FINE[i].to_le_bytes(); // The other byte is 1.
    }
    // SAFETY: each of the tables is 16 bytes.
    let table = |i: usize| unsafe {
        _mm256_broadcastsi128_si256(_mm_loadu_si128(factors[i].as_ptr().cast()))
    };
    let (coarse_low, coarse_high, fine) = (table(0), table(1), table(2));
    let (nibble, one) = (_mm256_set1_epi8(15), _mm256_set1_epi8(1));
    let in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    let down = _mm256_set1_epi32(block.shift as i32);
    let half = (1 << block.shift) >> 1;
    let rows = block
        .scores
        .chunks_exact(row)
        .zip(block.weights.chunks_exact_mut(row));
    for ((scores, weights), sum) in rows.zip(block.sums) {
        let (scores, weights) = (scores.as_chunks::<32>().0, weights.as_chunks_mut::<32>().0);
        let mut most = [_mm256_set1_epi32(i32::MIN); 4];
        for scores in scores {
            for (i, most) in most.iter_mut().enumerate() {
                // SAFETY: 8 of 32 numbers, here and below.
                let scores = unsafe { _mm256_loadu_si256(scores.as_ptr().add(8 * i).cast()) };
                *most = _mm256_max_epi32(*most, scores);
            }
        }
        let most = _mm256_max_epi32(
            _mm256_max_epi32(most[0], most[1]),
            _mm256_max_epi32(most[2], most[3]),
        );
        let top = _mm256_add_epi32(largest(most), _mm256_set1_epi32(half));
        let mut sums = _mm256_setzero_si256();
        for (scores, weights) in scores.iter().zip(weights) {
            let mut steps = [top; 4];
            for (i, steps) in steps.iter_mut().enumerate() {
                // SAFETY: as above.
                let scores = unsafe { _mm256_loadu_si256(scores.as_ptr().add(8 * i).cast()) };
                *steps = _mm256_srlv_epi32(_mm256_sub_epi32(top, scores), down);
            }
            let left = _mm256_packs_epi32(steps[0], steps[1]);
            let right = _mm256_packs_epi32(steps[2], steps[3]);
            let steps = _mm256_packus_epi16(left, right);
            let steps = _mm256_permutevar8x32_epi32(steps, in_order);
            let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(steps), nibble);
            let fine = _mm256_shuffle_epi8(fine, _mm256_and_si256(steps, nibble));
            let low = _mm256_shuffle_epi8(coarse_low, upper);
            let high = _mm256_shuffle_epi8(coarse_high, upper);
            let left = _mm256_mulhrs_epi16(
                _mm256_unpacklo_epi8(low, high),
                _mm256_unpacklo_epi8(fine, one),
            );
            let right = _mm256_mulhrs_epi16(
                _mm256_unpackhi_epi8(low, high),
                _mm256_unpackhi_epi8(fine, one),
            );
            let found = _mm256_packus_epi16(left, right);
            sums = _mm256_add_epi64(sums, _mm256_sad_epu8(found, _mm256_setzero_si256()));
            // SAFETY: 32 bytes.
            unsafe { _mm256_storeu_si256(weights.as_mut_ptr().cast(), found) };
        }
        let sums = _mm_add_epi64(
            _mm256_castsi256_si128(sums),
            _mm256_extracti128_si256::<1>(sums),
        );
        *sum = _mm_cvtsi128_si32(_mm_add_epi64(sums, _mm_unpackhi_epi64(sums, sums)));
    }
}

/// The largest of eight numbers, eight times.
#[target_feature(enable = "avx2")]
fn largest(x: __m256i) -> __m256i {
    let x = _mm256_max_epi32(x, _mm256_permute2x128_si256::<1>(x, x));
    let x = _mm256_max_epi32(x, _mm256_shuffle_epi32::<0b01_00_11_10>(x));
    _mm256_max_epi32(x, _mm256_shuffle_epi32::<0b10_11_00_01>(x))
}
