//! Biases of window attention, written out for each kind of window, and what stands for the cells outside the map.

use super::shape::{Token, WindowShape};
use crate::kernels::LANES;
use crate::kernels::math::Lanes;

/// Windows with equally many cells inside the map. Biases are in units of ln 2, as `exp2` takes them.
#[derive(Debug)]
pub struct Class {
    /// Rows of cells inside the map.
    pub rows: usize,
    /// Columns of cells inside the map.
    pub columns: usize,
    /// Keys: the cells, the token if there is one, and one for all cells outside if there are any.
    pub keys: usize,
    /// Keys with padding to whole vectors.
    pub padded: usize,
    /// Whole vectors of cells.
    pub whole: usize,
    /// `[heads][columns][2 * rows - 1][columns]`, by the query's column, the key's row less the query's (from
    /// `1 - rows` on) and the key's column: for a query, the biases of all cells in order begin at its row's mirror
    /// image. So biases take a fraction of the memory that one for each pair would.
    inside: Vec<f32>,
    /// `[heads][rows * columns][padded - 16 * whole]`, the biases of the keys after those; -∞ for padding.
    rest: Vec<f32>,
}

impl Class {
    /// Writes the biases out. `table` is `[heads][window²]`, by |dy| · window + |dx|.
    pub fn new(
        shape: WindowShape,
        (rows, columns): (usize, usize),
        table: &[f32],
        token: Option<Token<'_>>,
    ) -> Self {
        let window = shape.window;
        let cells = rows * columns;
        let outside = usize::from(cells < window * window);
        let keys = cells + usize::from(token.is_some()) + outside;
        let (padded, whole) = (keys.next_multiple_of(LANES), cells / LANES);
        let (mut inside, mut rest) = (Vec::new(), Vec::new());
        for table in table.chunks_exact(window * window) {
            for x in 0..columns {
                for y in (0..rows).rev().chain(1..rows) {
                    let row = &table[y * window..];
                    inside.extend((0..columns).map(|column| in_bits(row[column.abs_diff(x)])));
                }
            }
            for query in 0..cells {
                let (y, x) = (query / columns, query % columns);
                let at = |(ky, kx): (usize, usize)| table[ky.abs_diff(y) * window + kx.abs_diff(x)];
                let of = |key| in_bits(at((key / columns, key % columns)));
                rest.extend((whole * LANES..cells).map(of));
                rest.extend(token.map(|token| in_bits(token.bias)));
                if outside == 1 {
                    let all = (0..window * window).map(|key| (key / window, key % window));
                    let others = all.filter(|(y, x)| *y >= rows || *x >= columns);
                    rest.push(in_bits(log_sum_exp(others.map(at))));
                }
                rest.extend(std::iter::repeat_n(f32::NEG_INFINITY, padded - keys));
            }
        }
        Self {
            rows,
            columns,
            keys,
            padded,
            whole,
            inside,
            rest,
        }
    }

    /// A query's biases: of the first `16 * whole` keys, and of the rest.
    #[inline(always)]
    pub fn biases(&self, head: usize, (y, x): (usize, usize)) -> (&[Lanes], &[Lanes]) {
        let row = (head * self.columns + x) * (2 * self.rows - 1) + self.rows - 1 - y;
        let (whole, rest) = (self.whole * LANES, self.padded - self.whole * LANES);
        let query = (head * self.rows + y) * self.columns + x;
        let whole = &self.inside[row * self.columns..][..whole];
        let rest = &self.rest[query * rest..][..rest];
        (whole.as_chunks().0, rest.as_chunks().0)
    }
}

/// In units of ln 2.
fn in_bits(bias: f32) -> f32 {
    (f64::from(bias) * std::f64::consts::LOG2_E) as f32
}

/// ln Σ e^b. Keys with equal q·k and equal values act as one key with this bias. By `exp` and `ln` of this file rather
/// than the system's, which may differ in the last bit from machine to machine.
fn log_sum_exp(biases: impl Iterator<Item = f32> + Clone) -> f32 {
    let most = biases.clone().fold(f32::NEG_INFINITY, f32::max);
    if !most.is_finite() {
        return most;
    }
    let most = f64::from(most);
    (most + ln(biases.map(|b| exp(f64::from(b) - most)).sum())) as f32
}

/// e^x for x <= 0, by its power series after halving x ten times.
fn exp(x: f64) -> f64 {
    let small = x.max(-700.0) / 1024.0;
    let mut series = 1.0;
    for n in (1..=12).rev() {
        series = 1.0 + small / f64::from(n) * series;
    }
    (0..10).fold(series, |e, _| e * e)
}

/// ln x for x >= 1: n ln 2 + 2 artanh((m - 1) / (m + 1)) with x = 2^n m, m in 1..2.
fn ln(x: f64) -> f64 {
    let (mut n, mut m) = (0.0, x);
    while m >= 2.0 {
        m /= 2.0;
        n += 1.0;
    }
    let t = (m - 1.0) / (m + 1.0);
    let mut series = 0.0;
    for k in (0..20).rev() {
        series = series * t * t + 1.0 / f64::from(2 * k + 1);
    }
    n * std::f64::consts::LN_2 + 2.0 * t * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn biases_go_by_offset() {
        let shape = WindowShape {
            height: 13,
            width: 11,
            window: 7,
            heads: 2,
        };
        let table: Vec<f32> = (0..2 * 49).map(|i| i as f32).collect();
        for (rows, columns) in [(7, 7), (6, 7), (7, 4), (6, 4), (1, 1)] {
            let class = Class::new(shape, (rows, columns), &table, None);
            for head in 0..2 {
                for query in 0..rows * columns {
                    let (whole, rest) = class.biases(head, (query / columns, query % columns));
                    let got = whole.iter().chain(rest).flatten();
                    let got = got.take(rows * columns).enumerate();
                    for (key, got) in got {
                        let y = (key / columns).abs_diff(query / columns);
                        let x = (key % columns).abs_diff(query % columns);
                        assert_eq!(*got, in_bits((head * 49 + y * 7 + x) as f32));
                    }
                    assert_eq!((whole.len() + rest.len()) * LANES, class.padded);
                }
            }
        }
    }

    #[test]
    fn logarithms_and_powers_are_exact_enough() {
        for i in 0..2000 {
            let x = f64::from(i) * 0.01;
            assert!((exp(-x) / (-x).exp() - 1.0).abs() < 1e-12);
            assert!((ln(1.0 + x) - (1.0 + x).ln()).abs() < 1e-14);
        }
        assert!(exp(-1e9) < 1e-300);
        let same = [1.5f32; 8];
        assert_eq!(log_sum_exp(same.into_iter()), (1.5 + 8f64.ln()) as f32);
    }
}
