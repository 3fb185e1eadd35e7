//! What several views of one picture say of whether anything is there → one logit of the whole.

use super::view::View;

/// The mean over a tile's mirror images, which show the same; the largest over tiles, as what is in one of them is in the
/// picture.
#[derive(Clone, Debug, Default)]
pub struct PresenceBlend {
    /// The corner of the tile whose mirror images come in, the sum of what they say, and how many said it.
    tile: Option<([usize; 2], f32, f32)>,
    /// The largest of the tiles before.
    largest: Option<f32>,
}

impl PresenceBlend {
    /// Adds what one view says, a finite number; views come in their order ([`super::Views::each`]).
    pub fn add(&mut self, view: View, logit: f32) {
        let corner = [view.left, view.top];
        match &mut self.tile {
            Some((known, sum, count)) if *known == corner => {
                *sum += logit;
                *count += 1.0;
            }
            _ => {
                self.largest = self.finish();
                self.tile = Some((corner, logit, 1.0));
            }
        }
    }

    /// Of the views so far; `None` if none said anything.
    #[must_use]
    pub fn finish(&self) -> Option<f32> {
        let last = self.tile.map(|(_, sum, count)| sum / count);
        [self.largest, last].into_iter().flatten().reduce(f32::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Mirrored, ViewsSpec};
    use crate::views::Views;

    fn blended(tiles: usize, mirrored: Mirrored, said: &[f32]) -> Option<f32> {
        let views = Views::of(ViewsSpec { tiles, mirrored }, 224);
        let mut blend = PresenceBlend::default();
        assert_eq!(views.each().count(), said.len());
        for (view, logit) in views.each().zip(said) {
            blend.add(view, *logit);
        }
        blend.finish()
    }

    #[test]
    fn mirror_images_are_averaged_and_of_tiles_the_largest_counts() {
        assert_eq!(blended(1, Mirrored::No, &[-3.0]), Some(-3.0));
        assert_eq!(blended(1, Mirrored::Across, &[-3.0, 1.0]), Some(-1.0));
        assert_eq!(
            blended(1, Mirrored::Both, &[4.0, 0.0, 0.0, -2.0]),
            Some(0.5)
        );
        assert_eq!(
            blended(2, Mirrored::No, &[-5.0, -9.0, 2.5, -7.0]),
            Some(2.5)
        );
        assert_eq!(
            blended(2, Mirrored::No, &[-5.0, -9.0, -7.0, -4.0]),
            Some(-4.0)
        );
        // A view that alone is sure does not outweigh its mirror image: the tiles' means are -1, 0, -4 and -1.
        let said = [3.0, -5.0, 1.0, -1.0, -4.0, -4.0, 0.0, -2.0];
        assert_eq!(blended(2, Mirrored::Across, &said), Some(0.0));
        assert_eq!(PresenceBlend::default().finish(), None);
    }
}
