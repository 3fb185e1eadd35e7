//! What follows a tile's sums: bias, residual, activation, quantization; the same operations in the same order on
//! every CPU.

#![allow(unsafe_code)]

use super::Residual;
use super::product::{Done, TILE};
use crate::compute::quant::{Quantizer, lookup};
use crate::compute::{Activation, Cpu, Quant, Shared, math};

/// Where finished tiles go: to rows `row - first` of a matrix of `n` columns.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) out: Sink<'a>,
    pub(super) first: usize,
    pub(super) n: usize,
}

#[derive(Clone, Copy)]
pub(super) enum Sink<'a> {
    F32(Shared<'a, f32>),
    U8(Quant, Shared<'a, u8>),
    Table(Quant, &'a [u8; 256], Shared<'a, u8>),
}

impl Sink<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Sink::F32(out) => out.len(),
            Sink::U8(_, out) | Sink::Table(_, _, out) => out.len(),
        }
    }
}

/// What a tile's `nr` columns are finished with.
pub(super) trait Columns: Copy {
    type Sum;
    /// Finishes a whole tile, with the residual at `from`, and stores it at `to`; `out` is not a [`Sink::Table`].
    fn finish(
        self,
        cpu: Cpu,
        sums: &[Self::Sum],
        residual: Residual<'_>,
        from: Place,
        out: Sink<'_>,
        to: Place,
    );
}

/// `activation(sum + bias + residual)`.
#[derive(Clone, Copy)]
pub(super) struct Float<'a> {
    pub(super) bias: &'a [f32],
    pub(super) activation: Activation,
}

impl Columns for Float<'_> {
    type Sum = f32;
    fn finish(
        self,
        cpu: Cpu,
        sums: &[f32],
        residual: Residual<'_>,
        from: Place,
        out: Sink<'_>,
        to: Place,
    ) {
        finish_float(cpu, sums, self, residual, from, out, to);
    }
}

/// `fma(sum + correction, scale, bias) + residual`.
#[derive(Clone, Copy)]
pub(super) struct Eight<'a> {
    pub(super) correction: &'a [i32],
    pub(super) scale: &'a [f32],
    pub(super) bias: &'a [f32],
}

impl Columns for Eight<'_> {
    type Sum = i32;
    fn finish(
        self,
        cpu: Cpu,
        sums: &[i32],
        residual: Residual<'_>,
        from: Place,
        out: Sink<'_>,
        to: Place,
    ) {
        finish_eight(cpu, sums, self, residual, from, out, to);
    }
}

/// A tile's place in a matrix.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Where the tile's first row begins.
    start: usize,
    /// Distance of rows.
    n: usize,
    /// Distance of the tile's own rows.
    nr: usize,
}

impl Place {
    /// Where column `c` of row `r` is; overflow would be caught by the bounds of what is there.
    #[inline(always)]
    fn at(self, r: usize, c: usize) -> usize {
        r.wrapping_mul(self.n)
            .wrapping_add(self.start)
            .wrapping_add(c)
    }

    /// The same tile in memory of its own.
    fn aside(self) -> Self {
        Self {
            start: 0,
            n: self.nr,
            nr: self.nr,
        }
    }
}

/// Finishes a tile and stores it.
///
/// # Safety
/// Nothing else uses the part of the target that the tile covers.
pub(super) unsafe fn finish<C: Columns>(
    cpu: Cpu,
    done: &Done<'_, C::Sum>,
    columns: C,
    residual: Residual<'_>,
    target: &Target<'_>,
) {
    let (sums, nr, count) = (done.sums, done.nr, done.columns.len());
    let place = Place {
        start: (done.rows.start - target.first) * target.n + done.columns.start,
        n: target.n,
        nr,
    };
    match target.out {
        _ if count < nr => {
            // SAFETY: the caller's promise.
            unsafe { finish_fewer(cpu, sums, count, columns, residual, &target.out, place) };
        }
        Sink::Table(quant, table, out) => {
            // The tile is looked up as a whole, which takes the longest vectors.
            let mut y = [0; TILE];
            let y = &mut y[..sums.len()];
            let sink = Sink::U8(quant, Shared::new(y));
            columns.finish(cpu, sums, residual, place, sink, place.aside());
            lookup(cpu, table, y);
            // SAFETY: the caller's promise.
            unsafe { store(y, out, place, count) };
        }
        out => columns.finish(cpu, sums, residual, place, out, place),
    }
}

/// Finishes a tile of fewer columns than the CPU's tiles have: aside, then copied.
///
/// # Safety
/// As [`finish`].
#[cold]
unsafe fn finish_fewer<C: Columns>(
    cpu: Cpu,
    sums: &[C::Sum],
    count: usize,
    columns: C,
    residual: Residual<'_>,
    out: &Sink<'_>,
    place: Place,
) {
    let aside = place.aside();
    let (mut real, mut quantized) = ([0.0; TILE], [0; TILE]);
    let residual = match residual {
        Residual::None => Residual::None,
        Residual::F32(x) => Residual::F32(fetch(x, place, count, &mut real[..sums.len()])),
        Residual::U8(quant, x) => {
            Residual::U8(quant, fetch(x, place, count, &mut quantized[..sums.len()]))
        }
    };
    match *out {
        Sink::F32(out) => {
            let mut y = [0.0; TILE];
            let y = &mut y[..sums.len()];
            let sink = Sink::F32(Shared::new(y));
            columns.finish(cpu, sums, residual, aside, sink, aside);
            // SAFETY: the caller's promise.
            unsafe { store(y, out, place, count) };
        }
        Sink::U8(quant, to) | Sink::Table(quant, _, to) => {
            let mut y = [0; TILE];
            let y = &mut y[..sums.len()];
            let sink = Sink::U8(quant, Shared::new(y));
            columns.finish(cpu, sums, residual, aside, sink, aside);
            if let Sink::Table(_, table, _) = out {
                lookup(cpu, table, y);
            }
            // SAFETY: the caller's promise.
            unsafe { store(y, to, place, count) };
        }
    }
}

