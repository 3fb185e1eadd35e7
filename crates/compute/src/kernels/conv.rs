//! Convolutions as linear layers over patches: weights reordered from ONNX's `[n][c][ky][kx]`, the 2 x 2 up-convolution,
//! and the mask head.

#![allow(unsafe_code)]

use super::gemm::{Epilogue, LinearF32, LinearI8, Operand, Patches, Residual, WeightsI8};
use super::math::dot;
use super::{Activation, Cpu, Exec, Out, Quant, SharedSlice};

/// A float32 convolution, zeros outside the map.
#[derive(Debug)]
pub struct ConvF32 {
    linear: LinearF32,
    patches: Patches,
}

impl ConvF32 {
    /// Packs `weight` `[n][c][ky][kx]` for a CPU.
    ///
    /// # Panics
    /// If sizes do not fit.
    #[must_use]
    pub fn new(cpu: Cpu, weight: &[f32], bias: Option<&[f32]>, n: usize, patches: Patches) -> Self {
        let weight = patch_order(weight, n, &patches);
        Self {
            linear: LinearF32::new(cpu, &weight, bias, n, patches.k()),
            patches,
        }
    }

    /// Rows and columns of the result.
    #[must_use]
    pub fn out_size(&self) -> (usize, usize) {
        self.patches.out_size()
    }

    /// Bytes of scratch a thread needs.
    #[must_use]
    pub fn scratch(&self) -> usize {
        self.linear.scratch()
    }

    /// `out[out_height * out_width][n] = activation(conv(map) + b)`.
    ///
    /// # Panics
    /// If sizes do not fit.
    pub fn run(&self, exec: Exec<'_>, map: &[f32], activation: Activation, out: Out<'_>) {
        let x = Operand::Patches {
            map,
            patches: &self.patches,
            outside: 0.0,
        };
        self.linear.run(exec, x, None, activation, out);
    }
}

/// An 8-bit convolution, the input's zero outside the map.
#[derive(Debug)]
pub struct ConvI8 {
    linear: LinearI8,
    patches: Patches,
}

impl ConvI8 {
    /// Packs the weights, `[n][c][ky][kx]`, for a CPU.
    ///
    /// # Panics
    /// If sizes do not fit, or as [`LinearI8::new`] says.
    #[must_use]
    pub fn new(cpu: Cpu, weights: &WeightsI8<'_>, n: usize, patches: Patches) -> Self {
        let weights = WeightsI8 {
            weight: &patch_order(weights.weight, n, &patches),
            ..*weights
        };
        Self {
            linear: LinearI8::new(cpu, &weights, n, patches.k()),
            patches,
        }
    }

    /// Rows and columns of the result.
    #[must_use]
    pub fn out_size(&self) -> (usize, usize) {
        self.patches.out_size()
    }

    /// How the input's numbers stand for real ones.
    #[must_use]
    pub fn input(&self) -> Quant {
        self.linear.input()
    }

    /// Bytes of scratch a thread needs.
    #[must_use]
    pub fn scratch(&self) -> usize {
        self.linear.scratch()
    }

    /// The map through the layer, `[out_height * out_width][n]`.
    ///
    /// # Panics
    /// If sizes do not fit.
    pub fn run(&self, exec: Exec<'_>, map: &[u8], epilogue: Epilogue<'_>) {
        let x = Operand::Patches {
            map,
            patches: &self.patches,
            outside: self.linear.input().zero,
        };
        self.linear.run(exec, x, Residual::None, epilogue);
    }
}

/// `[n][c][ky][kx]` in the order of gathered patches: `[n][ky][kx][c]`, or as it is if the map is planar.
fn patch_order<T: Copy>(weight: &[T], n: usize, patches: &Patches) -> Vec<T> {
    assert_eq!(weight.len(), n * patches.k());
    if patches.planar {
        return weight.to_vec();
    }
    let (cells, channels) = (patches.kernel * patches.kernel, patches.channels);
    weight
        .chunks_exact(patches.k())
        .flat_map(|weight| {
            (0..cells).flat_map(move |cell| (0..channels).map(move |c| weight[c * cells + cell]))
        })
        .collect()
}

