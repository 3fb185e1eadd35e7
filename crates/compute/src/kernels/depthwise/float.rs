//! The float convolution.

#![allow(unsafe_code)]

use super::cells::{edge_cells, inner_cells, panels, vectors};
use super::shape::DepthwiseShape;
use crate::kernels::math::{Lanes, activate};
use crate::kernels::{Activation, Cpu, Exec, LANES, SharedSlice};

/// A float depthwise convolution.
#[derive(Clone, Debug)]
pub struct DepthwiseF32 {
    shape: DepthwiseShape,
    weights: Vec<[Lanes; 9]>,
    bias: Vec<Lanes>,
    outside: Vec<f32>,
}

impl DepthwiseF32 {
    /// `weight` is `[channels][1][3][3]`, `bias` `[channels]`.
    ///
    /// # Panics
    /// If a length does not match, a size is 0, or the stride is neither 1 nor 2.
    #[must_use]
    pub fn new(shape: DepthwiseShape, weight: &[f32], bias: Option<&[f32]>) -> Self {
        shape.check();
        assert_eq!(weight.len(), shape.channels * 9);
        assert!(bias.is_none_or(|bias| bias.len() == shape.channels));
        Self {
            shape,
            weights: panels(weight),
            bias: bias.map_or_else(|| vectors(&vec![0.0; shape.channels]), vectors),
            outside: vec![0.0; shape.width * shape.channels],
        }
    }

    /// Bytes of scratch a thread needs.
    #[must_use]
    pub fn scratch(&self) -> usize {
        0
    }

    /// `x` is `[height * width][channels]`, `out` `[out_height * out_width][channels]`.
    ///
    /// # Panics
    /// If a length does not match.
    pub fn run(&self, exec: Exec<'_>, x: &[f32], activation: Activation, out: &mut [f32]) {
        let shape = self.shape;
        assert_eq!(x.len(), shape.height * shape.width * shape.channels);
        let len = shape.out_width() * shape.channels;
        assert_eq!(out.len(), shape.out_height() * len);
        let out = SharedSlice::new(out);
        exec.parallel(shape.out_height(), 0, |y, _| {
            // SAFETY: tasks have rows of their own.
            let out = unsafe { out.slice(y * len..(y + 1) * len) };
            let rows = shape.rows(x, &self.outside, y);
            convolve(exec.cpu, self, rows, activation, out);
        });
    }

    /// One row of the output from the input's three around it, none for those outside the map.
    pub(in crate::kernels) fn row(
        &self,
        cpu: Cpu,
        rows: [Option<&[f32]>; 3],
        activation: Activation,
        out: &mut [f32],
    ) {
        let rows = rows.map(|row| row.unwrap_or(&self.outside));
        self.shape.check_row(rows, out);
        convolve(cpu, self, rows, activation, out);
    }

    /// The same convolution of a map of another width.
    pub(in crate::kernels) fn of_width(&self, width: usize) -> Self {
        let mut other = self.clone();
        other.shape.width = width;
        other.outside.resize(width * self.shape.channels, 0.0);
        other
    }

    /// Geometry.
    pub(in crate::kernels) fn shape(&self) -> DepthwiseShape {
        self.shape
    }
}

per_cpu! {
/// One row of the output.
fn convolve(conv: &DepthwiseF32, rows: [&[f32]; 3], activation: Activation, out: &mut [f32]) {
    for (panel, constants) in conv.weights.iter().zip(&conv.bias).enumerate() {
        let first = panel * LANES;
        let count = (conv.shape.channels - first).min(LANES);
        if count == LANES {
            columns(conv, rows, constants, (first, LANES), out);
        } else {
            columns(conv, rows, constants, (first, count), out);
        }
    }
    activate(out, activation);
}
}

/// `count` channels from `first` on of one row. For each output one chain of fused multiply-adds, from the bias on, taps
/// in order.
#[inline(always)]
fn columns(
    conv: &DepthwiseF32,
    rows: [&[f32]; 3],
    (weights, bias): (&[Lanes; 9], &Lanes),
    (first, count): (usize, usize),
    out: &mut [f32],
) {
    let (shape, weights, bias) = (conv.shape, *weights, *bias);
    let inner = shape.inner(count == LANES);
    for x in (0..inner.start).chain(inner.end..shape.out_width()) {
        let sum = sum(
            edge_cells(shape, rows, &conv.outside, x, (first, count)),
            &weights,
            bias,
        );
        out[x * shape.channels + first..][..count].copy_from_slice(&sum[..count]);
    }
    for x in inner {
        let sum = sum(inner_cells(shape, rows, x, first), &weights, bias);
        out[x * shape.channels + first..][..LANES].copy_from_slice(&sum);
    }
}

#[inline(always)]
fn sum(cells: [Lanes; 9], weights: &[Lanes; 9], mut sum: Lanes) -> Lanes {
    for tap in 0..9 {
        for l in 0..LANES {
            sum[l] = cells[tap][l].mul_add(weights[tap][l], sum[l]);
        }
    }
    sum
}
