//! The target's shape.

use picture::mask::{Mask, MaskError};

/// An ellipse that may be lopsided: all points with `level ≤ 1`, where
/// `level = u² + v² + skew · (u³ − 3uv²)` and u, v are along its axes in units of its radii.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outline {
    /// Centre, pixels.
    pub centre: [f32; 2],
    /// Radii, pixels.
    pub radii: [f32; 2],
    /// Cosine and sine of its turn.
    pub turn: [f32; 2],
    /// How three-cornered it is, |skew| ≤ 0.2.
    pub skew: f32,
}

/// The stretch of a row that an outline touches, and u, v along it.
pub(super) struct Stretch {
    /// Columns, within the row.
    pub columns: std::ops::Range<usize>,
    /// u, v at the first of these columns.
    pub start: [f32; 2],
    /// What u, v grow by with each column.
    pub step: [f32; 2],
    /// Where a texture that moves with the outline begins at the first of these columns, pixels.
    pub origin: [f32; 2],
    skew: f32,
}

impl Outline {
    /// Beyond so many radii (as a box around the turned ellipse) nothing is said of the level.
    const REACH: f32 = 1.4;

    /// The row `y` as far as the outline's surroundings reach in it; `None` where they do not.
    pub fn stretch(&self, y: usize, width: usize) -> Option<Stretch> {
        let reach = Self::REACH * self.radii[0].max(self.radii[1]);
        let down = y as f32 - self.centre[1];
        if down.abs() > reach {
            return None;
        }
        let first = (self.centre[0] - reach).clamp(0.0, width as f32) as usize;
        let last = (self.centre[0] + reach).clamp(0.0, width as f32) as usize;
        let across = first as f32 - self.centre[0];
        let ([cos, sin], [a, b]) = (self.turn, self.radii);
        (first < last).then_some(Stretch {
            columns: first..last,
            start: [
                (across * cos + down * sin) / a,
                (down * cos - across * sin) / b,
            ],
            step: [cos / a, -sin / b],
            origin: [across + reach, reach - self.centre[1]],
            skew: self.skew,
        })
    }

    /// Its pixels: those whose centre it holds.
    pub fn mask(&self, size: [u32; 2]) -> Result<Mask, MaskError> {
        let [width, height] = size;
        let mut pixels = Mask::empty(width, height)?.into_pixels();
        for (y, row) in pixels.chunks_exact_mut(width as usize).enumerate() {
            if let Some(stretch) = self.stretch(y, row.len()) {
                let columns = stretch.columns.clone();
                for (pixel, uv) in row[columns].iter_mut().zip(stretch.places()) {
                    *pixel = if stretch.level(uv) <= 1.0 { 255 } else { 0 };
                }
            }
        }
        Mask::new(width, height, pixels)
    }
}

impl Stretch {
    /// u, v at each of its columns.
    pub fn places(&self) -> impl Iterator<Item = [f32; 2]> + use<> {
        let (start, step, columns) = (self.start, self.step, self.columns.len());
        (0..columns).map(move |i| [start[0] + step[0] * i as f32, start[1] + step[1] * i as f32])
    }

    /// 0 in the middle, 1 on the outline; well beyond it, 4 at least.
    pub fn level(&self, [u, v]: [f32; 2]) -> f32 {
        let square = u * u + v * v;
        let level = square + self.skew * u * (u * u - 3.0 * v * v);
        // The cubic term would come back to 1 far away.
        if square > 4.0 { square } else { level }
    }
}
