//! Along a line that somebody drew.

use super::levels::Levels;
use super::quantity::{Dimension, Quantity, Ruler};
use crate::mask::Mask;
use crate::scale::Scale;

/// A straight line over a picture, from one point to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Caliper {
    /// Each x and y, px; the top left corner of the picture is (0, 0).
    ends: [[f64; 2]; 2],
}

/// Not a line over a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a caliper is four numbers, x and y of one end and of the other, in pixels from the picture's top left corner, each 0 to {}",
    Caliper::FARTHEST
)]
pub struct BadCaliper;

/// What lies along a [`Caliper`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CaliperReading {
    /// From end to end.
    pub length: Quantity,
    /// Of that, within the mask.
    pub in_mask: Quantity,
    /// From where it first enters the mask to where it last leaves it; 0 if it does not meet it.
    pub across: Quantity,
    /// Why these are in pixels; `None` if they are in millimetres.
    pub ruler: Ruler,
}

impl Caliper {
    /// No picture is as large, px.
    pub const FARTHEST: f64 = 1e6;

    /// From one point to another.
    ///
    /// # Errors
    /// [`BadCaliper`].
    pub fn new(ends: [[f64; 2]; 2]) -> Result<Self, BadCaliper> {
        let good = |v: &f64| (0.0..=Self::FARTHEST).contains(v);
        if ends.as_flattened().iter().all(good) {
            Ok(Self { ends })
        } else {
            Err(BadCaliper)
        }
    }

    /// Whether it ends beyond a picture of this size.
    #[must_use]
    pub fn leaves(&self, size: [u32; 2]) -> bool {
        let beyond = |end: &[f64; 2]| end.iter().zip(size).any(|(at, side)| *at > f64::from(side));
        self.ends.iter().any(beyond)
    }

    /// Reads it; `levels`: of the same mask.
    #[must_use]
    pub fn read(&self, mask: &Mask, levels: Option<&Levels>, scale: &Scale) -> CaliperReading {
        let ruler = Ruler::over(self.bounding_box(), scale);
        let [from, to] = self.ends;
        let [column, row] = ruler.pitch();
        let length = ((to[0] - from[0]) * column).hypot((to[1] - from[1]) * row);
        let shares = self.shares(mask);
        let at_levels = levels.map(|levels| levels.masks().map(|mask| self.shares(mask)));
        let [in_mask, across] = [0, 1].map(|which| {
            let spread =
                at_levels.map(|at| Levels::plus_minus(at.map(|shares| shares[which] * length)));
            ruler.tell(shares[which] * length, Dimension::Length, spread)
        });
        CaliperReading {
            length: ruler.tell(length, Dimension::Length, None),
            in_mask,
            across,
            ruler,
        }
    }

    /// Smallest box of whole pixels around it; at least one pixel, as a line along pixels' sides has no width.
    fn bounding_box(&self) -> [u32; 4] {
        let span = |axis: usize| {
            let [a, b] = self.ends.map(|end| end[axis]);
            let (low, high) = (a.min(b).floor() as u32, a.max(b).ceil() as u32);
            (low, high.saturating_sub(low).max(1))
        };
        let ((x, width), (y, height)) = (span(0), span(1));
        [x, y, width, height]
    }

    /// The shares of it that lie within a mask, and between its first and last points there. A line that runs along pixels'
    /// sides counts as of those to the right of it and below.
    fn shares(&self, mask: &Mask) -> [f64; 2] {
        let [from, to] = self.ends;
        let step = [to[0] - from[0], to[1] - from[1]];
        let place = |share: f64| [0, 1].map(|axis| from[axis] + share * step[axis]);
        // Where it goes from one pixel to the next, as shares of its length.
        let mut cuts = vec![0.0, 1.0];
        for (axis, side) in mask.size().into_iter().enumerate() {
            let (low, high) = (from[axis].min(to[axis]), from[axis].max(to[axis]));
            if high > low {
                let lines = low.ceil() as u32..=high.min(f64::from(side)) as u32;
                cuts.extend(lines.map(|line| (f64::from(line) - from[axis]) / step[axis]));
            }
        }
        cuts.retain(|cut| (0.0..=1.0).contains(cut));
        cuts.sort_unstable_by(f64::total_cmp);
        let (mut within, mut first, mut last) = (0.0, None, 0.0);
        for piece in cuts.windows(2) {
            let &[start, end] = piece else { continue };
            if end > start && mask.is_target(place((start + end) / 2.0)) {
                within += end - start;
                first.get_or_insert(start);
                last = end;
            }
        }
        [within, first.map_or(0.0, |first| last - first)]
    }
}

impl std::str::FromStr for Caliper {
    type Err = BadCaliper;

    /// "10,20,110.5,20": x and y of one end, x and y of the other.
    fn from_str(text: &str) -> Result<Self, BadCaliper> {
        let numbers = text.split(',').map(|number| number.trim().parse());
        let numbers: Vec<f64> = numbers.collect::<Result<_, _>>().map_err(|_| BadCaliper)?;
        match numbers.as_slice() {
            &[ax, ay, bx, by] => Self::new([[ax, ay], [bx, by]]),
            _ => Err(BadCaliper),
        }
    }
}
