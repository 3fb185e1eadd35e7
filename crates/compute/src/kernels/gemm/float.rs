//! Float layers.

#![allow(unsafe_code)]

use super::chunks::Float;
use super::epilogue;
use super::finish::Residual;
use super::patches::Operand;
use super::place::{Sink, TileTarget};
use super::product::{Block, Product, TileSums};
use crate::kernels::tile::TileF32;
use crate::kernels::{Activation, Cpu, Exec, Out, SharedSlice};

/// A float32 linear layer.
#[derive(Debug)]
pub struct LinearF32 {
    product: Product<TileF32>,
    /// For each column of the panels.
    bias: Vec<f32>,
}

impl LinearF32 {
    /// Packs `weight` `[n][k]` for a CPU.
    ///
    /// # Panics
    /// If sizes do not fit.
    #[must_use]
    pub fn new(cpu: Cpu, weight: &[f32], bias: Option<&[f32]>, n: usize, k: usize) -> Self {
        let product = Product::new(cpu, weight, n, k);
        Self {
            bias: product.padded(bias.unwrap_or(&vec![0.0; n])),
            product,
        }
    }

    /// Columns of the result.
    #[must_use]
    pub fn n(&self) -> usize {
        self.product.n
    }

    /// Values of a row that is multiplied.
    #[must_use]
    pub fn k(&self) -> usize {
        self.product.k
    }

    /// Bytes of scratch a thread needs.
    #[must_use]
    pub fn scratch(&self) -> usize {
        self.product.scratch()
    }

    /// `out[rows][n] = activation(x Wᵀ + b + residual)`, in that order. The residual is `[rows][n]`, like the result.
    ///
    /// # Panics
    /// If sizes do not fit.
    pub fn run(
        &self,
        exec: Exec<'_>,
        x: Operand<'_, f32>,
        residual: Option<&[f32]>,
        activation: Activation,
        out: Out<'_>,
    ) {
        let (rows, target) = self.prepare(&x, residual, out);
        self.product
            .parallel(exec, rows, self.scratch(), |block, scratch| {
                // SAFETY: blocks of different tasks do not overlap.
                unsafe { self.block(&x, &block, residual, activation, &target, scratch) };
            });
    }

    /// As [`LinearF32::run`], on this thread alone: for layers that compute a part of a map at a time. `scratch` is a
    /// task's own, [`LinearF32::scratch`] bytes.
    ///
    /// # Panics
    /// If sizes do not fit.
    pub fn run_rows(
        &self,
        x: &[f32],
        residual: Option<&[f32]>,
        activation: Activation,
        out: Out<'_>,
        scratch: &mut [u8],
    ) {
        let x = Operand::Rows(x);
        let (rows, target) = self.prepare(&x, residual, out);
        for block in self.product.blocks(rows) {
            // SAFETY: the target is borrowed by this thread alone.
            unsafe { self.block(&x, &block, residual, activation, &target, scratch) };
        }
    }

    /// Rows of the result, and where they go; checks sizes.
    fn prepare<'a>(
        &self,
        x: &Operand<'_, f32>,
        residual: Option<&[f32]>,
        out: Out<'a>,
    ) -> (usize, TileTarget<'a>) {
        let rows = x.rows(self.k());
        let target = TileTarget {
            out: match out {
                Out::F32(y) => Sink::F32(SharedSlice::new(y)),
                Out::U8(quant, y) => Sink::U8(quant, SharedSlice::new(y)),
            },
            first: 0,
            n: self.n(),
        };
        assert_eq!(target.out.len(), rows * self.n());
        assert!(residual.is_none_or(|residual| residual.len() == rows * self.n()));
        (rows, target)
    }

    /// Calls `work(rows, raw, scratch)` for blocks of rows on all threads, `raw` being `activation(x Wᵀ + b)` of the
    /// block, `[rows][n]`: for layers that store something else than that. See [`LinearF32::rows_scratch`].
    pub(in crate::kernels) fn rows(
        &self,
        exec: Exec<'_>,
        x: &[f32],
        activation: Activation,
        work: impl Fn(std::ops::Range<usize>, &mut [f32]) + Sync,
    ) {
        let x = Operand::Rows(x);
        let rows = x.rows(self.k());
        self.product
            .parallel_rows(exec, rows, self.rows_scratch(), |rows, scratch| {
                let (scratch, values) = scratch.split_at_mut(self.scratch());
                // SAFETY: any bits are valid numbers.
                let values = unsafe { values.align_to_mut::<f32>().1 };
                let values = &mut values[..rows.len() * self.n()];
                let target = TileTarget {
                    out: Sink::F32(SharedSlice::new(values)),
                    first: rows.start,
                    n: self.n(),
                };
                let block = Block {
                    rows: rows.clone(),
                    panels: 0..self.product.panels(),
                };
                // SAFETY: the values are this task's alone.
                unsafe { self.block(&x, &block, None, activation, &target, scratch) };
                work(rows, values);
            });
    }

    /// Bytes of scratch that [`LinearF32::rows`] needs.
    pub(in crate::kernels) fn rows_scratch(&self) -> usize {
        self.scratch() + self.product.most_rows() * self.n() * size_of::<f32>()
    }

    /// # Safety
    /// No other part of the target's rows and columns that the block covers is in use.
    unsafe fn block(
        &self,
        x: &Operand<'_, f32>,
        block: &Block,
        residual: Option<&[f32]>,
        activation: Activation,
        target: &TileTarget<'_>,
        scratch: &mut [u8],
    ) {
        let residual = residual.map_or(Residual::None, Residual::F32);
        let done = |done: TileSums<'_, f32>| {
            let columns = Float {
                bias: &self.bias[done.columns.start..][..done.nr],
                activation,
            };
            // SAFETY: the caller's promise: the tile is part of the block.
            unsafe { epilogue::finish(self.product.cpu(), &done, columns, residual, target) };
        };
        self.product.block(x, block, scratch, |_| false, done);
    }
}
