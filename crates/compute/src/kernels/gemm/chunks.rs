//! How a tile's numbers are finished and stored, some columns at a time: loops that are compiled once for what is added
//! and where numbers go, so that nothing is asked in them.

#![allow(unsafe_code)]

use super::finish::Residual;
use super::place::{Sink, TilePlace};
use crate::kernels::quant::Quantizer;
use crate::kernels::{Activation, Quant, SharedSlice, math};

/// Columns that are finished together: a multiple of every vector's length.
pub(super) const WIDE: usize = 16;
/// The same where a tile's columns are no multiple of that.
pub(super) const NARROW: usize = 8;

/// `activation(sum + bias + residual)`.
#[derive(Clone, Copy)]
pub(super) struct Float<'a> {
    pub(super) bias: &'a [f32],
    pub(super) activation: Activation,
}

/// `fma(sum + correction, scale, bias) + residual`.
#[derive(Clone, Copy)]
pub(super) struct Eight<'a> {
    pub(super) correction: &'a [i32],
    pub(super) scale: &'a [f32],
    pub(super) bias: &'a [f32],
}

/// Finishes `W` columns of a row. A trait and not closures, as what is not inlined into a [`per_cpu!`] function is
/// compiled without that CPU's instructions, and closures cannot be made to.
pub(super) trait Chunk<const W: usize> {
    type Sum;
    /// What belongs to the columns: kept in registers over a tile's rows.
    type Constants: Copy;
    fn constants(&self, chunk: usize) -> Self::Constants;
    fn before_residual(constants: &Self::Constants, sums: &[Self::Sum; W]) -> [f32; W];
    fn after_residual(&self, real: [f32; W]) -> [f32; W];
}

impl<const W: usize> Chunk<W> for Float<'_> {
    type Sum = f32;
    type Constants = [f32; W];

    #[inline(always)]
    fn constants(&self, chunk: usize) -> [f32; W] {
        self.bias.as_chunks().0[chunk]
    }

    #[inline(always)]
    fn before_residual(bias: &[f32; W], sums: &[f32; W]) -> [f32; W] {
        add(sums, bias)
    }

    #[inline(always)]
    fn after_residual(&self, mut real: [f32; W]) -> [f32; W] {
        match self.activation {
            Activation::None => {}
            Activation::Relu => {
                for x in &mut real {
                    *x = math::larger(*x, 0.0);
                }
            }
            Activation::Gelu => {
                for x in &mut real {
                    *x = math::gelu(*x);
                }
            }
        }
        real
    }
}

impl<const W: usize> Chunk<W> for Eight<'_> {
    type Sum = i32;
    type Constants = ([i32; W], [f32; W], [f32; W]);

    #[inline(always)]
    fn constants(&self, chunk: usize) -> Self::Constants {
        (
            self.correction.as_chunks().0[chunk],
            self.scale.as_chunks().0[chunk],
            self.bias.as_chunks().0[chunk],
        )
    }

    #[inline(always)]
    fn before_residual((correction, scale, bias): &Self::Constants, sums: &[i32; W]) -> [f32; W] {
        let mut real = [0.0; W];
        for (l, real) in real.iter_mut().enumerate() {
            let sum = sums[l].wrapping_add(correction[l]) as f32;
            *real = sum.mul_add(scale[l], bias[l]);
        }
        real
    }

    #[inline(always)]
    fn after_residual(&self, real: [f32; W]) -> [f32; W] {
        real
    }
}

/// Finishes all columns. What is added and what becomes of the numbers is chosen once, outside the loops.
#[inline(always)]
pub(super) fn store_chunks<const W: usize, C: Chunk<W>>(
    columns: &C,
    sums: &[C::Sum],
    residual: Residual<'_>,
    from: TilePlace,
    out: Sink<'_>,
    to: TilePlace,
) {
    let rows = sums.len() / to.nr;
    assert!(to.ends_by(rows, out.len()));
    let part = (columns, sums, to);
    match residual {
        // SAFETY: rows are checked here and below, and the target's part is this task's alone (`finish`).
        Residual::None => unsafe { store_sum::<W, _, _>(part, (), from, out) },
        Residual::F32(x) => {
            assert!(from.ends_by(rows, x.len()));
            // SAFETY: as above.
            unsafe { store_sum::<W, _, _>(part, x, from, out) };
        }
        Residual::U8(quant, x) => {
            assert!(from.ends_by(rows, x.len()));
            // SAFETY: as above.
            unsafe { store_sum::<W, _, _>(part, (quant, x), from, out) };
        }
    }
}

