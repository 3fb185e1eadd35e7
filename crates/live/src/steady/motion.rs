//! How a picture came out of an earlier one.

use super::explained::Explained;
use super::grid::{Between, COUNT, SMALL};
use super::luma::Luma;
use super::vectors::Vectors;

/// Share of the picture that must have changed without motion explaining it, and share of what changed: another scene.
const CUT: [f32; 2] = [0.25, 0.3];
/// Motion of less than this, in pixels of the small picture, is none: what stands still is not smeared.
const NONE: f32 = 0.03;

/// The motion between two small pictures: where each place came from, and how much of the picture that explains. Keeps
/// its memory.
#[derive(Clone, Debug, Default)]
pub struct Motion {
    vectors: Vectors,
    explained: Explained,
    back: Vectors,
}

impl Motion {
    /// Estimates the motion that made `to` of `from`.
    pub fn estimate(&mut self, from: &Luma, to: &Luma) {
        self.vectors.search(from, to);
        self.explained.measure(from, to, &mut self.vectors.each);
    }

    /// As [`Motion::estimate`], and takes for explained only what also leads back: at twice the cost, for who has nothing
    /// else to go by.
    pub fn prove(&mut self, from: &Luma, to: &Luma) {
        self.estimate(from, to);
        self.back.search(to, from);
        self.explained.agree(&self.vectors.each, &self.back.each);
    }

    /// Where a place of the picture was in the earlier one, relative to it; both in shares of width and height.
    #[must_use]
    pub fn came_from(&self, place: [f32; 2]) -> [f32; 2] {
        let [u, v] = Between::at(small(place)).vector(&self.vectors.each);
        let still = u.abs() < NONE && v.abs() < NONE;
        if still {
            [0.0; 2]
        } else {
            [u / SMALL[0] as f32, v / SMALL[1] as f32]
        }
    }

    /// How much motion explains there, 0 (nothing: what was known of the earlier picture says nothing of this one) to 1.
    #[must_use]
    pub fn explained(&self, place: [f32; 2]) -> f32 {
        Between::at(small(place)).value(&self.explained.each)
    }

    /// Whether it is another scene: much changed, and motion explains little of that.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        let Explained {
            changed,
            unexplained,
            ..
        } = &self.explained;
        *unexplained > CUT[0] && *unexplained > CUT[1] * changed
    }

    /// Share of the picture that changed, and share that changed without motion explaining it, each 0..=1.
    #[must_use]
    pub fn change(&self) -> [f32; 2] {
        [self.explained.changed, self.explained.unexplained]
    }

    /// Root mean square of the vectors, in shares of the picture's width.
    #[must_use]
    pub fn speed(&self) -> f32 {
        let squares = self.vectors.each.iter().map(|[u, v]| u * u + v * v);
        (squares.sum::<f32>() / COUNT as f32).sqrt() / SMALL[0] as f32
    }
}

/// A place, in shares of width and height, as pixels of the small picture.
fn small([x, y]: [f32; 2]) -> [f32; 2] {
    [x * SMALL[0] as f32 - 0.5, y * SMALL[1] as f32 - 0.5]
}
