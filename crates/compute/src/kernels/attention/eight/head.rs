//! What a head of 8-bit attention needs beside the map: biases as integers, the token and the cells outside as bytes.

use super::weights::{LIMIT, MOST, WindowWeightsI8};
use crate::kernels::attention::shape::HEAD;
use crate::kernels::tile::window::PER_NAT;

/// Below every score: its weight is 0.
pub const NEVER: i32 = -(1 << 29);

/// A key or value in steps, each at most 64 to either side of 0.
pub type Vector = [i8; HEAD];

/// One head.
#[derive(Debug)]
pub struct HeadBytes {
    /// Units of a score in a step of the table, as a power of two.
    pub shift: u32,
    /// Real size of a step of the values.
    pub value_scale: f32,
    /// Key and value of the token.
    pub token: Option<[Vector; 2]>,
    /// Key and value of every cell outside the map.
    pub outside: Option<[Vector; 2]>,
    /// `[window][2 * window - 1][window]`, by the query's column, the key's row less the query's (from `1 - window` on) and
    /// the key's column: for a query, the biases of all cells in order begin at its row's mirror image. So biases take a
    /// fraction of the memory that one for each pair would.
    cells: Vec<i32>,
    /// `[window²][padded - whole]`: the biases of the keys after the first `whole`, padding among them.
    rest: Vec<i32>,
    whole: usize,
    /// Keys after those.
    last: usize,
    window: usize,
}

impl HeadBytes {
    /// The `at`th head of `weights`; `whole` keys are cells in whole panels, `padded` all keys with padding.
    pub fn new(
        weights: &WindowWeightsI8<'_>,
        at: usize,
        window: usize,
        (whole, padded): (usize, usize),
    ) -> Self {
        let cells = window * window;
        let fineness = weights.fineness[at];
        let units = fineness * PER_NAT;
        let in_units = |bias: f32| {
            let units = (bias * units).round_ties_even();
            units.clamp(-(LIMIT as f32), LIMIT as f32) as i32
        };
        let table = &weights.biases[at * cells..][..cells];
        let bias = |y: usize, x: usize| in_units(table[y * window + x]);
        let mut by_offset = Vec::with_capacity(cells * (2 * window - 1));
        for x in 0..window {
            for y in (0..window).rev().chain(1..window) {
                by_offset.extend((0..window).map(|column| bias(y, column.abs_diff(x))));
            }
        }
        let mut rest = Vec::with_capacity(cells * (padded - whole));
        for query in 0..cells {
            let (y, x) = (query / window, query % window);
            let of = |key: usize| bias((key / window).abs_diff(y), (key % window).abs_diff(x));
            rest.extend((whole..cells).map(of));
            rest.extend(weights.token.map(|token| in_units(token.bias)));
            rest.resize((query + 1) * (padded - whole), NEVER);
        }
        let vector = |steps: &[f32]| {
            let mut vector = [0; HEAD];
            for (to, step) in vector.iter_mut().zip(steps) {
                *to = step.round_ties_even().clamp(-f32::from(MOST), MOST.into()) as i8;
            }
            vector
        };
        Self {
            shift: fineness.log2() as u32,
            value_scale: weights.value_scale[at],
            token: weights
                .token
                .map(|token| [token.keys, token.values].map(|all| vector(&all[at * HEAD..]))),
            outside: weights
                .outside
                .map(|all| [1, 2].map(|part| vector(&all[(at * 3 + part) * HEAD..]))),
            cells: by_offset,
            rest,
            whole,
            last: padded - whole,
            window,
        }
    }

    /// A query's biases: of the first `whole` keys, and of the rest. Places wrap, as what is cut there is checked anyway.
    #[inline(always)]
    pub fn biases(&self, (y, x): (usize, usize)) -> (&[i32], &[i32]) {
        let rows = 2 * self.window - 1;
        let row = x
            .wrapping_mul(rows)
            .wrapping_add(self.window - 1)
            .wrapping_sub(y);
        let query = y.wrapping_mul(self.window).wrapping_add(x);
        (
            &self.cells[row.wrapping_mul(self.window)..][..self.whole],
            &self.rest[query.wrapping_mul(self.last)..][..self.last],
        )
    }
}