/// A float32 transposed convolution of 2 x 2 with stride 2: each cell becomes four.
#[derive(Debug)]
pub struct UpConvF32 {
    /// To `[dy][dx][n]`.
    linear: LinearF32,
    n: usize,
}

impl UpConvF32 {
    /// Packs `weight` `[k][n][2][2]` for a CPU.
    ///
    /// # Panics
    /// If sizes do not fit.
    #[must_use]
    pub fn new(cpu: Cpu, weight: &[f32], bias: &[f32], n: usize, k: usize) -> Self {
        assert_eq!(bias.len(), n);
        let weight = quarter_order(weight, n, k);
        Self {
            linear: LinearF32::new(cpu, &weight, Some(&bias.repeat(4)), 4 * n, k),
            n,
        }
    }

    /// Bytes of scratch a thread needs.
    #[must_use]
    pub fn scratch(&self) -> usize {
        self.linear.rows_scratch()
    }

    /// `out[4 * rows][n]`, a map twice as high and wide as `x` `[rows][k]`, which has `width` columns.
    ///
    /// # Panics
    /// If sizes do not fit.
    pub fn run(
        &self,
        exec: Exec<'_>,
        x: &[f32],
        width: usize,
        activation: Activation,
        out: &mut [f32],
    ) {
        let pair = 2 * self.n;
        self.check(x, width, out.len() / self.n);
        let out = SharedSlice::new(out);
        self.linear.rows(exec, x, activation, |rows, values| {
            for (row, values) in rows.zip(values.chunks_exact(2 * pair)) {
                for (start, values) in upper_left(row, width).zip(values.chunks_exact(pair)) {
                    let start = start * self.n;
                    // SAFETY: a row's four cells are its own, and rows are one task's each.
                    unsafe { out.slice(start..start + pair) }.copy_from_slice(values);
                }
            }
        });
    }

    fn check(&self, x: &[f32], width: usize, cells: usize) {
        let rows = x.len() / self.linear.k();
        assert!(rows.is_multiple_of(width) && cells == 4 * rows);
    }
}

/// `[k][n][2][2]` as four matrices below each other, one for each of the cells that a cell becomes: `[dy][dx][n][k]`.
fn quarter_order<T: Copy>(weight: &[T], n: usize, k: usize) -> Vec<T> {
    assert_eq!(weight.len(), k * n * 4);
    let column =
        |quarter: usize, n_: usize| (0..k).map(move |k_| weight[(k_ * n + n_) * 4 + quarter]);
    (0..4)
        .flat_map(|quarter| (0..n).flat_map(move |n_| column(quarter, n_)))
        .collect()
}

/// Of the four cells that a cell of a map of `width` columns becomes, the left ones, upper and lower.
fn upper_left(row: usize, width: usize) -> impl Iterator<Item = usize> {
    let (y, x) = (row / width, row % width);
    [0, 1]
        .into_iter()
        .map(move |dy| ((2 * y + dy) * width + x) * 2)
}

/// An 8-bit transposed convolution of 2 x 2 with stride 2.
#[derive(Debug)]
pub struct UpConvI8 {
    /// To `[dx][n]`, for the upper and the lower of the lines that a line becomes: a line's cells lie one after the other
    /// there, so products go where they belong.
    lines: [LinearI8; 2],
}

