//! Bytes replaced by entries of a table of 256, which compilers do byte by byte.

#![allow(unsafe_code)]

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64::*;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// One by one: what every other function here must give.
pub(super) fn portable(table: &[u8; 256], x: &mut [u8]) {
    for x in x {
        *x = table[usize::from(*x)];
    }
}

/// A table in 16 registers.
#[cfg(target_arch = "aarch64")]
pub(super) struct NeonTable([uint8x16x4_t; 4]);

#[cfg(target_arch = "aarch64")]
impl NeonTable {
    #[inline(always)]
    pub(super) fn new(table: &[u8; 256]) -> Self {
        // SAFETY: the table is four times four vectors long.
        let part = |i: usize| unsafe { vld1q_u8_x4(table.as_ptr().add(i * 64)) };
        Self([part(0), part(1), part(2), part(3)])
    }

    /// Four lookups among 64 entries each, of which three leave an entry as it was.
    #[inline(always)]
    pub(super) fn at(&self, mut q: uint8x16_t) -> uint8x16_t {
        // SAFETY: every 64-bit ARM has these instructions.
        unsafe {
            let mut y = vqtbl4q_u8(self.0[0], q);
            for part in &self.0[1..] {
                // `q` counts from the part's first entry; those past its last keep `y`.
                q = vsubq_u8(q, vdupq_n_u8(64));
                y = vqtbx4q_u8(y, *part, q);
            }
            y
        }
    }
}

/// Sixteen at a time.
#[cfg(target_arch = "aarch64")]
pub(super) fn neon(table: &[u8; 256], x: &mut [u8]) {
    let entries = NeonTable::new(table);
    let (chunks, tail) = x.as_chunks_mut::<16>();
    for x in chunks {
        // SAFETY: the chunk is a vector long; every 64-bit ARM has these instructions.
        unsafe { vst1q_u8(x.as_mut_ptr(), entries.at(vld1q_u8(x.as_ptr()))) };
    }
    portable(table, tail);
}

/// Sixteen lookups among 16 entries each, all but one of which give 0.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
pub(super) fn avx2(table: &[u8; 256], x: &mut [u8]) {
    let (chunks, tail) = x.as_chunks_mut::<32>();
    for x in chunks {
        // SAFETY: the chunk is a vector long.
        let mut q = unsafe { _mm256_loadu_si256(x.as_ptr().cast()) };
        let mut y = _mm256_setzero_si256();
        for part in table.as_chunks::<16>().0 {
            // SAFETY: the part is a vector long.
            let part = unsafe { _mm_loadu_si128(part.as_ptr().cast()) };
            // `q` counts from the part's first entry; all but 0..16 get their top bit set, which gives 0.
            let index = _mm256_adds_epu8(q, _mm256_set1_epi8(0x70));
            let found = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(part), index);
            y = _mm256_or_si256(y, found);
            q = _mm256_sub_epi8(q, _mm256_set1_epi8(16));
        }
        // SAFETY: the chunk is a vector long.
        unsafe { _mm256_storeu_si256(x.as_mut_ptr().cast(), y) };
    }
    portable(table, tail);
}

/// A table in four registers.
#[cfg(target_arch = "x86_64")]
pub(super) struct VbmiTable([__m512i; 4]);

#[cfg(target_arch = "x86_64")]
impl VbmiTable {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    pub(super) fn new(table: &[u8; 256]) -> Self {
        // SAFETY: the table is four vectors long.
        let part = |i: usize| unsafe { _mm512_loadu_si512(table.as_ptr().add(i * 64).cast()) };
        Self([part(0), part(1), part(2), part(3)])
    }

    /// Two lookups among 128 entries each, the entry's top bit choosing between them.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    pub(super) fn at(&self, q: __m512i) -> __m512i {
        let low = _mm512_permutex2var_epi8(self.0[0], q, self.0[1]);
        let high = _mm512_permutex2var_epi8(self.0[2], q, self.0[3]);
        _mm512_mask_blend_epi8(_mm512_movepi8_mask(q), low, high)
    }
}

/// Sixty-four at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
pub(super) fn avx512(table: &[u8; 256], x: &mut [u8]) {
    let entries = VbmiTable::new(table);
    for x in x.chunks_mut(64) {
        let mask = u64::MAX >> (64 - x.len());
        // SAFETY: the mask is that of the chunk's bytes.
        let q = unsafe { _mm512_maskz_loadu_epi8(mask, x.as_ptr().cast()) };
        // SAFETY: as above.
        unsafe { _mm512_mask_storeu_epi8(x.as_mut_ptr().cast(), mask, entries.at(q)) };
    }
}
