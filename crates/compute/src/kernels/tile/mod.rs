//! The innermost loops, written for each instruction set, and **the one place that chooses among them**: whoever adds an
//! instruction set is led here by the compiler, as no choice below has a default.
//!
//! A tile kernel computes raw sums into a small buffer; bias, residual, activation and quantization follow outside
//! (`gemm`), once for all CPUs.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avxvnni;
#[cfg(target_arch = "x86_64")]
pub mod depthwise;
#[cfg(target_arch = "aarch64")]
mod dotprod;
#[cfg(target_arch = "aarch64")]
mod finish;
#[cfg(target_arch = "aarch64")]
mod i8mm;
mod kernel;
mod lookup;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(test)]
mod tests;
mod transpose;
pub mod window;

pub use kernel::{TileF32, TileFinish, TileI8, TileOperands, TileOut, TileResidual};
use window::WindowTile;

use super::{Cpu, Isa};
use transpose::SIDE;

/// The tiles of an instruction set, of fewest rows first. All of a kind take the same packed weights.
struct Tiles {
    f32: &'static [TileF32],
    i8: &'static [TileI8],
}

fn tiles(cpu: Cpu) -> Tiles {
    let (f32, i8) = match cpu.isa() {
        Isa::Portable => (portable::F32, portable::I8),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => (avx2::F32, avx2::I8),
        #[cfg(target_arch = "x86_64")]
        Isa::AvxVnni => (avx2::F32, avxvnni::I8),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => (avx512::F32, avx512::I8),
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => (neon::F32, neon::I8),
        #[cfg(target_arch = "aarch64")]
        Isa::Dotprod => (neon::F32, dotprod::I8),
        #[cfg(target_arch = "aarch64")]
        Isa::I8mm => (neon::F32, i8mm::I8),
    };
    Tiles { f32, i8 }
}

/// The first tile that holds `rows`, else the last.
fn holding<T: Copy>(tiles: &[T], rows: usize, mr: impl Fn(&T) -> usize) -> T {
    let at = tiles.partition_point(|tile| mr(tile) < rows);
    tiles[at.min(tiles.len() - 1)]
}

/// The float tile of a CPU.
#[must_use]
pub fn f32(cpu: Cpu) -> TileF32 {
    f32_of(cpu, usize::MAX)
}

/// The 8-bit tile of a CPU.
#[must_use]
pub fn i8(cpu: Cpu) -> TileI8 {
    i8_of(cpu, usize::MAX)
}

/// The smallest float tile of a CPU that holds `rows`, at most [`f32`](f32())'s, on the same weights; or that one itself.
#[must_use]
pub fn f32_of(cpu: Cpu, rows: usize) -> TileF32 {
    holding(tiles(cpu).f32, rows, |tile| tile.mr)
}

/// The smallest 8-bit tile of a CPU that holds `rows`, at most [`i8`](i8())'s, on the same weights; or that one itself.
#[must_use]
pub fn i8_of(cpu: Cpu, rows: usize) -> TileI8 {
    holding(tiles(cpu).i8, rows, |tile| tile.mr)
}

/// A CPU's steps of 8-bit window attention.
#[must_use]
pub fn window(cpu: Cpu) -> WindowTile {
    match cpu.isa() {
        Isa::Portable => window::PORTABLE,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => window::AVX2,
        #[cfg(target_arch = "x86_64")]
        Isa::AvxVnni => window::AVXVNNI,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => window::AVX512,
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => window::NEON,
        #[cfg(target_arch = "aarch64")]
        Isa::Dotprod | Isa::I8mm => window::DOTPROD,
    }
}

/// A CPU's kernel for 8-bit depthwise convolutions, where it has one that is better than a loop.
#[cfg(target_arch = "x86_64")]
#[must_use]
pub fn depthwise(cpu: Cpu) -> Option<depthwise::DepthwiseTile> {
    match cpu.isa() {
        Isa::Portable => None,
        Isa::Avx2 => Some(depthwise::AVX2),
        Isa::AvxVnni => Some(depthwise::AVXVNNI),
        Isa::Avx512 => Some(depthwise::AVX512),
    }
}

/// `out[i][v] = vectors[v][i]`.
#[inline]
pub fn transpose(cpu: Cpu, vectors: [&[f32; SIDE]; SIDE], out: &mut [[f32; SIDE]; SIDE]) {
    match cpu.isa() {
        Isa::Portable => transpose::portable(vectors, out),
        // SAFETY: a `Cpu` of this kind is only made where these instructions were detected.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 | Isa::AvxVnni | Isa::Avx512 => unsafe { transpose::avx(vectors, out) },
        #[cfg(target_arch = "aarch64")]
        Isa::Neon | Isa::Dotprod | Isa::I8mm => transpose::neon(vectors, out),
    }
}

/// `x = table[x]`, for each.
pub fn lookup(cpu: Cpu, table: &[u8; 256], x: &mut [u8]) {
    match cpu.isa() {
        Isa::Portable => lookup::portable(table, x),
        // SAFETY: a `Cpu` of this kind is only made where these instructions were detected.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 | Isa::AvxVnni => unsafe { lookup::avx2(table, x) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { lookup::avx512(table, x) },
        #[cfg(target_arch = "aarch64")]
        Isa::Neon | Isa::Dotprod | Isa::I8mm => lookup::neon(table, x),
    }
}

/// `to = from ^ 0x80`, as far as the shorter goes: what kernels with an [`TileI8::offset`] take.
#[inline(always)]
pub fn turn(from: &[u8], to: &mut [u8]) {
    #[cfg(target_arch = "aarch64")]
    let (from, to) = neon::turn_vectors(from, to);
    for (to, from) in to.iter_mut().zip(from) {
        *to = from ^ 0x80;
    }
}
