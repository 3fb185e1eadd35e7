//! The innermost loops: one tile of a matrix product, one file for each instruction set.
//!
//! A tile kernel computes raw sums into a small buffer; bias, residual, activation and quantization follow outside
//! (`gemm`), once for all CPUs.

#![allow(unsafe_code)]

use super::{Cpu, Isa};

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod dotprod;
#[cfg(target_arch = "aarch64")]
mod i8mm;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(test)]
mod tests;
mod transpose;

pub use transpose::transpose;

/// `acc[r * nr + c] = Σ_k a[r * lda + k] * b[k * nr + c]` for `r < mr`, `c < nr`: for each output one chain of fused
/// multiply-adds over ascending `k`, beginning with `acc`'s value if `accumulate`, else with 0.
#[derive(Clone, Copy, Debug)]
pub struct TileF32 {
    /// Rows of a tile.
    pub mr: usize,
    /// Columns of a tile; weights are packed `[n / nr][k][nr]`, zeros past the last column.
    pub nr: usize,
    /// The kernel.
    ///
    /// # Safety
    /// `a` is readable for `mr` rows of `k` values, `lda` apart; `b` for `k * nr` values, aligned to 64 bytes; `acc`
    /// writable for `mr * nr`, aligned to 64 bytes; the CPU has the instructions.
    pub run: unsafe fn(
        k: usize,
        a: *const f32,
        lda: usize,
        b: *const f32,
        acc: *mut f32,
        accumulate: bool,
    ),
}

/// `acc[r * nr + c] = Σ_k (a[r * lda + k] - offset) * w[c][k]`, exact in `i32`, for any `a` in 0..=255 and any `w` in
/// -64..=64 (7 bits: the sums of two products then fit 16 bits, which AVX2 and NEON need).
#[derive(Clone, Copy, Debug)]
pub struct TileI8 {
    /// Rows of a tile.
    pub mr: usize,
    /// Columns of a tile.
    pub nr: usize,
    /// Values of `k` that lie together for one column: weights are packed `[n / nr][k / kg][nr][kg]`, zeros past the
    /// last column and past the last `k`. Divides 16.
    pub kg: usize,
    /// What the kernel takes from each `a`; the caller adds `offset * Σ_k w[c][k]`. Where the CPU multiplies signed by
    /// signed it is 128, and the kernel is given `a` with its top bits turned, which is `a - 128` as a signed number:
    /// turned once for a block of rows, not in each tile.
    pub offset: i32,
    /// The kernel.
    ///
    /// # Safety
    /// `k` is a multiple of 16; `a` is readable for `mr` rows of `k` values, `lda` apart; `b` for `k * nr` values,
    /// aligned to 64 bytes; `acc` writable for `mr * nr`, aligned to 64 bytes; the CPU has the instructions.
    pub run: unsafe fn(k: usize, a: *const u8, lda: usize, b: *const i8, acc: *mut i32),
}

/// The float tile of a CPU.
#[must_use]
pub fn f32(cpu: Cpu) -> TileF32 {
    match cpu.isa() {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => avx2::F32,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => avx512::F32,
        #[cfg(target_arch = "aarch64")]
        Isa::Neon | Isa::Dotprod | Isa::I8mm => neon::F32,
        _ => portable::F32,
    }
}

/// The 8-bit tile of a CPU.
#[must_use]
pub fn i8(cpu: Cpu) -> TileI8 {
    match cpu.isa() {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => avx2::I8,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => avx512::I8,
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => neon::I8,
        #[cfg(target_arch = "aarch64")]
        Isa::Dotprod => dotprod::I8,
        #[cfg(target_arch = "aarch64")]
        Isa::I8mm => i8mm::I8,
        _ => portable::I8,
    }
}

/// The smallest float tile of a CPU that holds `rows`, at most [`f32`]'s, on the same weights; or that one itself.
#[must_use]
pub fn f32_of(cpu: Cpu, rows: usize) -> TileF32 {
    match cpu.isa() {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => avx2::f32_of(rows),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => avx512::f32_of(rows),
        #[cfg(target_arch = "aarch64")]
        Isa::Neon | Isa::Dotprod | Isa::I8mm => neon::f32_of(rows),
        Isa::Portable if rows <= 1 => portable::ROW_F32,
        _ => f32(cpu),
    }
}

/// The smallest 8-bit tile of a CPU that holds `rows`, at most [`i8`]'s, on the same weights; or that one itself.
#[must_use]
pub fn i8_of(cpu: Cpu, rows: usize) -> TileI8 {
    match cpu.isa() {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => avx2::i8_of(rows),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => avx512::i8_of(rows),
        #[cfg(target_arch = "aarch64")]
        Isa::Dotprod => dotprod::i8_of(rows),
        #[cfg(target_arch = "aarch64")]
        Isa::I8mm => i8mm::i8_of(rows),
        Isa::Portable if rows <= 1 => portable::ROW_I8,
        _ => i8(cpu),
    }
}
