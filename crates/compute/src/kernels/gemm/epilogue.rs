//! What follows a tile's sums: bias, residual, activation, quantization; the same operations in the same order on
//! every CPU.

#![allow(unsafe_code)]

use super::chunks::{Eight, Float, NARROW, WIDE, store_chunks};
use super::finish::Residual;
use super::place::{Sink, TilePlace, TileTarget};
use super::product::{SUMS, TileSums};
use crate::kernels::{Cpu, SharedSlice};

/// What a tile's `nr` columns are finished with.
pub(super) trait Columns: Copy {
    type Sum;
    /// Finishes a whole tile, with the residual at `from`, and stores it at `to`.
    fn finish(
        self,
        cpu: Cpu,
        sums: &[Self::Sum],
        residual: Residual<'_>,
        from: TilePlace,
        out: Sink<'_>,
        to: TilePlace,
    );
}

impl Columns for Float<'_> {
    type Sum = f32;
    fn finish(
        self,
        cpu: Cpu,
        sums: &[f32],
        residual: Residual<'_>,
        from: TilePlace,
        out: Sink<'_>,
        to: TilePlace,
    ) {
        finish_float(cpu, sums, self, residual, from, out, to);
    }
}

impl Columns for Eight<'_> {
    type Sum = i32;
    fn finish(
        self,
        cpu: Cpu,
        sums: &[i32],
        residual: Residual<'_>,
        from: TilePlace,
        out: Sink<'_>,
        to: TilePlace,
    ) {
        finish_eight(cpu, sums, self, residual, from, out, to);
    }
}

/// Finishes a tile and stores it.
///
/// # Safety
/// Nothing else uses the part of the target that the tile covers.
pub(super) unsafe fn finish<C: Columns>(
    cpu: Cpu,
    done: &TileSums<'_, C::Sum>,
    columns: C,
    residual: Residual<'_>,
    target: &TileTarget<'_>,
) {
    let (sums, nr, count) = (done.sums, done.nr, done.columns.len());
    let place = TilePlace {
        start: (done.rows.start - target.first) * target.n + done.columns.start,
        n: target.n,
        nr,
    };
    match target.out {
        _ if count < nr => {
            // SAFETY: the caller's promise.
            unsafe { finish_fewer(cpu, sums, count, columns, residual, &target.out, place) };
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
    place: TilePlace,
) {
    let aside = place.aside();
    let (mut real, mut quantized) = ([0.0; SUMS], [0; SUMS]);
    let residual = match residual {
        Residual::None => Residual::None,
        Residual::F32(x) => Residual::F32(fetch(x, place, count, &mut real[..sums.len()])),
        Residual::U8(quant, x) => {
            Residual::U8(quant, fetch(x, place, count, &mut quantized[..sums.len()]))
        }
    };
    match *out {
        Sink::F32(out) => {
            let mut y = [0.0; SUMS];
            let y = &mut y[..sums.len()];
            let sink = Sink::F32(SharedSlice::new(y));
            columns.finish(cpu, sums, residual, aside, sink, aside);
            // SAFETY: the caller's promise.
            unsafe { store(y, out, place, count) };
        }
        Sink::U8(quant, to) => {
            let mut y = [0; SUMS];
            let y = &mut y[..sums.len()];
            let sink = Sink::U8(quant, SharedSlice::new(y));
            columns.finish(cpu, sums, residual, aside, sink, aside);
            // SAFETY: the caller's promise.
            unsafe { store(y, to, place, count) };
        }
    }
}

/// Copies a tile of `count` columns from `x`, to rows of `nr`.
fn fetch<'a, T: Copy>(x: &[T], place: TilePlace, count: usize, to: &'a mut [T]) -> &'a [T] {
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
unsafe fn store<T: Copy>(tile: &[T], out: SharedSlice<'_, T>, place: TilePlace, count: usize) {
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
        from: TilePlace,
        out: Sink<'_>,
        to: TilePlace,
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
        from: TilePlace,
        out: Sink<'_>,
        to: TilePlace,
    ) {
        if to.nr.is_multiple_of(WIDE) {
            store_chunks::<WIDE, _>(&columns, sums, residual, from, out, to);
        } else {
            store_chunks::<NARROW, _>(&columns, sums, residual, from, out, to);
        }
    }
}
