//! 8-bit layers.

#![allow(unsafe_code)]

use super::chunks::Eight;
use super::epilogue;
use super::finish::{Epilogue, Residual};
use super::patches::Operand;
use super::place::{Sink, TilePlace, TileTarget};
use super::product::{Block, Product, TileRun, TileSums};
use crate::kernels::tile::{self, TileFinish, TileI8, TileOut, TileResidual, lookup};
use crate::kernels::{Cpu, Exec, Quant, Quantizer, SharedSlice};

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

impl WeightsI8<'_> {
    /// Whether what comes of sums is always a number: scales and biases are finite. Kernels that round without asking want that.
    pub(in crate::kernels) fn give_numbers(&self) -> bool {
        let mut scales = self.scale.iter().map(|scale| self.input.scale * scale);
        let mut biases = self.bias.iter().copied().flatten();
        scales.all(f32::is_finite) && biases.all(|bias| bias.is_finite())
    }
}

/// One pass of rows through a layer.
struct LinearPass<'a> {
    x: Operand<'a, u8>,
    residual: Residual<'a>,
    target: TileTarget<'a>,
    /// What the target's bytes, here once more, become in the end.
    table: Option<(&'a [u8; 256], SharedSlice<'a, u8>)>,
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
    /// [`WeightsI8::give_numbers`].
    numbers: bool,
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
            numbers: weights.give_numbers(),
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
        let pass = self.prepare(x, residual, epilogue);
        let rows = x.rows(self.k());
        self.product
            .parallel(exec, rows, self.scratch(), |block, scratch| {
                // SAFETY: blocks of different tasks do not overlap.
                unsafe { self.block(&pass, &block, scratch) };
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
        let pass = self.prepare(x, residual, epilogue);
        for block in self.product.blocks(x.rows(self.k())) {
            // SAFETY: the target is borrowed by this thread alone.
            unsafe { self.block(&pass, &block, scratch) };
        }
    }

    /// Checks sizes.
    fn prepare<'a>(
        &self,
        x: Operand<'a, u8>,
        residual: Residual<'a>,
        epilogue: Epilogue<'a>,
    ) -> LinearPass<'a> {
        let (out, table) = match epilogue {
            Epilogue::F32(y) => (Sink::F32(SharedSlice::new(y)), None),
            Epilogue::U8(quant, y) => (Sink::U8(quant, SharedSlice::new(y)), None),
            Epilogue::Table(quant, table, y) => {
                let y = SharedSlice::new(y);
                (Sink::U8(quant, y), Some((table, y)))
            }
        };
        let len = x.rows(self.k()) * self.n();
        assert_eq!(out.len(), len);
        match residual {
            Residual::None => {}
            Residual::F32(residual) => assert_eq!(residual.len(), len),
            Residual::U8(_, residual) => assert_eq!(residual.len(), len),
        }
        LinearPass {
            x,
            residual,
            target: TileTarget {
                out,
                first: 0,
                n: self.n(),
            },
            table,
        }
    }

    /// # Safety
    /// No other part of the target's rows and columns that the block covers is in use.
    unsafe fn block(&self, pass: &LinearPass<'_>, block: &Block, scratch: &mut [u8]) {
        let cpu = self.product.cpu();
        // SAFETY: the caller's promise, and the product's.
        let finished = |run: &TileRun<TileI8>| unsafe { self.finished(pass, run) };
        let done = |done: TileSums<'_, i32>| {
            let columns = self.columns(done.columns.start, done.nr);
            // SAFETY: the caller's promise; tiles of a block do not overlap.
            unsafe { epilogue::finish(cpu, &done, columns, pass.residual, &pass.target) };
        };
        self.product.block(&pass.x, block, scratch, finished, done);
        // Looked up when all of it is there and still in cache: in long runs, where tiles are a few bytes wide.
        if let Some((table, out)) = pass.table {
            for run in self.product.runs(block) {
                // SAFETY: the caller's promise.
                lookup(cpu, table, unsafe { out.slice(run) });
            }
        }
    }

    /// What a tile's `nr` columns from `first` on are finished with.
    fn columns(&self, first: usize, nr: usize) -> Eight<'_> {
        Eight {
            correction: &self.correction[first..first + nr],
            scale: &self.scale[first..first + nr],
            bias: &self.bias[first..first + nr],
        }
    }

    /// Multiplies and finishes tiles where the CPU has a kernel for both; whether it has.
    ///
    /// # Safety
    /// Nothing else uses the tiles' part of the target; the operands are what their kernel takes.
    unsafe fn finished(&self, pass: &LinearPass<'_>, run: &TileRun<TileI8>) -> bool {
        let (nr, rows, target) = (run.tile.nr, run.rows.len(), &pass.target);
        let fits = self.numbers && run.columns.len() == nr;
        let Some(finished) = run.tile.finished.filter(|_| fits) else {
            return false;
        };
        let place = TilePlace {
            start: (run.rows.start - target.first) * target.n + run.columns.start,
            n: target.n,
            nr,
        };
        assert!(place.ends_by(rows, target.out.len()));
        let residual = match pass.residual {
            Residual::None => TileResidual::None,
            Residual::F32(x) => {
                assert!(place.ends_by(rows, x.len()));
                TileResidual::F32(x.as_ptr().wrapping_add(place.start))
            }
            Residual::U8(quant, x) => {
                assert!(place.ends_by(rows, x.len()));
                TileResidual::U8(quant, x.as_ptr().wrapping_add(place.start))
            }
        };
        let Eight {
            correction,
            scale,
            bias,
        } = self.columns(run.columns.start, nr);
        let finish = TileFinish {
            correction,
            scale,
            bias,
            residual,
            out: match target.out {
                Sink::F32(y) => TileOut::F32(y.pointer(place.start)),
                Sink::U8(quant, y) => TileOut::U8(Quantizer::new(quant), y.pointer(place.start)),
            },
            n: target.n,
        };
        // SAFETY: residual and target have all rows (checked); the rest is the caller's promise, and that the CPU has the
        // instructions its `Cpu` is proof of.
        unsafe { finished(rows / run.tile.mr, &run.x, &finish) };
        true
    }
}
