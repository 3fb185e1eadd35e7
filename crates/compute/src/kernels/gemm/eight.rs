//! 8-bit layers.

#![allow(unsafe_code)]

use super::chunks::Eight;
use super::epilogue;
use super::finish::{Epilogue, Residual};
use super::patches::Operand;
use super::place::{Sink, TileTarget};
use super::product::{Block, Product};
use crate::kernels::tile::{self, TileI8};
use crate::kernels::{Cpu, Exec, Quant, SharedSlice};

/// What an 8-bit layer is made from.
#[derive(Clone, Copy, Debug)]
pub struct WeightsI8<'a> {
    /// `[n][k]`, each in -64..=64.
    pub weight: &'a [i8],
    /// Real size of one weight step, for each of `n` outputs.
    pub scale: &'a [f32],
    /// Real bias, for each output.
    pub bias: Option<&'a [f32]>,
    /// How the input's numbers stand for real ones.
    pub input: Quant,
}

/// An 8-bit linear layer.
#[derive(Debug)]
pub struct LinearI8 {
    product: Product<TileI8>,
    input: Quant,
    /// For each column of the panels: what the sums lack, real size of a step, real bias.
    correction: Vec<i32>,
    scale: Vec<f32>,
    bias: Vec<f32>,
}

impl LinearI8 {
    /// Packs the weights for a CPU.
    ///
    /// # Panics
    /// If sizes do not fit, a weight is outside -64..=64, or `k` so large that a sum could overflow.
    #[must_use]
    pub fn new(cpu: Cpu, weights: &WeightsI8<'_>, n: usize, k: usize) -> Self {
        let WeightsI8 {
            weight,
            scale,
            bias,
            input,
        } = *weights;
        assert!(
            weight.iter().all(|w| (-64..=64).contains(w)),
            "weights are 7 bits"
        );
        assert!(k < 1 << 16, "sums are 32 bits");
        assert_eq!(scale.len(), n);
        let product = Product::new(cpu, weight, n, k);
        // The kernel sums (q - offset) w of q's whose real zero is `input.zero`.
        let lack = tile::i8(cpu).offset - i32::from(input.zero);
        let correction: Vec<i32> = weight
            .chunks_exact(k)
            .map(|row| lack * row.iter().map(|w| i32::from(*w)).sum::<i32>())
            .collect();
        let scale: Vec<f32> = scale.iter().map(|scale| input.scale * scale).collect();
        Self {
            correction: product.padded(&correction),
            scale: product.padded(&scale),
            bias: product.padded(bias.unwrap_or(&vec![0.0; n])),
            input,
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

    /// How the input's numbers stand for real ones.
    #[must_use]
    pub fn input(&self) -> Quant {
        self.input
    }

    /// Bytes of scratch a thread needs.
    #[must_use]
    pub fn scratch(&self) -> usize {
        self.product.scratch()
    }

    /// All rows through the layer. The residual is `[rows][n]`, like the result.
    ///
    /// # Panics
    /// If sizes do not fit.
    pub fn run(
        &self,
        exec: Exec<'_>,
        x: Operand<'_, u8>,
        residual: Residual<'_>,
        epilogue: Epilogue<'_>,
    ) {
        let (rows, target) = self.prepare(&x, residual, epilogue);
        self.product
            .parallel(exec, rows, self.scratch(), |block, scratch| {
                // SAFETY: blocks of different tasks do not overlap.
                unsafe { self.block(&x, &block, residual, &target, scratch) };
            });
    }

    /// As [`LinearI8::run`], on this thread alone: for layers that compute a part of a map at a time. `scratch` is a
    /// task's own, [`LinearI8::scratch`] bytes.
    ///
    /// # Panics
    /// If sizes do not fit.
    pub fn run_rows(
        &self,
        x: &[u8],
        residual: Residual<'_>,
        epilogue: Epilogue<'_>,
        scratch: &mut [u8],
    ) {
        let x = Operand::Rows(x);
        let (rows, target) = self.prepare(&x, residual, epilogue);
        for block in self.product.blocks(rows) {
            // SAFETY: the target is borrowed by this thread alone.
            unsafe { self.block(&x, &block, residual, &target, scratch) };
        }
    }

    /// Rows of the result, and where they go; checks sizes.
    fn prepare<'a>(
        &self,
        x: &Operand<'_, u8>,
        residual: Residual<'_>,
        epilogue: Epilogue<'a>,
    ) -> (usize, TileTarget<'a>) {
        let rows = x.rows(self.k());
        let target = TileTarget {
            out: match epilogue {
                Epilogue::F32(y) => Sink::F32(SharedSlice::new(y)),
                Epilogue::U8(quant, y) => Sink::U8(quant, SharedSlice::new(y)),
                Epilogue::Table(quant, table, y) => Sink::Table(quant, table, SharedSlice::new(y)),
            },
            first: 0,
            n: self.n(),
        };
        assert_eq!(target.out.len(), rows * self.n());
        match residual {
            Residual::None => {}
            Residual::F32(residual) => assert_eq!(residual.len(), rows * self.n()),
            Residual::U8(_, residual) => assert_eq!(residual.len(), rows * self.n()),
        }
        (rows, target)
    }

    /// # Safety
    /// No other part of the target's rows and columns that the block covers is in use.
    unsafe fn block(
        &self,
        x: &Operand<'_, u8>,
        block: &Block,
        residual: Residual<'_>,
        target: &TileTarget<'_>,
        scratch: &mut [u8],
    ) {
        self.product.block(x, block, scratch, |done| {
            let columns = done.columns.start..done.columns.start + done.nr;
            let columns = Eight {
                correction: &self.correction[columns.clone()],
                scale: &self.scale[columns.clone()],
                bias: &self.bias[columns],
            };
            // SAFETY: the caller's promise; tiles of a block do not overlap.
            unsafe { epilogue::finish(self.product.cpu(), &done, columns, residual, target) };
        });
    }
}
