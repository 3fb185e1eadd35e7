//! How a picture came out of an earlier one.

use super::explained::Explained;
use super::grid::{Between, SMALL};
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
        self.explained.measure(from, to, &self.vectors.each);
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
}

/// A place, in shares of width and height, as pixels of the small picture.
fn small([x, y]: [f32; 2]) -> [f32; 2] {
    [x * SMALL[0] as f32 - 0.5, y * SMALL[1] as f32 - 0.5]
}

#[cfg(test)]
mod tests {
    use picture::frame::Frame;
    use proptest::prelude::*;

    use super::*;

    /// A value for each whole place, by chance.
    fn chance(x: i32, y: i32) -> f32 {
        let mut bits = (x as u32).wrapping_mul(0x9e37_79b9) ^ (y as u32).wrapping_mul(0x85eb_ca6b);
        bits = (bits ^ (bits >> 15)).wrapping_mul(0x2c1b_3c6d);
        ((bits ^ (bits >> 13)) % 1000) as f32 / 1000.0
    }

    /// Clouds of about so many pixels, 0..1.
    fn clouds(x: f32, y: f32, size: f32) -> f32 {
        let (x, y) = (x / size, y / size);
        let [u, v] = [x, y]
            .map(|at| at.rem_euclid(1.0))
            .map(|t| t * t * (3.0 - 2.0 * t));
        let (i, j) = (x.floor() as i32, y.floor() as i32);
        let mix = |j: i32| chance(i, j) * (1.0 - u) + chance(i + 1, j) * u;
        mix(j) * (1.0 - v) + mix(j + 1) * v
    }

    /// A picture moved so far, pixels.
    fn luma(size: [u32; 2], [dx, dy]: [f32; 2], level: f32) -> Luma {
        let value = |x: u32, y: u32| {
            let (x, y) = (x as f32 - dx, y as f32 - dy);
            (level + 60.0 * clouds(x, y, 37.0) + 40.0 * clouds(y, x, 90.0)) as u8
        };
        let [width, height] = size;
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let rgb = pixels.flat_map(|(x, y)| [value(x, y); 3]).collect();
        let mut luma = Luma::default();
        luma.take(&Frame::new(width, height, rgb).unwrap());
        luma
    }

    fn places() -> impl Iterator<Item = [f32; 2]> {
        (3..8).flat_map(|y| (3..8).map(move |x| [x as f32 / 10.0, y as f32 / 10.0]))
    }

    #[test]
    fn a_moved_picture_came_from_where_it_was() {
        let mut motion = Motion::default();
        let at_rest = luma([640, 480], [0.0; 2], 60.0);
        for [dx, dy] in [
            [0.0, 0.0],
            [3.0, -2.0],
            [1.0, 0.5],
            [-14.0, 9.0],
            [40.0, 22.0],
        ] {
            motion.prove(&at_rest, &luma([640, 480], [dx, dy], 60.0));
            for place in places() {
                let [u, v] = motion.came_from(place);
                let error = (u * 640.0 + dx).hypot(v * 480.0 + dy);
                assert!(
                    error < dx.hypot(dy).max(12.0) / 12.0,
                    "{dx} {dy} at {place:?}: {error} px"
                );
                assert!(motion.explained(place) > 0.9, "{dx} {dy} at {place:?}");
            }
            assert!(!motion.is_cut());
        }
    }

    #[test]
    fn what_is_brighter_by_far_is_not_explained() {
        let mut motion = Motion::default();
        motion.estimate(
            &luma([640, 480], [0.0; 2], 20.0),
            &luma([640, 480], [0.0; 2], 140.0),
        );
        for place in places() {
            assert!(
                motion.explained(place) < 0.1,
                "{place:?}: {}",
                motion.explained(place)
            );
        }
        assert!(motion.is_cut());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_two_pictures_can_be_compared(
            sizes in prop::array::uniform2((1_u32..300, 1_u32..300)),
            samples in prop::collection::vec(any::<u8>(), 1..64),
        ) {
            let [from, to] = sizes.map(|(width, height)| {
                let samples = samples.iter().copied().cycle().take((3 * width * height) as usize);
                let mut luma = Luma::default();
                luma.take(&Frame::new(width, height, samples.collect()).unwrap());
                luma
            });
            let mut motion = Motion::default();
            motion.prove(&from, &to);
            for place in [[0.0, 0.0], [1.0, 1.0], [0.5, 0.25], [-9.0, 9.0]] {
                prop_assert!((0.0..=1.0).contains(&motion.explained(place)));
                prop_assert!(motion.came_from(place).iter().all(|shift| shift.abs() < 1.0));
            }
        }
    }
}
