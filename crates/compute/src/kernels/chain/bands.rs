//! How a depthwise convolution between two linear layers is cut: into tasks, and each task into bands of rows.
//!
//! A task is a tile of the output: as many columns as keep its scratch in cache, by some rows. It goes down its rows
//! band by band and keeps the widened rows that the next band needs too, in a ring: only those around the tile's own
//! are widened twice.

use std::ops::Range;

use super::parts::{Number, take};
use crate::kernels::Exec;
use crate::kernels::depthwise::DepthwiseShape;

/// Bytes of scratch for maps, at most: with the weights they fit a second-level cache of 512 KiB.
const SCRATCH: usize = 256 << 10;
/// A widened map of fewer bytes stays in cache by itself.
const SMALL: usize = 256 << 10;
/// Cells that the linear layers take at once, at least: each loads all weights once for so many.
const CELLS: usize = 28;
/// Rows of a task, at least, unless threads would have none: of these one or two are widened twice.
const ROWS: usize = 14;

/// The cut of one chain.
#[derive(Debug)]
pub(super) struct Bands {
    shape: DepthwiseShape,
    tiles: Vec<ColumnTile>,
    /// Rows of a band.
    step: usize,
    /// Rows of the ring: whole bands' worth of the input.
    ring: usize,
}

/// Columns of the output, and those of the input that they are made from.
#[derive(Clone, Debug)]
struct ColumnTile {
    columns: Range<usize>,
    segment: Range<usize>,
}

/// What tasks are made of.
pub(super) struct Stages<E, M, P> {
    /// `widen(cells, to, scratch)`: cells of the input through the first layer.
    pub(super) widen: E,
    /// `convolve(tile, rows, to)`: a row of the segment of a tile, as of a map of its own; rows outside are none.
    pub(super) convolve: M,
    /// `narrow(x, cells, scratch)`: the second layer's result at these cells of the output, from its input there.
    pub(super) narrow: P,
}

impl Bands {
    /// A cut for numbers of `bytes`, or none where running the layers one after the other is as fast: the map is small,
    /// or too wide for cells to be used often enough.
    pub(super) fn new(shape: DepthwiseShape, bytes: usize) -> Option<Self> {
        let cell = shape.channels * bytes;
        if shape.height * shape.width * cell < SMALL {
            return None;
        }
        let out_width = shape.out_width();
        // The narrower the tiles the less scratch, and the more columns are widened twice.
        let most = (out_width / CELLS).max(1);
        let fits = |count: usize, step: usize| {
            let columns = out_width.div_ceil(count);
            let halo = if count > 1 { 2 } else { 0 };
            let ring = ring(shape.stride, step, count) * (columns * shape.stride + halo);
            (ring + step * (columns + halo)) * cell <= SCRATCH
        };
        let count = (1..=most).find(|count| fits(*count, 1))?;
        let step = match count {
            1 => (1..=CELLS.div_ceil(out_width))
                .rev()
                .find(|step| fits(1, *step))?,
            _ => 1,
        };
        (step * out_width >= CELLS).then(|| Self::with(shape, count, step))
    }

    /// So many tiles across, bands of so many rows (of one, unless there is one tile).
    pub(super) fn with(shape: DepthwiseShape, tiles: usize, step: usize) -> Self {
        assert!(step == 1 || tiles == 1);
        let (width, out_width, stride) = (shape.width, shape.out_width(), shape.stride);
        let tile = |i: usize| {
            let columns = out_width * i / tiles..out_width * (i + 1) / tiles;
            let left = (columns.start * stride).saturating_sub(stride);
            let right = (columns.end - 1) * stride + 2;
            ColumnTile {
                segment: left..right.min(width),
                columns,
            }
        };
        Self {
            shape,
            tiles: (0..tiles).map(tile).collect(),
            step,
            ring: ring(stride, step, tiles),
        }
    }

    /// Widths of the tiles' segments.
    pub(super) fn widths(&self) -> impl Iterator<Item = usize> {
        self.tiles.iter().map(|tile| tile.segment.len())
    }

    /// Numbers of a ring, and of a convolved band, of the widest tile.
    fn lengths(&self) -> (usize, usize) {
        let widest = self.widths().max().unwrap_or_default();
        let out = (widest - 1) / self.shape.stride + 1;
        let channels = self.shape.channels;
        (self.ring * widest * channels, self.step * out * channels)
    }

    /// Bytes of scratch a thread needs where the linear layers need `linear`.
    pub(super) fn scratch<T: Number>(&self, linear: usize) -> usize {
        let (ring, band) = self.lengths();
        let bytes = |len: usize| (len * size_of::<T>()).next_multiple_of(64);
        linear.next_multiple_of(64) + bytes(ring) + bytes(band)
    }

