//! Linear, depthwise, linear: inverted bottlenecks and the merging of patches.

#![allow(unsafe_code)]

use std::ops::Range;

use super::bands::{Bands, Stages};
use super::parts::{Output, With};
use crate::kernels::depthwise::{DepthwiseF32, DepthwiseI8, DepthwiseShape};
use crate::kernels::gemm::{Finish, LinearF32, LinearI8, Residual};
use crate::kernels::{Activation, Exec, Out, ValueMut};

/// A float chain.
#[derive(Debug)]
pub struct BottleneckF32 {
    bands: Bands,
    widen: With<LinearF32, Activation>,
    /// One for each tile, of its width.
    depthwise: Vec<DepthwiseF32>,
    convolved: Activation,
    narrow: With<LinearF32, Activation>,
}

/// An 8-bit chain.
#[derive(Debug)]
pub struct BottleneckI8 {
    bands: Bands,
    widen: With<LinearI8, Finish>,
    depthwise: Vec<DepthwiseI8>,
    convolved: Finish,
    narrow: With<LinearI8, Finish>,
}

impl BottleneckF32 {
    /// The layers as a chain, if that is worthwhile.
    ///
    /// # Panics
    /// If the layers do not fit each other.
    #[must_use]
    pub fn new(
        widen: With<LinearF32, Activation>,
        depthwise: &With<DepthwiseF32, Activation>,
        narrow: With<LinearF32, Activation>,
    ) -> Option<Self> {
        let bands = Bands::new(depthwise.0.shape(), size_of::<f32>())?;
        Some(Self::cut(bands, widen, depthwise, narrow))
    }

    pub(super) fn cut(
        bands: Bands,
        widen: With<LinearF32, Activation>,
        (depthwise, convolved): &With<DepthwiseF32, Activation>,
        narrow: With<LinearF32, Activation>,
    ) -> Self {
        check(widen.0.n(), depthwise.shape(), narrow.0.k());
        Self {
            depthwise: bands
                .widths()
                .map(|width| depthwise.of_width(width))
                .collect(),
            bands,
            widen,
            convolved: *convolved,
            narrow,
        }
    }

    fn linear(&self) -> usize {
        self.widen.0.scratch().max(self.narrow.0.scratch())
    }

    /// Bytes of scratch a thread needs.
    #[must_use]
    pub fn scratch(&self) -> usize {
        self.bands.scratch::<f32>(self.linear())
    }

    /// The three layers, the last with the residual.
    ///
    /// # Panics
    /// If sizes do not fit.
    pub fn run(&self, exec: Exec<'_>, x: &[f32], residual: Option<&[f32]>, out: &mut [f32]) {
        let ((widen, widened), (narrow, narrowed)) = (&self.widen, &self.narrow);
        let (k, n) = (widen.k(), narrow.n());
        let out = Output::new(ValueMut::F32(out));
        self.bands.check(x.len(), k, out.len(), n);
        let stages = Stages {
            widen: |cells: Range<usize>, to: &mut [f32], scratch: &mut [u8]| {
                let x = &x[cells.start * k..cells.end * k];
                widen.run_rows(x, None, *widened, Out::F32(to), scratch);
            },
            convolve: |tile: usize, rows: [Option<&[f32]>; 3], to: &mut [f32]| {
                self.depthwise[tile].row(exec.cpu, rows, self.convolved, to);
            },
            narrow: |x: &[f32], cells: Range<usize>, scratch: &mut [u8]| {
                let range = cells.start * n..cells.end * n;
                let residual = residual.map(|residual| &residual[range.clone()]);
                // SAFETY: tasks have cells of their own.
                let out = unsafe { out.slice(range) };
                if let ValueMut::F32(out) = out {
                    narrow.run_rows(x, residual, *narrowed, Out::F32(out), scratch);
                }
            },
        };
        self.bands.run(exec, self.linear(), &stages);
    }
}

impl BottleneckI8 {
    /// The layers as a chain, if that is worthwhile. The first two give bytes.
    ///
    /// # Panics
    /// If the layers do not fit each other.
    #[must_use]
    pub fn new(
        widen: With<LinearI8, Finish>,
        depthwise: &With<DepthwiseI8, Finish>,
        narrow: With<LinearI8, Finish>,
    ) -> Option<Self> {
        let bands = Bands::new(depthwise.0.shape(), size_of::<u8>())?;
        Some(Self::cut(bands, widen, depthwise, narrow))
    }

    pub(super) fn cut(
        bands: Bands,
        widen: With<LinearI8, Finish>,
        (depthwise, convolved): &With<DepthwiseI8, Finish>,
        narrow: With<LinearI8, Finish>,
    ) -> Self {
        check(widen.0.n(), depthwise.shape(), narrow.0.k());
        Self {
            depthwise: bands
                .widths()
                .map(|width| depthwise.of_width(width))
                .collect(),
            bands,
            widen,
            convolved: convolved.clone(),
            narrow,
        }
    }

    fn linear(&self) -> usize {
        self.widen.0.scratch().max(self.narrow.0.scratch())
    }

    /// Bytes of scratch a thread needs.
    #[must_use]
    pub fn scratch(&self) -> usize {
        self.bands.scratch::<u8>(self.linear())
    }

    /// The three layers, the last with the residual.
    ///
    /// # Panics
    /// If sizes do not fit, or the output is not of the last layer's type.
    pub fn run(&self, exec: Exec<'_>, x: &[u8], residual: Residual<'_>, out: ValueMut<'_>) {
        let ((widen, widened), (narrow, narrowed)) = (&self.widen, &self.narrow);
        let (k, n) = (widen.k(), narrow.n());
        let out = Output::new(out);
        self.bands.check(x.len(), k, out.len(), n);
        let stages = Stages {
            widen: |cells: Range<usize>, to: &mut [u8], scratch: &mut [u8]| {
                let x = &x[cells.start * k..cells.end * k];
                let to = widened.on(ValueMut::U8(to));
                widen.run_rows(x, Residual::None, to, scratch);
            },
            convolve: |tile: usize, rows: [Option<&[u8]>; 3], to: &mut [u8]| {
                let to = self.convolved.on(ValueMut::U8(to));
                self.depthwise[tile].row(exec.cpu, rows, to);
            },
            narrow: |x: &[u8], cells: Range<usize>, scratch: &mut [u8]| {
                let range = cells.start * n..cells.end * n;
                let residual = residual.part(range.clone());
                // SAFETY: tasks have cells of their own.
                let out = unsafe { out.slice(range) };
                narrow.run_rows(x, residual, narrowed.on(out), scratch);
            },
        };
        self.bands.run(exec, self.linear(), &stages);
    }
}

fn check(widened: usize, shape: DepthwiseShape, narrowed: usize) {
    assert!(widened == shape.channels && narrowed == shape.channels);
}