/// Something to add to `W` numbers.
trait Addend<const W: usize>: Copy {
    /// # Safety
    /// It has `W` numbers from `at` on.
    unsafe fn add(self, at: usize, real: [f32; W]) -> [f32; W];
}

impl<const W: usize> Addend<W> for () {
    #[inline(always)]
    unsafe fn add(self, _: usize, real: [f32; W]) -> [f32; W] {
        real
    }
}

impl<const W: usize> Addend<W> for &[f32] {
    #[inline(always)]
    unsafe fn add(self, at: usize, real: [f32; W]) -> [f32; W] {
        // SAFETY: the caller's promise.
        add(&real, &unsafe { part(self, at) })
    }
}

impl<const W: usize> Addend<W> for (Quant, &[u8]) {
    #[inline(always)]
    unsafe fn add(self, at: usize, real: [f32; W]) -> [f32; W] {
        let (quant, x) = self;
        // SAFETY: the caller's promise.
        let x: [u8; W] = unsafe { part(x, at) };
        let mut addend = [0.0; W];
        for l in 0..W {
            addend[l] = quant.dequantize(x[l]);
        }
        add(&real, &addend)
    }
}

/// Where `W` numbers go.
trait Destination<const W: usize>: Copy {
    /// # Safety
    /// There is place for `W` numbers from `at` on, which nothing else uses.
    unsafe fn store(self, at: usize, real: [f32; W]);
}

impl<const W: usize> Destination<W> for SharedSlice<'_, f32> {
    #[inline(always)]
    unsafe fn store(self, at: usize, real: [f32; W]) {
        // SAFETY: the caller's promise.
        unsafe { self.write(at, real) };
    }
}

impl<const W: usize> Destination<W> for (Quantizer, SharedSlice<'_, u8>) {
    #[inline(always)]
    unsafe fn store(self, at: usize, real: [f32; W]) {
        let (quantizer, out) = self;
        let mut quantized = [0; W];
        quantizer.quantize_all(&real, &mut quantized);
        // SAFETY: the caller's promise.
        unsafe { out.write(at, quantized) };
    }
}

/// # Safety
/// As [`store_all`].
#[inline(always)]
unsafe fn store_sum<const W: usize, C: Chunk<W>, A: Addend<W>>(
    part: (&C, &[C::Sum], TilePlace),
    addend: A,
    from: TilePlace,
    out: Sink<'_>,
) {
    match out {
        // SAFETY: the caller's promise.
        Sink::F32(out) => unsafe { store_all::<W, _, _, _>(part, addend, from, out) },
        Sink::U8(quant, out) => {
            let out = (Quantizer::new(quant), out);
            // SAFETY: as above.
            unsafe { store_all::<W, _, _, _>(part, addend, from, out) };
        }
    }
}

/// # Safety
/// The addend and the target have the part's rows, and nothing else uses the target's.
#[inline(always)]
unsafe fn store_all<const W: usize, C: Chunk<W>, A: Addend<W>, S: Destination<W>>(
    (columns, sums, to): (&C, &[C::Sum], TilePlace),
    addend: A,
    from: TilePlace,
    out: S,
) {
    let (sums, per_row) = (sums.as_chunks::<W>().0, to.nr / W);
    for chunk in 0..per_row {
        let constants = columns.constants(chunk);
        for r in 0..sums.len() / per_row {
            // SAFETY: `r < rows` and `chunk < per_row`; of addend and target the caller's promise.
            unsafe {
                let sums = sums.get_unchecked(r.wrapping_mul(per_row).wrapping_add(chunk));
                let real = C::before_residual(&constants, sums);
                let real = addend.add(from.at(r, chunk.wrapping_mul(W)), real);
                out.store(
                    to.at(r, chunk.wrapping_mul(W)),
                    columns.after_residual(real),
                );
            }
        }
    }
}

/// # Safety
/// `x` has `W` numbers from `start` on.
#[inline(always)]
unsafe fn part<const W: usize, T: Copy>(x: &[T], start: usize) -> [T; W] {
    debug_assert!(start + W <= x.len());
    // SAFETY: the caller's promise; a number's address may hold an array of them.
    unsafe { x.as_ptr().add(start).cast::<[T; W]>().read() }
}

#[inline(always)]
fn add<const W: usize>(a: &[f32; W], b: &[f32; W]) -> [f32; W] {
    let mut sum = *a;
    for (sum, b) in sum.iter_mut().zip(b) {
        *sum += b;
    }
    sum
}
