//! Which instructions a machine has, found at run time.

/// A set of instructions that kernels are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Plain Rust: the contract that all others are tested against.
    Portable,
    /// x86-64 with AVX2 and FMA (Haswell, Zen).
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ, VL, VNNI and VBMI (Ice Lake, Zen 4).
    Avx512,
    /// Every 64-bit ARM (Cortex-A72: Raspberry Pi 4).
    Neon,
    /// ARM with dot products (Cortex-A76, A78AE: Raspberry Pi 5, Jetson Orin).
    Dotprod,
    /// ARM with dot products and 8-bit matrix products (Neoverse V1, Cortex-A710).
    I8mm,
}

/// Proof that this machine has an [`Isa`]: made by detection alone, so kernels may rely on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cpu(Isa);

impl Cpu {
    /// The fastest this machine has.
    #[must_use]
    pub fn best() -> Self {
        Self::all().pop().unwrap_or(Self(Isa::Portable))
    }

    /// All this machine has, [`Isa::Portable`] first, the fastest last.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let known = [
            Isa::Portable,
            Isa::Avx2,
            Isa::Avx512,
            Isa::Neon,
            Isa::Dotprod,
            Isa::I8mm,
        ];
        known
            .into_iter()
            .filter(|isa| present(*isa))
            .map(Self)
            .collect()
    }

    /// The one called so (`portable`, `avx2`, `avx512`, `neon`, `dotprod`, `i8mm`), if this machine has it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|cpu| cpu.name() == name)
    }

    /// Its instructions.
    #[must_use]
    pub fn isa(self) -> Isa {
        self.0
    }

    /// Its name, as [`Cpu::named`] takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
            Isa::Neon => "neon",
            Isa::Dotprod => "dotprod",
            Isa::I8mm => "i8mm",
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn present(isa: Isa) -> bool {
    match isa {
        Isa::Portable => true,
        Isa::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
        Isa::Avx512 => {
            present(Isa::Avx2)
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vnni")
                && is_x86_feature_detected!("avx512vbmi")
        }
        Isa::Neon | Isa::Dotprod | Isa::I8mm => false,
    }
}

#[cfg(target_arch = "aarch64")]
fn present(isa: Isa) -> bool {
    match isa {
        Isa::Portable | Isa::Neon => true,
        Isa::Dotprod => std::arch::is_aarch64_feature_detected!("dotprod"),
        Isa::I8mm => present(Isa::Dotprod) && std::arch::is_aarch64_feature_detected!("i8mm"),
        Isa::Avx2 | Isa::Avx512 => false,
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn present(isa: Isa) -> bool {
    isa == Isa::Portable
}

/// Defines a function `name(cpu: Cpu, args...)` whose one body, written as plain loops, is compiled once for each
/// instruction set and picked at run time. The compiler vectorises but never reorders float arithmetic, so all
/// versions give the same bits.
///
/// **No closures in hot parts of a body**, and none of `array::map` and `from_fn` that call one: what the compiler leaves
/// as a function of its own is compiled for the baseline, several times slower (a fused multiply-add is then a call), and
/// nothing says so. Loops and `#[inline(always)]` functions take part in each version.
macro_rules! per_cpu {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name(cpu: $crate::kernels::Cpu, $($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            fn body($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx2($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vbmi")]
            #[allow(clippy::too_many_arguments)]
            fn avx512($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }

            match cpu.isa() {
                // SAFETY: a `Cpu` of this kind is only made where these instructions were detected.
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::Isa::Avx2 => unsafe { avx2($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::Isa::Avx512 => unsafe { avx512($($arg),*) },
                _ => body($($arg),*),
            }
        }
    };
}
