//! The steps of 8-bit window attention for each instruction set: scores, their softmax in integers, weighted values.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod dotprod;
mod dots;
mod kernel;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod table;
#[cfg(test)]
mod tests;

pub use kernel::{GROUP, HEAD, MixBlock, QUERIES, ScoreBlock, WeighBlock, WindowTile};
pub use table::PER_NAT;

use crate::kernels::{Cpu, Isa};

/// The steps of a CPU.
#[must_use]
pub fn window(cpu: Cpu) -> WindowTile {
    match cpu.isa() {
        Isa::Portable => portable::WINDOW,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => avx2::AVX2,
        #[cfg(target_arch = "x86_64")]
        Isa::AvxVnni => avx2::AVXVNNI,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => avx512::WINDOW,
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => neon::WINDOW,
        #[cfg(target_arch = "aarch64")]
        Isa::Dotprod | Isa::I8mm => dotprod::WINDOW,
    }
}