impl UpConvI8 {
    /// Packs the weights, `[k][n][2][2]`, for a CPU; scale and bias are of `n`.
    ///
    /// # Panics
    /// If sizes do not fit, or as [`LinearI8::new`] says.
    #[must_use]
    pub fn new(cpu: Cpu, weights: &WeightsI8<'_>, n: usize, k: usize) -> Self {
        let weight = quarter_order(weights.weight, n, k);
        let (upper, lower) = weight.split_at(2 * n * k);
        let scale = weights.scale.repeat(2);
        let bias = weights.bias.map(|bias| bias.repeat(2));
        let line = |weight: &[i8]| {
            let weights = WeightsI8 {
                weight,
                scale: &scale,
                bias: bias.as_deref(),
                input: weights.input,
            };
            LinearI8::new(cpu, &weights, 2 * n, k)
        };
        Self {
            lines: [line(upper), line(lower)],
        }
    }

    /// Bytes of scratch a thread needs.
    #[must_use]
    pub fn scratch(&self) -> usize {
        self.lines[0].scratch()
    }

    /// `out[4 * rows][n]`, a map twice as high and wide as `x` `[rows][k]`, which has `width` columns.
    ///
    /// # Panics
    /// If sizes do not fit.
    pub fn run(&self, exec: Exec<'_>, x: &[u8], width: usize, out: &mut [f32]) {
        let [upper, _] = &self.lines;
        let (from, to) = (width * upper.k(), width * upper.n());
        assert!(x.len().is_multiple_of(from) && out.len() == x.len() / from * 2 * to);
        let out = SharedSlice::new(out);
        exec.parallel(out.len() / to, self.scratch(), |line, scratch| {
            let x = &x[line / 2 * from..][..from];
            // SAFETY: a task's line is its own.
            let y = unsafe { out.slice(line * to..(line + 1) * to) };
            self.lines[line % 2].run_rows(x, Residual::None, Epilogue::F32(y), scratch);
        });
    }
}

/// The end of a mask decoder: `gelu(upconv(x)) · hyper`, without storing the upscaled map.
#[derive(Debug)]
pub struct MaskHead {
    upconv: UpConvF32,
}

impl MaskHead {
    /// Packs `weight` `[k][n][2][2]` for a CPU.
    ///
    /// # Panics
    /// If sizes do not fit.
    #[must_use]
    pub fn new(cpu: Cpu, weight: &[f32], bias: &[f32], n: usize, k: usize) -> Self {
        Self {
            upconv: UpConvF32::new(cpu, weight, bias, n, k),
        }
    }

    /// Bytes of scratch a thread needs.
    #[must_use]
    pub fn scratch(&self) -> usize {
        self.upconv.scratch()
    }

    /// `logits[4 * rows]`, a map twice as high and wide as `x` `[rows][k]`, which has `width` columns; `hyper` `[n]`.
    ///
    /// # Panics
    /// If sizes do not fit.
    pub fn run(&self, exec: Exec<'_>, x: &[f32], width: usize, hyper: &[f32], logits: &mut [f32]) {
        let n = self.upconv.n;
        assert_eq!(hyper.len(), n);
        self.upconv.check(x, width, logits.len());
        let logits = SharedSlice::new(logits);
        let work = |rows: std::ops::Range<usize>, values: &mut [f32]| {
            for (row, values) in rows.zip(values.chunks_exact(4 * n)) {
                let dots = four_dots(exec.cpu, values, hyper);
                for (start, dots) in upper_left(row, width).zip(dots.chunks_exact(2)) {
                    // SAFETY: a row's four cells are its own, and rows are one task's each.
                    unsafe { logits.slice(start..start + 2) }.copy_from_slice(dots);
                }
            }
        };
        self.upconv.linear.rows(exec, x, Activation::Gelu, work);
    }
}

per_cpu! {
    /// The dot product of each quarter of `values` with `weight`: as [`dot`].
    fn four_dots(values: &[f32], weight: &[f32]) -> [f32; 4] {
        let mut dots = [0.0; 4];
        for (one, values) in dots.iter_mut().zip(values.chunks_exact(weight.len())) {
            *one = dot(values, weight);
        }
        dots
    }
}

#[cfg(test)]
mod tests;
