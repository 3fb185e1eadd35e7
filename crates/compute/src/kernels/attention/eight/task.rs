//! A task of 8-bit window attention: some queries of one window and head.

use std::ops::Range;

use super::head::HeadBytes;
use crate::kernels::Cpu;
use crate::kernels::tile::window::{GROUP, WindowTile};

/// What a task does.
pub struct ByteTask<'a> {
    /// Instructions to use.
    pub cpu: Cpu,
    /// The head.
    pub head: &'a HeadBytes,
    /// Side of the window.
    pub window: usize,
    /// Rows and columns of its cells inside the map.
    pub rows: usize,
    /// As `rows`.
    pub columns: usize,
    /// Which of these cells ask.
    pub queries: Range<usize>,
    /// Row and column of the window's first cell in the map.
    pub place: (usize, usize),
    /// Columns of the map.
    pub width: usize,
    /// Number of the head, and how many there are.
    pub at: (usize, usize),
    /// How keys are laid out.
    pub keys: WindowKeys,
}

impl ByteTask<'_> {
    /// Where a cell of the window stands in `[height * width][heads]`.
    #[inline(always)]
    pub fn row(&self, (y, x): (usize, usize)) -> usize {
        ((self.place.0 + y) * self.width + self.place.1 + x) * self.at.1 + self.at.0
    }
}

/// Keys of a window.
#[derive(Clone, Copy, Debug)]
pub struct WindowKeys {
    /// Cells in whole vectors of scores.
    pub whole: usize,
    /// All, with padding to whole vectors of scores.
    pub padded: usize,
    /// All, with padding to what products with values sum at once.
    pub summed: usize,
    /// All, with padding to what weights are found for at once.
    pub row: usize,
}

impl WindowKeys {
    /// Of `cells`, and a token if there is one.
    pub fn new(tile: &WindowTile, cells: usize, token: bool) -> Self {
        let keys = cells + usize::from(token);
        Self {
            whole: cells / tile.nr * tile.nr,
            padded: keys.next_multiple_of(tile.nr),
            summed: keys.next_multiple_of(2 * GROUP),
            row: keys.next_multiple_of(tile.row),
        }
    }
}
