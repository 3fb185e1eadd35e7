//! The rows that are multiplied: a matrix as it lies, or the patches of a map, gathered block by block.

use std::ops::Range;

/// Where the rows that are multiplied come from.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a, T> {
    /// Row-major `[rows][k]`.
    Rows(&'a [T]),
    /// Patches of a map: row `oy * out_width + ox` holds the map's values at `(ky, kx, channel)`, of a planar map at
    /// `(channel, ky, kx)`: the order of weights, and that in which the map itself lies.
    Patches {
        /// The map.
        map: &'a [T],
        /// How patches lie in it.
        patches: &'a Patches,
        /// What lies outside the map (0, or the quantized zero).
        outside: T,
    },
}

/// Geometry of a convolution's patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patches {
    /// Rows of the map.
    pub height: usize,
    /// Columns of the map.
    pub width: usize,
    /// Channels of the map.
    pub channels: usize,
    /// Side of a patch.
    pub kernel: usize,
    /// Step between patches.
    pub stride: usize,
    /// Cells outside the map on each side.
    pub pad: usize,
    /// The map is `[channels][height][width]` (a picture), else `[height][width][channels]`.
    pub planar: bool,
}

impl Patches {
    /// Rows and columns of patches.
    ///
    /// # Panics
    /// If the kernel is larger than the padded map, or the stride 0.
    #[must_use]
    pub fn out_size(&self) -> (usize, usize) {
        let steps = |side: usize| (side + 2 * self.pad - self.kernel) / self.stride + 1;
        (steps(self.height), steps(self.width))
    }

    /// Values of a patch.
    #[must_use]
    pub fn k(&self) -> usize {
        self.kernel * self.kernel * self.channels
    }
}

impl<T: Copy> Operand<'_, T> {
    /// Number of rows of `k` values.
    ///
    /// # Panics
    /// If the data are not whole rows of `k`, or not the map that the patches are of.
    pub(super) fn rows(&self, k: usize) -> usize {
        match self {
            Operand::Rows(x) => {
                assert!(x.len().is_multiple_of(k), "rows are not of {k} values");
                x.len() / k
            }
            Operand::Patches { map, patches, .. } => {
                assert_eq!(map.len(), patches.height * patches.width * patches.channels);
                assert_eq!(k, patches.k());
                let (height, width) = patches.out_size();
                height * width
            }
        }
    }

    /// Copies `rows` of `k` values to `to`, `lda` apart, by `copy`. What lies between rows is left as it is.
    pub(super) fn gather(
        &self,
        rows: Range<usize>,
        k: usize,
        to: &mut [T],
        lda: usize,
        copy: impl Fn(&[T], &mut [T]) + Copy,
    ) {
        let to = to.chunks_mut(lda);
        match *self {
            Operand::Rows(x) => {
                for (x, to) in x[rows.start * k..rows.end * k].chunks_exact(k).zip(to) {
                    copy(x, &mut to[..k]);
                }
            }
            Operand::Patches {
                map,
                patches,
                outside,
            } => {
                let width = patches.out_size().1;
                let mut filling = [outside];
                copy(&[outside], &mut filling);
                let (lines, columns) = patches.inside();
                let small = patches.planar && patches.kernel == 3;
                let (mut y, mut x) = (rows.start / width, rows.start % width);
                for (_, to) in rows.zip(to) {
                    if small && lines.contains(&y) && columns.contains(&x) {
                        patches.gather_inside(map, (y, x), to, copy);
                    } else {
                        patches.gather(map, filling[0], (y, x), to, copy);
                    }
                    x += 1;
                    if x == width {
                        (y, x) = (y + 1, 0);
                    }
                }
            }
        }
    }
}

impl Patches {
    /// Lines and columns of the output whose patches lie wholly in the map.
    fn inside(&self) -> (Range<usize>, Range<usize>) {
        let cells = |side: usize| {
            let end = (side + self.pad).checked_sub(self.kernel);
            self.pad.div_ceil(self.stride)..end.map_or(0, |end| end / self.stride + 1)
        };
        (cells(self.height), cells(self.width))
    }

    /// One patch, that of the output cell `(y, x)`; `outside` is as `copy` makes it.
    fn gather<T: Copy>(
        &self,
        map: &[T],
        outside: T,
        (y, x): (usize, usize),
        to: &mut [T],
        copy: impl Fn(&[T], &mut [T]) + Copy,
    ) {
        // In a map with its surroundings the patch begins here; `from..till` of its columns lie in the map itself.
        let (top, left) = (y * self.stride, x * self.stride);
        let from = self.pad.saturating_sub(left).min(self.kernel);
        let right = (self.width + self.pad).saturating_sub(left);
        let till = right.clamp(from, self.kernel);
        // Where the part of the patch's row `ky` that lies in the map begins, in cells.
        let start = |ky: usize| {
            let y = top + ky;
            (from < till && (self.pad..self.height + self.pad).contains(&y))
                .then(|| (y - self.pad) * self.width + left + from - self.pad)
        };
        let fill = |run: Option<&[T]>, to: &mut [T], cell: usize| match run {
            None => to.fill(outside),
            Some(run) => {
                to[..from * cell].fill(outside);
                copy(run, &mut to[from * cell..till * cell]);
                to[till * cell..].fill(outside);
            }
        };
        if self.planar {
            let planes = map.chunks_exact(self.height * self.width);
            for (plane, to) in planes.zip(to.chunks_exact_mut(self.kernel * self.kernel)) {
                for (ky, to) in to.chunks_exact_mut(self.kernel).enumerate() {
                    fill(start(ky).map(|at| &plane[at..at + till - from]), to, 1);
                }
            }
        } else {
            let c = self.channels;
            let lines = to.chunks_exact_mut(self.kernel * c).take(self.kernel);
            for (ky, to) in lines.enumerate() {
                let run = start(ky).map(|at| &map[at * c..(at + till - from) * c]);
                fill(run, to, c);
            }
        }
    }

    /// A 3 x 3 patch that lies wholly in a planar map, that of the output cell `(y, x)`: the many small copies of a network's
    /// first layer, each of a size known to the compiler.
    #[inline]
    fn gather_inside<T: Copy>(
        &self,
        map: &[T],
        (y, x): (usize, usize),
        to: &mut [T],
        copy: impl Fn(&[T], &mut [T]) + Copy,
    ) {
        let start = (y * self.stride - self.pad) * self.width + x * self.stride - self.pad;
        let planes = map.chunks_exact(self.height * self.width);
        for (plane, to) in planes.zip(to.as_chunks_mut::<9>().0) {
            let lines = &plane[start..start + 2 * self.width + 3];
            copy(&lines[..3], &mut to[..3]);
            copy(&lines[self.width..self.width + 3], &mut to[3..6]);
            copy(&lines[2 * self.width..], &mut to[6..]);
        }
    }
}
