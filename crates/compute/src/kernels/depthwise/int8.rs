//! The 8-bit convolution.

#![allow(unsafe_code)]

use std::ops::Range;

#[cfg(not(target_arch = "aarch64"))]
use super::cells::inner_cells;
use super::cells::{edge_cells, panels, vectors};
#[cfg(target_arch = "aarch64")]
use super::neon::{self, NeonPanel as Panel, WIDE};
use super::shape::DepthwiseShape;
#[cfg(not(target_arch = "aarch64"))]
use super::wide::{WIDE, WidePanel as Panel};
use crate::kernels::gemm::{Epilogue, WeightsI8};
#[cfg(target_arch = "x86_64")]
use crate::kernels::tile::{
    self,
    depthwise::{DepthwiseCells, DepthwisePanel},
};
use crate::kernels::{Cpu, Exec, Quantizer, SharedSlice, lookup};

/// A weight as it is multiplied: ARM multiplies 8 bits by 8 bits, signed both.
#[cfg(target_arch = "aarch64")]
type Weight = i8;
/// A weight as it is multiplied: in 16 bits.
#[cfg(not(target_arch = "aarch64"))]
type Weight = i16;
/// What is taken from each input before it is multiplied.
const OFFSET: i32 = if cfg!(target_arch = "aarch64") {
    128
} else {
    0
};

/// An 8-bit depthwise convolution: `acc = Σ (x - zero) · w` exactly, then an [`Epilogue`].
#[derive(Clone, Debug)]
pub struct DepthwiseI8 {
    shape: DepthwiseShape,
    weights: Vec<[[Weight; WIDE]; 9]>,
    /// (OFFSET - zero) · Σ w: what taking the zero off every input comes to.
    start: Vec<[i32; WIDE]>,
    scale: Vec<[f32; WIDE]>,
    bias: Vec<[f32; WIDE]>,
    outside: Vec<u8>,
    /// The whole panels once more, as [`tile::depthwise`](tile::depthwise()) takes them.
    #[cfg(target_arch = "x86_64")]
    tiles: Vec<DepthwisePanel>,
    /// [`WeightsI8::give_numbers`].
    #[cfg(target_arch = "aarch64")]
    numbers: bool,
}

