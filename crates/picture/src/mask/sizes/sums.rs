//! What runs of pixels add up to.

use crate::mask::regions::Run;

/// What is known of some pixels: all that figures are made of.
pub(super) struct PixelSums {
    /// Pixels.
    pub area: u64,
    /// Pixels whose neighbour is one of these too: to the right, below, and below to the left and to the right.
    pairs: [u64; 4],
    /// Where they are, and how far apart.
    pub spread: Spread,
    /// From top to bottom.
    pub rows: Vec<RowSpan>,
}

/// From a row's leftmost pixel to its rightmost.
pub(super) struct RowSpan {
    pub y: u32,
    pub left: u32,
    /// The column after the last.
    pub right: u32,
}

/// Centre and second central moments, pixels being squares.
pub(super) struct Spread {
    /// x and y, px; the top left corner of the picture is (0, 0).
    pub centre: [f64; 2],
    /// xx, yy, xy, px².
    second: [f64; 3],
}

impl PixelSums {
    /// Of runs from the top left, row by row; `None` of none.
    pub fn of(runs: &[Run]) -> Option<Self> {
        let (mut pairs, mut sums, mut rows) = ([0; 4], CentreSums::default(), Vec::new());
        let mut above: &[Run] = &[];
        for row in runs.chunk_by(|a, b| a.y == b.y) {
            let [first, .., last] = [row.first()?, row.last()?];
            let (y, left, right) = (first.y, first.start, last.end);
            rows.push(RowSpan { y, left, right });
            let beneath = above.first().is_some_and(|above| above.y + 1 == y);
            if beneath {
                for (pairs, shift) in pairs[1..].iter_mut().zip([0, -1, 1]) {
                    *pairs += overlap(above, row, shift);
                }
            }
            for run in row {
                pairs[0] += u64::from(run.end - run.start) - 1;
                sums.add(run);
            }
            above = row;
        }
        Some(Self {
            area: sums.count as u64,
            pairs,
            spread: sums.spread()?,
            rows,
        })
    }

    /// Smallest box around them: x, y, width, height, px.
    pub fn bounding_box(&self) -> [u32; 4] {
        let left = self.rows.iter().map(|row| row.left).min().unwrap_or(0);
        let right = self.rows.iter().map(|row| row.right).max().unwrap_or(0);
        let top = self.rows.first().map_or(0, |row| row.y);
        let bottom = self.rows.last().map_or(0, |row| row.y + 1);
        [left, top, right - left, bottom - top]
    }

    /// Length of their outlines by [`Figure::Perimeter`](super::Figure::Perimeter)'s formula; `pitch`: length of a column's
    /// and a row's step.
    pub fn perimeter(&self, [column, row]: [f64; 2]) -> f64 {
        use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};
        // A direction stands for the angles that are nearer to it than to its neighbours; its lines go through all pixels'
        // centres, so that they are an area apart for each step.
        let (diagonal, tilt) = (column.hypot(row), row.atan2(column));
        let shares = [tilt, FRAC_PI_2 - tilt, FRAC_PI_4, FRAC_PI_4];
        let steps = [column, row, diagonal, diagonal];
        let directions = self.pairs.iter().zip(shares.iter().zip(steps));
        // Who goes in comes out again: the formula's half is gone.
        let crossings =
            directions.map(|(pairs, (share, step))| (self.area - pairs) as f64 * share / step);
        crossings.sum::<f64>() * column * row
    }
}

/// Pixels of a row that lie below those of the row above, these shifted.
fn overlap(above: &[Run], row: &[Run], shift: i64) -> u64 {
    let (mut total, mut from) = (0, 0);
    for run in above {
        let (start, end) = (i64::from(run.start) + shift, i64::from(run.end) + shift);
        while row
            .get(from)
            .is_some_and(|other| i64::from(other.end) <= start)
        {
            from += 1;
        }
        let met = row
            .iter()
            .skip(from)
            .take_while(|other| i64::from(other.start) < end);
        total += met
            .map(|other| end.min(other.end.into()) - start.max(other.start.into()))
            .sum::<i64>();
    }
    total.unsigned_abs()
}

/// CentreSums over pixels' centres in halves of a pixel (odd whole numbers), so that nothing is rounded. With sides below 2³²
/// they stay below 2¹⁰¹.
#[derive(Default)]
struct CentreSums {
    count: i128,
    x: i128,
    y: i128,
    xx: i128,
    yy: i128,
    xy: i128,
}

impl CentreSums {
    fn add(&mut self, run: &Run) {
        let [start, end] = [run.start, run.end].map(i128::from);
        let (count, y) = (end - start, 2 * i128::from(run.y) + 1);
        let x = count * (start + end);
        // 1² + 3² + … + (2n - 1)² = n (4n² - 1) / 3.
        let squares = |n: i128| n * (4 * n * n - 1) / 3;
        self.count += count;
        self.x += x;
        self.y += count * y;
        self.xx += squares(end) - squares(start);
        self.yy += count * y * y;
        self.xy += x * y;
    }

    fn spread(&self) -> Option<Spread> {
        let [x, y] = [self.x, self.y].map(|sum| sum.checked_div(self.count));
        let (x, y) = (x?, y?);
        let mean = |sum: i128| sum as f64 / self.count as f64;
        // About whole numbers next to the centre, to lose no digits to the distance from the picture's corner.
        let off = [mean(self.x - self.count * x), mean(self.y - self.count * y)];
        let about = |pq: i128, p: [i128; 2], q: [i128; 2]| {
            mean(pq - p[1] * q[0] - q[1] * p[0] + self.count * p[1] * q[1])
        };
        let (x, y) = ([self.x, x], [self.y, y]);
        let second = [
            about(self.xx, x, x) - off[0] * off[0],
            about(self.yy, y, y) - off[1] * off[1],
            about(self.xy, x, y) - off[0] * off[1],
        ];
        let [xx, yy, xy] = second.map(|halves| halves / 4.0);
        Some(Spread {
            centre: [mean(self.x) / 2.0, mean(self.y) / 2.0],
            second: [xx + 1.0 / 12.0, yy + 1.0 / 12.0, xy],
        })
    }
}

impl Spread {
    /// xx, yy, xy where a column's and a row's step have these lengths.
    pub fn scaled(&self, [column, row]: [f64; 2]) -> [f64; 3] {
        let [xx, yy, xy] = self.second;
        [xx * column * column, yy * row * row, xy * column * row]
    }
}
