//! One picture as several: overlapping tiles of an enlarged one, and mirror images.

use std::borrow::Cow;

use crate::manifest::{Mirrored, TILE_OVERLAP, ViewsSpec};
use crate::preprocess::Image;

/// The views of one model's modality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Views {
    spec: ViewsSpec,
    /// The model's input side.
    side: usize,
}

/// One of them: where it lies on the canvas, in pixels, and which ways it is mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Leftmost column.
    pub left: usize,
    /// Topmost row.
    pub top: usize,
    /// Left and right are exchanged.
    pub across: bool,
    /// Top and bottom are exchanged.
    pub down: bool,
}

impl Views {
    /// Of a modality as its manifest says, for a model of this input side.
    #[must_use]
    pub fn of(spec: ViewsSpec, side: usize) -> Self {
        Self { spec, side }
    }

    /// Pixels per side of one view: the model's input.
    #[must_use]
    pub fn side(&self) -> usize {
        self.side
    }

    /// Pixels per side of the square that the picture is squashed to before views are cut from it.
    #[must_use]
    pub fn canvas(&self) -> usize {
        self.spec.canvas(self.side)
    }

    /// Pixels that neighbouring tiles share.
    #[must_use]
    pub fn overlap(&self) -> usize {
        TILE_OVERLAP
    }

    /// Whether the one view is the picture itself.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.spec.passes() == 1
    }

    /// All of them: tiles row by row, each followed by its mirror images.
    pub fn each(&self) -> impl Iterator<Item = View> + use<> {
        let step = self.side.saturating_sub(TILE_OVERLAP);
        let tiles = self.spec.tiles;
        let mirrors: &[(bool, bool)] = match self.spec.mirrored {
            Mirrored::No => &[(false, false)],
            Mirrored::Across => &[(false, false), (true, false)],
            Mirrored::Both => &[(false, false), (true, false), (false, true), (true, true)],
        };
        (0..tiles * tiles).flat_map(move |tile| {
            mirrors.iter().map(move |&(across, down)| View {
                left: tile % tiles * step,
                top: tile / tiles * step,
                across,
                down,
            })
        })
    }
}

impl View {
    /// This view of the canvas, `side` pixels per side; the canvas itself where that is what it shows.
    #[must_use]
    pub fn cut<'a>(&self, canvas: &'a Image, side: usize) -> Cow<'a, Image> {
        let whole = canvas.side == side && (self.left, self.top) == (0, 0);
        if whole && !self.across && !self.down {
            return Cow::Borrowed(canvas);
        }
        let mut chw = Vec::with_capacity(3 * side * side);
        for plane in canvas.chw.chunks_exact(canvas.side * canvas.side) {
            for y in 0..side {
                let row = if self.down { side - 1 - y } else { y } + self.top;
                let row = &plane[row * canvas.side + self.left..][..side];
                if self.across {
                    chw.extend(row.iter().rev());
                } else {
                    chw.extend_from_slice(row);
                }
            }
        }
        Cow::Owned(Image { side, chw })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canvas(side: usize) -> Image {
        let chw = (0..3 * side * side).map(|i| i as f32).collect();
        Image { side, chw }
    }

    fn views(tiles: usize, mirrored: Mirrored, side: usize) -> Views {
        Views::of(ViewsSpec { tiles, mirrored }, side)
    }

    #[test]
    fn a_plain_view_is_the_picture_itself_uncopied() {
        let views = views(1, Mirrored::No, 224);
        assert_eq!((views.canvas(), views.is_plain()), (224, true));
        let all: Vec<View> = views.each().collect();
        assert_eq!(all.len(), 1);
        assert!(matches!(all[0].cut(&canvas(224), 224), Cow::Borrowed(_)));
    }

    #[test]
    fn tiles_cover_the_canvas_and_overlap_by_64() {
        let views = views(3, Mirrored::No, 224);
        assert_eq!(views.canvas(), 224 + 2 * 160);
        let corners: Vec<_> = views.each().map(|v| (v.left, v.top)).collect();
        assert_eq!(corners[..4], [(0, 0), (160, 0), (320, 0), (0, 160)]);
        assert_eq!(corners.len(), 9);
        assert_eq!(corners[8].0 + 224, views.canvas());
    }

    #[test]
    fn a_cut_holds_the_pixels_of_its_place() {
        let canvas = canvas(4);
        let view = View {
            left: 2,
            top: 1,
            across: false,
            down: false,
        };
        assert_eq!(view.cut(&canvas, 2).chw[..4], [6.0, 7.0, 10.0, 11.0]);
        assert_eq!(
            view.cut(&canvas, 2).chw[8..],
            [38.0, 39.0, 42.0, 43.0],
            "the third channel begins at 32"
        );
    }

    #[test]
    fn mirrors_exchange_columns_rows_and_both() {
        let cut = |view: View| view.cut(&canvas(2), 2).chw[..4].to_vec();
        let all: Vec<_> = views(1, Mirrored::Both, 2).each().map(cut).collect();
        let expected = [
            [0.0, 1.0, 2.0, 3.0],
            [1.0, 0.0, 3.0, 2.0],
            [2.0, 3.0, 0.0, 1.0],
            [3.0, 2.0, 1.0, 0.0],
        ];
        assert_eq!(all, expected);
        assert_eq!(views(1, Mirrored::Across, 2).each().count(), 2);
    }
}
