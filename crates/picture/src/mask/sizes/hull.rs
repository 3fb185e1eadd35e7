//! Convex hulls of rows of pixels.

use super::sums::RowSpan;

/// The convex hull of pixels as squares: its corners, none on the line between its neighbours.
pub(super) struct Hull {
    corners: Vec<[f64; 2]>,
}

impl Hull {
    /// Of rows from top to bottom, each from its leftmost to its rightmost pixel (Andrew's monotone chain, Information
    /// Processing Letters 9, 1979); `pitch`: length of a column's and a row's step.
    pub fn around(rows: &[RowSpan], pitch: [f64; 2]) -> Self {
        let corners = |x: fn(&RowSpan) -> u32| {
            let both = move |row: &RowSpan| {
                [0, 1].map(|down| [i64::from(x(row)), i64::from(row.y) + down])
            };
            rows.iter().flat_map(both)
        };
        let mut left = chain(corners(|row| row.left), 1);
        let right = chain(corners(|row| row.right), -1);
        left.extend(right.into_iter().rev());
        let place = |[x, y]: [i64; 2]| [x as f64 * pitch[0], y as f64 * pitch[1]];
        Self {
            corners: left.into_iter().map(place).collect(),
        }
    }

    /// Greatest distance of two corners.
    pub fn longest(&self) -> f64 {
        let pairs = self.corners.iter().enumerate().flat_map(|(i, p)| {
            let later = self.corners.get(i + 1..).unwrap_or_default();
            later.iter().map(move |q| (p[0] - q[0]).hypot(p[1] - q[1]))
        });
        pairs.fold(0.0, f64::max)
    }

    /// Least width between a side and the corner farthest from it.
    pub fn narrowest(&self) -> f64 {
        let next = self.corners.iter().cycle().skip(1);
        let widths = self.corners.iter().zip(next).map(|(p, q)| {
            let (along, across) = (q[0] - p[0], q[1] - p[1]);
            let off = |r: &[f64; 2]| (along * (r[1] - p[1]) - across * (r[0] - p[0])).abs();
            self.corners.iter().map(off).fold(0.0, f64::max) / along.hypot(across)
        });
        let narrowest = widths.fold(f64::INFINITY, f64::min);
        if narrowest.is_finite() {
            narrowest
        } else {
            0.0
        }
    }
}

/// The corners, from top to bottom, that turn outwards: to one side (1: left, -1: right).
fn chain(corners: impl Iterator<Item = [i64; 2]>, side: i128) -> Vec<[i64; 2]> {
    let mut kept: Vec<[i64; 2]> = Vec::new();
    for corner in corners {
        while let [.., a, b] = kept.as_slice() {
            let turn = i128::from(b[0] - a[0]) * i128::from(corner[1] - a[1])
                - i128::from(b[1] - a[1]) * i128::from(corner[0] - a[0]);
            if turn * side < 0 {
                break;
            }
            kept.pop();
        }
        kept.push(corner);
    }
    kept
}
