//! Geometry.

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

    pub(super) fn check(&self) {
        assert!(self.height > 0 && self.width > 0 && self.channels > 0);
        assert!(self.stride == 1 || self.stride == 2);
    }

    /// Checks the lengths of three input rows and the output row they make.
    pub(super) fn check_row<T, U>(&self, rows: [&[T]; 3], out: &[U]) {
        assert!(
            rows.iter()
                .all(|row| row.len() == self.width * self.channels)
        );
        assert_eq!(out.len(), self.out_width() * self.channels);
    }

    /// The three input rows that row `y` of the output is made from; `outside` stands for those outside the map.
    pub(super) fn rows<'a, T>(&self, x: &'a [T], outside: &'a [T], y: usize) -> [&'a [T]; 3] {
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
    pub(super) fn inner(&self, whole: bool) -> std::ops::Range<usize> {
        let end = if self.width < 2 || !whole {
            1
        } else {
            (self.width - 2) / self.stride + 1
        };
        1..end.max(1)
    }
}
