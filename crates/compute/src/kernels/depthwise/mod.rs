//! Depthwise 3 x 3 convolutions with one cell of padding, float and 8-bit: `out[y][x][c] = Σ w[c][ky][kx] ·
//! in[y · stride + ky - 1][x · stride + kx - 1][c]`, real 0 outside the map.
//!
//! A task is one row of the output. Rows above and below the map are read from a constant row, so that only the first
//! and the last columns need care. `run` allocates nothing: sums stay in registers.

#![allow(unsafe_code)]

mod float;
mod int8;
#[cfg(test)]
mod tests;

pub use float::DepthwiseF32;
pub use int8::DepthwiseI8;

/// Geometry of a depthwise convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthwiseShape {
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// 1 or 2.
    pub stride: usize,
}

impl DepthwiseShape {
    /// Rows of the output.
    #[must_use]
    pub fn out_height(&self) -> usize {
        (self.height - 1) / self.stride + 1
    }

    /// Columns of the output.
    #[must_use]
    pub fn out_width(&self) -> usize {
        (self.width - 1) / self.stride + 1
    }

    fn check(&self) {
        assert!(self.height > 0 && self.width > 0 && self.channels > 0);
        assert!(self.stride == 1 || self.stride == 2);
    }

    /// Checks the lengths of three input rows and the output row they make.
    fn check_row<T, U>(&self, rows: [&[T]; 3], out: &[U]) {
        assert!(
            rows.iter()
                .all(|row| row.len() == self.width * self.channels)
        );
        assert_eq!(out.len(), self.out_width() * self.channels);
    }

    /// The three input rows that row `y` of the output is made from; `outside` stands for those outside the map.
    fn rows<'a, T>(&self, x: &'a [T], outside: &'a [T], y: usize) -> [&'a [T]; 3] {
        let len = self.width * self.channels;
        std::array::from_fn(|ky| {
            let row = (y * self.stride + ky).wrapping_sub(1);
            if row < self.height {
                &x[row * len..(row + 1) * len]
            } else {
                outside
            }
        })
    }

    /// The output columns whose nine input cells all lie inside the map's width; none if just a part of a vector's
    /// channels exists, so that `inner_cells` may read whole ones.
    fn inner(&self, whole: bool) -> std::ops::Range<usize> {
        let end = if self.width < 2 || !whole {
            1
        } else {
            (self.width - 2) / self.stride + 1
        };
        1..end.max(1)
    }
}

/// Weights `[channels][9]` as panels `[channels / N][9][N]`, filled up with `T::default()`.
fn panels<const N: usize, T: Copy + Default>(weight: &[T]) -> Vec<[[T; N]; 9]> {
    let mut panels = vec![[[T::default(); N]; 9]; (weight.len() / 9).div_ceil(N)];
    for (c, taps) in weight.chunks_exact(9).enumerate() {
        for (tap, w) in taps.iter().enumerate() {
            panels[c / N][tap][c % N] = *w;
        }
    }
    panels
}

/// `values` in vectors of `N`, filled up with `T::default()`.
fn vectors<const N: usize, T: Copy + Default>(values: &[T]) -> Vec<[T; N]> {
    let mut vectors = vec![[T::default(); N]; values.len().div_ceil(N)];
    for (c, value) in values.iter().enumerate() {
        vectors[c / N][c % N] = *value;
    }
    vectors
}

/// `count` values from `x[at]` on, the rest `T::default()`.
#[inline(always)]
fn load_some<const N: usize, T: Copy + Default>(x: &[T], at: usize, count: usize) -> [T; N] {
    let mut vector = [T::default(); N];
    vector[..count].copy_from_slice(&x[at..at + count]);
    vector
}

/// The nine input cells, `N` channels of each from `first` on, of an inner output column `x`.
#[inline(always)]
fn inner_cells<const N: usize, T: Copy + Default>(
    shape: DepthwiseShape,
    rows: [&[T]; 3],
    x: usize,
    first: usize,
) -> [[T; N]; 9] {
    let mut cells = [[T::default(); N]; 9];
    let at = (x * shape.stride - 1) * shape.channels + first;
    let end = at + 2 * shape.channels + N;
    for ky in 0..3 {
        assert!(end <= rows[ky].len());
        for kx in 0..3 {
            // SAFETY: just checked for the last of the three; any T's address may hold an array of them.
            cells[3 * ky + kx] = unsafe {
                let start = rows[ky].as_ptr().add(at).add(kx * shape.channels);
                start.cast::<[T; N]>().read()
            };
        }
    }
    cells
}

/// The same for any column and for `count` channels, the rest `T::default()`; cells beside the map come from `outside`.
#[inline(always)]
fn edge_cells<const N: usize, T: Copy + Default>(
    shape: DepthwiseShape,
    rows: [&[T]; 3],
    outside: &[T],
    x: usize,
    (first, count): (usize, usize),
) -> [[T; N]; 9] {
    let mut cells = [[T::default(); N]; 9];
    for tap in 0..9 {
        let column = (x * shape.stride + tap % 3).wrapping_sub(1);
        cells[tap] = if column < shape.width {
            load_some(rows[tap / 3], column * shape.channels + first, count)
        } else {
            load_some(outside, first, count)
        };
    }
    cells
}