/// Where one row of the output goes.
enum OutRow<'a> {
    F32(&'a mut [f32]),
    U8(Quantizer, &'a mut [u8]),
}

impl DepthwiseI8 {
    /// `weights.weight` is `[channels][1][3][3]`.
    ///
    /// # Panics
    /// If a length does not match, a weight lies outside -64..=64, a size is 0, or the stride is neither 1 nor 2.
    #[must_use]
    pub fn new(shape: DepthwiseShape, weights: &WeightsI8<'_>) -> Self {
        shape.check();
        let weight: Vec<Weight> = weights.weight.iter().map(|w| Weight::from(*w)).collect();
        assert_eq!(weight.len(), shape.channels * 9);
        assert_eq!(weights.scale.len(), shape.channels);
        assert!(weights.bias.is_none_or(|bias| bias.len() == shape.channels));
        // Two products then fit an i16: 2 · 255 · 64 = 32640; of signed inputs three: 3 · 128 · 64 = 24576.
        assert!(weight.iter().all(|w| (-64..=64).contains(w)));
        let zero = weights.input.zero;
        let lack = OFFSET - i32::from(zero);
        let start = |taps: &[Weight]| lack * taps.iter().map(|w| i32::from(*w)).sum::<i32>();
        let start: Vec<i32> = weight.chunks_exact(9).map(start).collect();
        let scale = weights
            .scale
            .iter()
            .map(|scale| weights.input.scale * scale);
        let scale: Vec<f32> = scale.collect();
        let bias = weights
            .bias
            .map_or_else(|| vectors(&vec![0.0; shape.channels]), vectors);
        let (weight, start, scale) = (panels(&weight), vectors(&start), vectors(&scale));
        Self {
            #[cfg(target_arch = "aarch64")]
            numbers: weights.give_numbers(),
            #[cfg(target_arch = "x86_64")]
            tiles: (0..shape.channels / WIDE)
                .map(|p| DepthwisePanel::new(&weight[p], &start[p], (&scale[p], &bias[p])))
                .collect(),
            shape,
            weights: weight,
            start,
            scale,
            bias,
            outside: vec![zero; shape.width * shape.channels],
        }
    }

    /// Bytes of scratch a thread needs.
    #[must_use]
    pub fn scratch(&self) -> usize {
        0
    }

    /// `x` is `[height * width][channels]`, the result `[out_height * out_width][channels]`.
    ///
    /// # Panics
    /// If a length does not match.
    pub fn run(&self, exec: Exec<'_>, x: &[u8], epilogue: Epilogue<'_>) {
        let shape = self.shape;
        assert_eq!(x.len(), shape.height * shape.width * shape.channels);
        let rows = |y| shape.rows(x, &self.outside, y);
        match epilogue {
            Epilogue::F32(out) => self.each_row(exec, out, |y, out| {
                self.make_row(exec.cpu, rows(y), OutRow::F32(out));
            }),
            Epilogue::U8(quant, out) => {
                let quantizer = Quantizer::new(quant);
                self.each_row(exec, out, |y, out| {
                    self.make_row(exec.cpu, rows(y), OutRow::U8(quantizer, out));
                });
            }
            Epilogue::Table(quant, table, out) => {
                let quantizer = Quantizer::new(quant);
                self.each_row(exec, out, |y, out| {
                    self.make_row(exec.cpu, rows(y), OutRow::U8(quantizer, &mut *out));
                    lookup(exec.cpu, table, out);
                });
            }
        }
    }

    /// One row of the output from the input's three around it, none for those outside the map.
    pub(in crate::kernels) fn row(
        &self,
        cpu: Cpu,
        rows: [Option<&[u8]>; 3],
        epilogue: Epilogue<'_>,
    ) {
        let rows = rows.map(|row| row.unwrap_or(&self.outside));
        match epilogue {
            Epilogue::F32(out) => {
                self.shape.check_row(rows, out);
                self.make_row(cpu, rows, OutRow::F32(out));
            }
            Epilogue::U8(quant, out) => {
                self.shape.check_row(rows, out);
                self.make_row(cpu, rows, OutRow::U8(Quantizer::new(quant), out));
            }
            Epilogue::Table(quant, table, out) => {
                self.shape.check_row(rows, out);
                self.make_row(cpu, rows, OutRow::U8(Quantizer::new(quant), &mut *out));
                lookup(cpu, table, out);
            }
        }
    }

    /// One row of the output.
    fn make_row(&self, cpu: Cpu, rows: [&[u8]; 3], mut out: OutRow<'_>) {
        let done = self.tiled(cpu, rows, &mut out);
        convolve(cpu, self, rows, out, done);
    }

    /// Inner cells of as many panels as a CPU has a kernel for; how many those are.
    #[cfg(target_arch = "x86_64")]
    fn tiled(&self, cpu: Cpu, rows: [&[u8]; 3], out: &mut OutRow<'_>) -> usize {
        let (OutRow::U8(quantizer, out), Some(tile)) = (out, tile::depthwise(cpu)) else {
            return 0;
        };
        let (channels, stride) = (self.shape.channels, self.shape.stride);
        let inner = self.shape.inner(true);
        let groups = self.tiles.chunks_exact(tile.panels);
        let done = groups.len() * tile.panels;
        let Some(last) = inner.clone().last().filter(|_| done > 0) else {
            return done;
        };
        let wide = done * WIDE;
        let end = (last * stride + 1) * channels + wide;
        assert!(rows.iter().all(|row| end <= row.len()));
        assert!(last * channels + wide <= out.len());
        for (group, panels) in groups.enumerate() {
            let first = group * tile.panels * WIDE;
            let cells = DepthwiseCells {
                rows: rows.map(|row| row[(inner.start * stride - 1) * channels + first..].as_ptr()),
                distance: channels,
                stride,
                count: inner.len(),
                panels,
                quantizer: *quantizer,
                out: out[inner.start * channels + first..].as_mut_ptr(),
            };
            // SAFETY: the last cell's last column ends at `end`, its output within `out` (checked); a `Cpu` is proof of its
            // instructions.
            unsafe { (tile.run)(&cells) };
        }
        done
    }

    /// No other CPU has one.
    #[cfg(not(target_arch = "x86_64"))]
    fn tiled(&self, _: Cpu, _: [&[u8]; 3], _: &mut OutRow<'_>) -> usize {
        0
    }

    /// The same convolution of a map of another width.
    pub(in crate::kernels) fn of_width(&self, width: usize) -> Self {
        let mut other = self.clone();
        other.shape.width = width;
        let outside = self.outside[0];
        other.outside.resize(width * self.shape.channels, outside);
        other
    }

    /// Geometry.
    pub(in crate::kernels) fn shape(&self) -> DepthwiseShape {
        self.shape
    }

    fn each_row<T: Send>(
        &self,
        exec: Exec<'_>,
        out: &mut [T],
        row: impl Fn(usize, &mut [T]) + Sync,
    ) {
        let len = self.shape.out_width() * self.shape.channels;
        assert_eq!(out.len(), self.shape.out_height() * len);
        let out = SharedSlice::new(out);
        exec.parallel(self.shape.out_height(), 0, |y, _| {
            // SAFETY: tasks have rows of their own.
            row(y, unsafe { out.slice(y * len..(y + 1) * len) });
        });
    }
}

per_cpu! {
/// One row of the output; of the first `done` panels the cells at its ends alone.
fn convolve(conv: &DepthwiseI8, rows: [&[u8]; 3], out: OutRow<'_>, done: usize) {
    let mut out = out;
    for panel in 0..conv.weights.len() {
        let first = panel * WIDE;
        let count = (conv.shape.channels - first).min(WIDE);
        let mut inner = conv.shape.inner(count == WIDE);
        let ends = [0..inner.start, inner.end..conv.shape.out_width()];
        if panel < done {
            inner = 0..0;
        }
        if count == WIDE {
            columns(conv, rows, (panel, WIDE), ends, inner, &mut out);
        } else {
            columns(conv, rows, (panel, count), ends, inner, &mut out);
        }
    }
}
}

/// `count` channels of one row, of panel number `panel`: at its `ends`, and `inner`, whose cells all lie inside the map.
#[inline(always)]
fn columns(
    conv: &DepthwiseI8,
    rows: [&[u8]; 3],
    (panel, count): (usize, usize),
    ends: [Range<usize>; 2],
    inner: Range<usize>,
    out: &mut OutRow<'_>,
) {
    let shape = conv.shape;
    let first = panel * WIDE;
    let constants = Panel::new(
        &conv.weights[panel],
        &conv.start[panel],
        (&conv.scale[panel], &conv.bias[panel]),
    );
    for x in ends.into_iter().flatten() {
        let cells = edge_cells(shape, rows, &conv.outside, x, (first, count));
        put(
            &constants.of_cells(&cells),
            x * shape.channels + first,
            count,
            out,
        );
    }
    #[cfg(target_arch = "aarch64")]
    match out {
        OutRow::F32(out) => constants.inner(shape, rows, first, inner, |at, real| {
            neon::store(real, &mut out[at..]);
        }),
        OutRow::U8(quantizer, out) => constants.inner(shape, rows, first, inner, |at, real| {
            let bytes = quantizer.quantize_vectors(real, conv.numbers);
            neon::store_bytes(bytes, &mut out[at..]);
        }),
    }
    #[cfg(not(target_arch = "aarch64"))]
    for x in inner {
        let cells = inner_cells(shape, rows, x, first);
        put(
            &constants.of_cells(&cells),
            x * shape.channels + first,
            WIDE,
            out,
        );
    }
}

/// Stores the first `count` results from place `at` on.
#[inline(always)]
fn put(real: &[f32; WIDE], at: usize, count: usize, out: &mut OutRow<'_>) {
    match out {
        OutRow::F32(out) => out[at..at + count].copy_from_slice(&real[..count]),
        OutRow::U8(quantizer, out) => {
            let mut small = [0; WIDE];
            quantizer.quantize_all(real, &mut small);
            out[at..at + count].copy_from_slice(&small[..count]);
        }
    }
}