/// Copies a tile of `count` columns from `x`, to rows of `nr`.
fn fetch<'a, T: Copy>(x: &[T], place: Place, count: usize, to: &'a mut [T]) -> &'a [T] {
    for (r, to) in to.chunks_exact_mut(place.nr).enumerate() {
        let x = &x[place.start + r * place.n..][..count];
        to[..count].copy_from_slice(x);
    }
    to
}

/// Copies a tile of `count` columns from rows of `nr`.
///
/// # Safety
/// Nothing else uses the part of `out` that the tile covers.
unsafe fn store<T: Copy>(tile: &[T], out: Shared<'_, T>, place: Place, count: usize) {
    for (r, tile) in tile.chunks_exact(place.nr).enumerate() {
        let start = place.start + r * place.n;
        // SAFETY: the caller's promise.
        let out = unsafe { out.slice(start..start + count) };
        out.copy_from_slice(&tile[..count]);
    }
}

per_cpu! {
    fn finish_float(
        sums: &[f32],
        columns: Float<'_>,
        residual: Residual<'_>,
        from: Place,
        out: Sink<'_>,
        to: Place,
    ) {
        if to.nr.is_multiple_of(WIDE) {
            store_chunks::<WIDE, _>(&columns, sums, residual, from, out, to);
        } else {
            store_chunks::<NARROW, _>(&columns, sums, residual, from, out, to);
        }
    }
}

per_cpu! {
    fn finish_eight(
        sums: &[i32],
        columns: Eight<'_>,
        residual: Residual<'_>,
        from: Place,
        out: Sink<'_>,
        to: Place,
    ) {
        if to.nr.is_multiple_of(WIDE) {
            store_chunks::<WIDE, _>(&columns, sums, residual, from, out, to);
        } else {
            store_chunks::<NARROW, _>(&columns, sums, residual, from, out, to);
        }
    }
}

/// Columns that are finished together: a multiple of every vector's length.
const WIDE: usize = 16;
/// The same where a tile's columns are no multiple of that.
const NARROW: usize = 4;

/// Finishes `W` columns of a row. A trait and not closures, as what is not inlined into a [`per_cpu!`] function is
/// compiled without that CPU's instructions, and closures cannot be made to.
trait Chunk<const W: usize> {
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
                    *x = if *x > 0.0 { *x } else { 0.0 };
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

#[inline(always)]
fn store_chunks<const W: usize, C: Chunk<W>>(
    columns: &C,
    sums: &[C::Sum],
    residual: Residual<'_>,
    from: Place,
    out: Sink<'_>,
    to: Place,
) {
    let (sums, per_row) = (sums.as_chunks::<W>().0, to.nr / W);
    let rows = sums.len() / per_row;
    assert!(rows == 0 || to.start + (rows - 1) * to.n + to.nr <= out.len());
    for chunk in 0..per_row {
        let constants = columns.constants(chunk);
        for r in 0..rows {
            let mut real = C::before_residual(
                &constants,
                &sums[r.wrapping_mul(per_row).wrapping_add(chunk)],
            );
            let x_start = from.at(r, chunk * W);
            match residual {
                Residual::None => {}
                Residual::F32(x) => real = add(&real, &part(x, x_start)),
                Residual::U8(quant, x) => {
                    let mut addend = [0.0; W];
                    for (addend, q) in addend.iter_mut().zip(part::<W, _>(x, x_start)) {
                        *addend = quant.dequantize(q);
                    }
                    real = add(&real, &addend);
                }
            }
            let real = columns.after_residual(real);
            let start = to.at(r, chunk * W);
            match out {
                // SAFETY: the tile lies in the target (checked above) and is this task's alone (`finish`).
                Sink::F32(out) => unsafe { out.write(start, real) },
                Sink::U8(quant, out) | Sink::Table(quant, _, out) => {
                    let quantizer = Quantizer::new(quant);
                    let mut quantized = [0; W];
                    for (q, x) in quantized.iter_mut().zip(&real) {
                        *q = quantizer.quantize(*x);
                    }
                    // SAFETY: as above.
                    unsafe { out.write(start, quantized) };
                }
            }
        }
    }
}

#[inline(always)]
fn part<const W: usize, T: Copy + Default>(x: &[T], start: usize) -> [T; W] {
    let mut part = [T::default(); W];
    part.copy_from_slice(&x[start..start + W]);
    part
}

#[inline(always)]
fn add<const W: usize>(a: &[f32; W], b: &[f32; W]) -> [f32; W] {
    let mut sum = *a;
    for (sum, b) in sum.iter_mut().zip(b) {
        *sum += b;
    }
    sum
}
