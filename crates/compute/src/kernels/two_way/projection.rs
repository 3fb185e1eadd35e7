//! Linear layers for a few tokens. A task makes 16 channels of all tokens.

#![allow(unsafe_code)]

use super::blocks::{block, vector};
use super::weights::{Affine, HEADS};
use crate::kernels::math::product;
use crate::kernels::{Exec, LANES, SharedSlice};

/// Tokens worked on at once.
const TOKENS: usize = 4;

/// `y = (W x + b) · scale + residual` for each token.
#[derive(Debug)]
pub struct Projection {
    /// `[n / 16][k][16]`.
    panels: Vec<f32>,
    bias: Vec<f32>,
    k: usize,
}

impl Projection {
    /// `n` is a multiple of 16.
    pub fn new(affine: Affine<'_>) -> Self {
        let n = affine.bias.len();
        let k = affine.weight.len() / n;
        let mut panels = vec![0.0; n * k];
        for (row, weights) in affine.weight.chunks_exact(k).enumerate() {
            for (column, w) in weights.iter().enumerate() {
                panels[(row / LANES * k + column) * LANES + row % LANES] = *w;
            }
        }
        let bias = affine.bias.to_vec();
        Self { panels, bias, k }
    }

    /// `x` `[tokens][k]` to `y` `[tokens][n]`.
    pub fn run(
        &self,
        exec: Exec<'_>,
        x: &[f32],
        scale: f32,
        residual: Option<&[f32]>,
        y: &mut [f32],
    ) {
        assert_eq!(x.len() * self.bias.len(), y.len() * self.k);
        self.run_from(exec, (x, self.k, &|_| 0), scale, residual, y);
    }

    /// The same where the input of token t for the outputs of panel p stands at `x[start(p) + t * step]`.
    pub fn run_from(
        &self,
        exec: Exec<'_>,
        (x, step, start): (&[f32], usize, &(dyn Fn(usize) -> usize + Sync)),
        scale: f32,
        residual: Option<&[f32]>,
        y: &mut [f32],
    ) {
        assert!(residual.is_none_or(|residual| residual.len() == y.len()));
        let tokens = y.len() / self.bias.len();
        let y = SharedSlice::new(y);
        exec.parallel(self.bias.len() / LANES, 0, |panel, _| {
            let x = &x[start(panel)..];
            project(exec.cpu, self, panel, x, step, tokens, scale, residual, y);
        });
    }
}

per_cpu! {
fn project(
    layer: &Projection,
    panel: usize,
    x: &[f32],
    step: usize,
    tokens: usize,
    scale: f32,
    residual: Option<&[f32]>,
    y: SharedSlice<'_, f32>,
) {
    let bias = vector(&layer.bias, panel * LANES);
    let weights = &layer.panels[panel * layer.k * LANES..][..layer.k * LANES];
    for first in (0..tokens).step_by(TOKENS) {
        let rows = block::<TOKENS>(first, tokens, step);
        let sums = product([bias; TOKENS], layer.k, (x, rows, 1), (weights, LANES));
        for (token, sums) in (first..tokens).zip(&sums) {
            let at = token * layer.bias.len() + panel * LANES;
            let residual = residual.map_or([0.0; LANES], |residual| vector(residual, at));
            // SAFETY: tasks have channels of their own.
            let y = unsafe { y.slice(at..at + LANES) };
            for l in 0..LANES {
                y[l] = sums[l].mul_add(scale, residual[l]);
            }
        }
    }
}
}

/// The vectors of one chunk of 16 channels that tokens come to when taken through another projection, head by head:
/// `y[token * 8 + head] = Σ_j x[token][head][j] w[head][j]`, with `x` `[tokens][inner]`, `w` `[inner][channels]`.
/// `put(column, vector)` is called for each column.
#[inline(always)]
pub fn fold_heads(
    (x, inner): (&[f32], usize),
    (w, channels): (&[f32], usize),
    chunk: usize,
    mut put: impl FnMut(usize, &[f32; LANES]),
) {
    let tokens = x.len() / inner;
    let size = inner / HEADS;
    for head in 0..HEADS {
        let w = &w[head * size * channels + chunk * LANES..];
        let x = &x[head * size..];
        for first in (0..tokens).step_by(TOKENS) {
            let rows = block::<TOKENS>(first, tokens, inner);
            let sums = product([[0.0; LANES]; TOKENS], size, (x, rows, 1), (w, channels));
            for (token, sums) in (first..tokens).zip(&sums) {
                put(token * HEADS + head, sums);
            }
        }
    }
}

per_cpu! {
/// [`fold_heads`] into panels of columns: `panels` is `[padded / 16][channels][16]`.
pub fn fold_to_panels(
    x: &[f32],
    inner: usize,
    w: &[f32],
    channels: usize,
    chunk: usize,
    panels: SharedSlice<'_, f32>,
) {
    let columns = x.len() / inner * HEADS;
    for panel in 0..columns.div_ceil(LANES) {
        let start = (panel * channels + chunk * LANES) * LANES;
        // SAFETY: tasks have channels of their own, and the borrow ends here.
        unsafe { panels.slice(start..start + LANES * LANES) }.fill(0.0);
    }
    fold_heads((x, inner), (w, channels), chunk, |column, vector| {
        let start = (column / LANES * channels + chunk * LANES) * LANES;
        // SAFETY: as above.
        let part = unsafe { panels.slice(start..start + LANES * LANES) };
        for l in 0..LANES {
            part[l * LANES + column % LANES] = vector[l];
        }
    });
}
}
