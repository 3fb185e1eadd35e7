//! Where finished tiles go.

use crate::kernels::{Quant, SharedSlice};

/// Where finished tiles go: to rows `row - first` of a matrix of `n` columns.
#[derive(Clone, Copy)]
pub(super) struct TileTarget<'a> {
    pub(super) out: Sink<'a>,
    pub(super) first: usize,
    pub(super) n: usize,
}

#[derive(Clone, Copy)]
pub(super) enum Sink<'a> {
    F32(SharedSlice<'a, f32>),
    U8(Quant, SharedSlice<'a, u8>),
}

impl Sink<'_> {
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Sink::F32(out) => out.len(),
            Sink::U8(_, out) => out.len(),
        }
    }
}

/// A tile's place in a matrix.
#[derive(Clone, Copy)]
pub(super) struct TilePlace {
    /// Where the tile's first row begins.
    pub(super) start: usize,
    /// Distance of rows.
    pub(super) n: usize,
    /// Distance of the tile's own rows.
    pub(super) nr: usize,
}

impl TilePlace {
    /// Where column `c` of row `r` is; overflow would be caught by the bounds of what is there.
    #[inline(always)]
    pub(super) fn at(self, r: usize, c: usize) -> usize {
        r.wrapping_mul(self.n)
            .wrapping_add(self.start)
            .wrapping_add(c)
    }

    /// Whether its first `rows` rows end within `len`.
    #[inline]
    pub(super) fn ends_by(self, rows: usize, len: usize) -> bool {
        rows == 0 || self.start + (rows - 1) * self.n + self.nr <= len
    }

    /// The same tile in memory of its own.
    #[inline]
    pub(super) fn aside(self) -> Self {
        Self {
            start: 0,
            n: self.nr,
            nr: self.nr,
        }
    }
}
