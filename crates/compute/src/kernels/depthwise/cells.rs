//! Weights and cells in vectors of channels.

#![allow(unsafe_code)]

use super::shape::DepthwiseShape;

/// Weights `[channels][9]` as panels `[channels / N][9][N]`, filled up with `T::default()`.
pub(super) fn panels<const N: usize, T: Copy + Default>(weight: &[T]) -> Vec<[[T; N]; 9]> {
    let mut panels = vec![[[T::default(); N]; 9]; (weight.len() / 9).div_ceil(N)];
    for (c, taps) in weight.chunks_exact(9).enumerate() {
        for (tap, w) in taps.iter().enumerate() {
            panels[c / N][tap][c % N] = *w;
        }
    }
    panels
}

/// `values` in vectors of `N`, filled up with `T::default()`.
pub(super) fn vectors<const N: usize, T: Copy + Default>(values: &[T]) -> Vec<[T; N]> {
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
pub(super) fn inner_cells<const N: usize, T: Copy + Default>(
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
pub(super) fn edge_cells<const N: usize, T: Copy + Default>(
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
