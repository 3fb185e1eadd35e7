use serde::Deserialize;

use super::contract::PATCH_STRIDE;

/// Pixels that neighbouring tiles share, at the encoder's scale.
pub const TILE_OVERLAP: usize = 2 * PATCH_STRIDE;
/// Most tiles per side; 64 passes of the network for one picture are already seconds on a board.
const MAX_TILES: usize = 8;

/// How often, and at what magnification, the network looks at a picture. Its maps are put together before anything is
/// thresholded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ViewsSpec {
    /// Tiles per side, each of the model's input side, overlapping by [`TILE_OVERLAP`]; 1: the whole picture at once.
    pub tiles: usize,
    /// Whether mirror images are looked at as well.
    pub mirrored: Mirrored,
}

/// Whether mirror images are looked at as well, and their maps averaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mirrored {
    /// The picture only.
    #[default]
    No,
    /// Also with left and right exchanged: 2 passes.
    Across,
    /// Also upside down, and both: 4 passes.
    Both,
}

impl Default for ViewsSpec {
    fn default() -> Self {
        Self {
            tiles: 1,
            mirrored: Mirrored::No,
        }
    }
}

impl ViewsSpec {
    /// Passes of the network for one picture.
    #[must_use]
    pub fn passes(&self) -> usize {
        let mirrored = match self.mirrored {
            Mirrored::No => 1,
            Mirrored::Across => 2,
            Mirrored::Both => 4,
        };
        self.tiles * self.tiles * mirrored
    }

    /// Side in pixels of the square from which tiles of `side` are cut: `side` + (tiles - 1) * (`side` - overlap).
    #[must_use]
    pub fn canvas(&self, side: usize) -> usize {
        side + (self.tiles.saturating_sub(1)) * side.saturating_sub(TILE_OVERLAP)
    }

    pub(super) fn check(&self, side: usize, largest: usize) -> Result<(), String> {
        let Self { tiles, .. } = *self;
        if !(1..=MAX_TILES).contains(&tiles) {
            return Err(format!(
                "views.tiles: expected 1..={MAX_TILES}, found {tiles}"
            ));
        }
        if tiles > 1 && side < 2 * TILE_OVERLAP {
            return Err(format!(
                "views.tiles: a side of {side} is too small for tiles that overlap by {TILE_OVERLAP}"
            ));
        }
        if self.canvas(side) > largest {
            return Err(format!(
                "views.tiles: {tiles} tiles of {side} span {} pixels, more than {largest}",
                self.canvas(side)
            ));
        }
        Ok(())
    }
}
