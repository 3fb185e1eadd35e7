//! Which instructions a machine has, found at run time.

use std::str::FromStr;

/// **The table of instruction sets**, handed to the macro `$then` behind what else is passed to it: from it come [`Isa`],
/// names, detection and the versions of plain loops (`per_cpu!`). Kernels of their own are chosen in `tile`.
///
/// A line is: what it is, its variant, its name for people, where it exists, and all the features it stands for, which
/// are both detected and compiled with, so that one cannot be wider than the other. Where they make plain loops faster,
/// `loops` names the version of these that is compiled with them. Within an architecture the fastest comes last.
macro_rules! instruction_sets {
    ($then:ident! $($passed:tt)*) => {
        $then! { $($passed)*
            /// Plain Rust: the contract that all others are tested against.
            Portable "portable" (all()) ();
            /// x86-64 with AVX2 and FMA (Haswell, Zen).
            Avx2 "avx2" (target_arch = "x86_64") (enable = "avx2", enable = "fma") loops avx2;
            /// x86-64 with AVX2, FMA and AVX-VNNI (Alder Lake and later without AVX-512).
            AvxVnni "avxvnni" (target_arch = "x86_64") (enable = "avx2", enable = "fma", enable = "avxvnni") loops avxvnni;
            /// x86-64 with AVX-512 F, BW, DQ, VL, VNNI and VBMI (Ice Lake, Zen 4).
            Avx512 "avx512" (target_arch = "x86_64") (
                enable = "avx2", enable = "fma", enable = "avx512f", enable = "avx512bw", enable = "avx512dq",
                enable = "avx512vl", enable = "avx512vnni", enable = "avx512vbmi"
            ) loops avx512;
            /// Every 64-bit ARM (Cortex-A72: Raspberry Pi 4).
            Neon "neon" (target_arch = "aarch64") (enable = "neon");
            /// ARM with dot products (Cortex-A76, A78AE: Raspberry Pi 5, Jetson Orin).
            Dotprod "dotprod" (target_arch = "aarch64") (enable = "neon", enable = "dotprod");
            /// ARM with dot products and 8-bit matrix products (Neoverse V1, Cortex-A710).
            I8mm "i8mm" (target_arch = "aarch64") (enable = "neon", enable = "dotprod", enable = "i8mm");
        }
    };
}

macro_rules! define {
    ($(
        $(#[$doc:meta])*
        $isa:ident $name:literal ($($place:tt)*) ($(enable = $feature:tt),*) $(loops $version:ident)?;
    )*) => {
        /// A set of instructions that kernels are written for; those of other architectures do not exist.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Isa {
            $($(#[$doc])* #[cfg($($place)*)] $isa,)*
        }

        impl Isa {
            /// All of this architecture, in the table's order.
            const ALL: &[Self] = &[$(#[cfg($($place)*)] Self::$isa),*];

            fn name(self) -> &'static str {
                match self {
                    $(#[cfg($($place)*)] Self::$isa => $name,)*
                }
            }

            fn is_present(self) -> bool {
                match self {
                    $(#[cfg($($place)*)] Self::$isa => true $(&& detected!($feature))*,)*
                }
            }
        }
    };
}

#[cfg(target_arch = "aarch64")]
use std::arch::is_aarch64_feature_detected as detected;
#[cfg(target_arch = "x86_64")]
use std::arch::is_x86_feature_detected as detected;

instruction_sets! { define! }

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
        let present = Isa::ALL.iter().filter(|isa| isa.is_present());
        present.copied().map(Self).collect()
    }

    /// Their names, for people: `portable, avx2`.
    #[must_use]
    pub fn names() -> String {
        let all: Vec<_> = Self::all().into_iter().map(Self::name).collect();
        all.join(", ")
    }

    /// Its instructions.
    #[must_use]
    pub fn isa(self) -> Isa {
        self.0
    }

    /// Its name, as [`FromStr`] takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

impl FromStr for Cpu {
    type Err = String;

    /// The one called so, if this machine has it.
    ///
    /// # Errors
    /// It has not: what it has is said.
    fn from_str(name: &str) -> Result<Self, String> {
        let named = Self::all().into_iter().find(|cpu| cpu.name() == name);
        named.ok_or_else(|| format!("this machine has {}", Self::names()))
    }
}

/// Defines a function `name(cpu: Cpu, args...)` whose one body, written as plain loops, is compiled once for each
/// instruction set whose line in the table has `loops`, once for all others, and picked at run time. The compiler
/// vectorises but never reorders float arithmetic, so all versions give the same bits.
///
/// **No closures in hot parts of a body**, and none of `array::map` and `from_fn` that call one: what the compiler leaves
/// as a function of its own is compiled for the baseline, several times slower (a fused multiply-add is then a call), and
/// nothing says so. Loops and `#[inline(always)]` functions take part in each version.
macro_rules! per_cpu {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments, unused_parens)] // What is returned goes on as one token: `(f32)`, or `()`.
        $vis fn $name(cpu: $crate::kernels::Cpu, $($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn body($($arg: $ty),*) $(-> $ret)? $body

            instruction_sets! { dispatch! cpu; body; ($($arg: $ty),*); ($($arg),*); ($($ret)?); }
        }
    };
}

/// The versions of a `per_cpu!` function, and the choice among them.
macro_rules! dispatch {
    (
        $cpu:ident; $body:ident; $parameters:tt; $arguments:tt; $returned:tt;
        $(
            $(#[$doc:meta])*
            $isa:ident $name:literal $place:tt $features:tt $(loops $version:ident)?;
        )*
    ) => {
        match $cpu.isa() {
            $($(
                #[cfg $place]
                $crate::kernels::Isa::$isa => {
                    #[target_feature $features]
                    fn $version $parameters -> $returned { $body $arguments }
                    // SAFETY: a `Cpu` of this kind is only made where these very features were detected.
                    unsafe { $version $arguments }
                }
            )?)*
            _ => $body $arguments,
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cpu_is_found_by_its_own_name() {
        let all = Cpu::all();
        assert_eq!(all[0].isa(), Isa::Portable);
        assert_eq!(all.last(), Some(&Cpu::best()));
        for cpu in &all {
            assert_eq!(cpu.name().parse(), Ok(*cpu));
        }
    }

    #[test]
    fn what_this_machine_has_not_is_refused_with_what_it_has() {
        for name in ["", "PORTABLE", "sse9"] {
            let refused = name.parse::<Cpu>().unwrap_err();
            assert!(Cpu::all().iter().all(|cpu| refused.contains(cpu.name())));
        }
    }
}