    /// Checks the sizes of an input of `k` numbers a cell and an output of `n`.
    pub(super) fn check(&self, x: usize, k: usize, out: usize, n: usize) {
        assert_eq!(x, self.shape.height * self.shape.width * k);
        assert_eq!(out, self.shape.out_height() * self.shape.out_width() * n);
    }

    /// Rows of the output that a task has: enough tasks for all threads.
    fn rows(&self, threads: usize) -> usize {
        let height = self.shape.out_height();
        if threads == 1 {
            return height;
        }
        let fair = |tasks: usize| height.div_ceil(tasks.div_ceil(self.tiles.len()));
        fair(threads * 2).max(ROWS.min(fair(threads)))
    }

    /// Runs all tasks; `linear` is the bytes of scratch that the linear layers need.
    pub(super) fn run<T: Number>(
        &self,
        exec: Exec<'_>,
        linear: usize,
        stages: &Stages<
            impl Fn(Range<usize>, &mut [T], &mut [u8]) + Sync,
            impl Fn(usize, [Option<&[T]>; 3], &mut [T]) + Sync,
            impl Fn(&[T], Range<usize>, &mut [u8]) + Sync,
        >,
    ) {
        let (height, across) = (self.shape.out_height(), self.tiles.len());
        let rows = self.rows(exec.pool.threads());
        let tasks = height.div_ceil(rows) * across;
        exec.parallel(tasks, self.scratch::<T>(linear), |task, scratch| {
            let start = task / across * rows;
            let rows = start..(start + rows).min(height);
            self.task(rows, task % across, linear, stages, scratch);
        });
    }

    fn task<T: Number>(
        &self,
        rows: Range<usize>,
        tile: usize,
        linear: usize,
        stages: &Stages<
            impl Fn(Range<usize>, &mut [T], &mut [u8]),
            impl Fn(usize, [Option<&[T]>; 3], &mut [T]),
            impl Fn(&[T], Range<usize>, &mut [u8]),
        >,
        scratch: &mut [u8],
    ) {
        let (shape, (ring, band)) = (self.shape, self.lengths());
        let (linear, scratch) = take::<u8>(scratch, linear);
        let (ring, scratch) = take::<T>(scratch, ring);
        let (band, _) = take::<T>(scratch, band);
        let (number, ColumnTile { columns, segment }) = (tile, &self.tiles[tile]);
        let (stride, channels) = (shape.stride, shape.channels);
        let line = segment.len() * channels;
        let out_line = ((segment.len() - 1) / stride + 1) * channels;
        // The segment's first column of the output belongs to the tile on the left, if there is one.
        let first = usize::from(columns.start > 0) * channels;

        // Row `base` of the input is a band's first new one, which begin at multiples of a band in the ring.
        let base = rows.start * stride + 2 - stride;
        let slot = |row: usize| (row + self.ring - base % self.ring) % self.ring;
        let mut next = (rows.start * stride).saturating_sub(1);
        for start in rows.clone().step_by(self.step) {
            let end = (start + self.step).min(rows.end);
            let needed = ((end - 1) * stride + 2).min(shape.height);
            while next < needed {
                let slot = slot(next);
                let count = match self.tiles.len() {
                    1 => (needed - next).min(self.ring - slot),
                    _ => 1,
                };
                let cells = next * shape.width + segment.start;
                let cells = cells..cells + (count - 1) * shape.width + segment.len();
                let to = &mut ring[slot * line..(slot + count) * line];
                (stages.widen)(cells, to, linear);
                next += count;
            }
            for (y, out) in (start..end).zip(band.chunks_exact_mut(out_line)) {
                let rows = std::array::from_fn(|ky| {
                    let row = (y * stride + ky).wrapping_sub(1);
                    (row < shape.height).then(|| &ring[slot(row) * line..][..line])
                });
                (stages.convolve)(number, rows, out);
            }
            let cells = start * shape.out_width() + columns.start;
            let cells = cells..cells + (end - start - 1) * shape.out_width() + columns.len();
            (stages.narrow)(&band[first..][..cells.len() * channels], cells, linear);
        }
    }
}

/// Rows of a ring: all that a band needs; of a single tile, whose rows are widened several at once, a multiple of those
/// that a band brings.
fn ring(stride: usize, step: usize, tiles: usize) -> usize {
    match tiles {
        1 => (step * stride + 2).next_multiple_of(step * stride),
        _ => 3,
    }
}
