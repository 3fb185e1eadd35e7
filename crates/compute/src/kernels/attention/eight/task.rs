//! A task of 8-bit window attention: some queries of one window and head.

use std::ops::Range;

use super::head::HeadBytes;
use crate::kernels::tile;
use crate::kernels::{Cpu, LANES};

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
    /// Cells in whole panels of the CPU's tiles.
    pub whole: usize,
    /// All, with padding to whole panels.
    pub padded: usize,
    /// All, with padding to what a tile sums at once.
    pub summed: usize,
}

impl WindowKeys {
    /// Of `cells`, and a token if there is one.
    pub fn new(cpu: Cpu, cells: usize, token: bool) -> Self {
        let nr = tile::i8(cpu).nr;
        let keys = cells + usize::from(token);
        Self {
            whole: cells / nr * nr,
            padded: keys.next_multiple_of(nr.max(LANES)),
            summed: keys.next_multiple_of(LANES),
        }
    }
}
