//! Low-resolution logits → a binary [`Mask`] at the frame's own size, and what is measured on it.

pub mod agreement;
pub mod confidence;
pub mod ellipse;
mod logits;
pub mod measure;
pub mod polygons;
pub mod presence;
mod probability;
pub mod regions;
pub mod rle;
pub mod sizes;
mod upsample;
pub mod warnings;

pub use logits::LogitMap;
pub use probability::probabilities;
pub use upsample::{Upsampled, upsample};

use crate::frame::PixelRect;

/// A binary mask at the size and orientation of its frame: at least one pixel, each 0 (background) or 255 (target).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    width: u32,
    height: u32,
    /// Row-major.
    pixels: Vec<u8>,
}

/// Why there is no mask.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// A map of logits that is not square, or empty.
    #[error("{len} logits are no map of {side}x{side}")]
    NotSquare {
        /// Cells per side, as stated.
        side: usize,
        /// Values given.
        len: usize,
    },
    /// A logit that says nothing: the model, or its input, is broken.
    #[error("the logit at row {row}, column {column} is not a finite number")]
    NotFinite {
        /// Row in the low-resolution map.
        row: usize,
        /// Column in the low-resolution map.
        column: usize,
    },
    /// No pixels, or more than memory can address.
    #[error("a mask cannot have {width}x{height} pixels")]
    BadSize {
        /// Width asked for.
        width: u32,
        /// Height asked for.
        height: u32,
    },
    /// Pixels that do not fill their size, or are neither 0 nor 255.
    #[error("these are not the pixels of a {width}x{height} mask")]
    BadPixels {
        /// Width as stated.
        width: u32,
        /// Height as stated.
        height: u32,
    },
    /// Run lengths that do not fill the picture, or a string that is not COCO's.
    #[error("not a run-length encoding of the stated size")]
    BadRle,
}

impl Mask {
    /// A mask without target.
    ///
    /// # Errors
    /// [`MaskError::BadSize`] if a side is 0 or the pixels cannot be counted in 32 bits, as COCO's
    /// run lengths and the polygon tracer do.
    pub fn empty(width: u32, height: u32) -> Result<Self, MaskError> {
        Ok(Self {
            width,
            height,
            pixels: vec![0; pixel_count(width, height)?],
        })
    }

    /// A mask of these pixels, row-major, each 0 (background) or 255 (target).
    ///
    /// # Errors
    /// [`MaskError::BadSize`] as of [`Mask::empty`]; [`MaskError::BadPixels`] if they do not fill the size, or have other
    /// values.
    pub fn new(width: u32, height: u32, pixels: Vec<u8>) -> Result<Self, MaskError> {
        let expected = pixel_count(width, height)?;
        if pixels.len() != expected || !pixels.iter().all(|pixel| matches!(pixel, 0 | 255)) {
            return Err(MaskError::BadPixels { width, height });
        }
        Ok(Self {
            width,
            height,
            pixels,
        })
    }

    /// This mask of a part of a picture as one of the whole, of width and height `size`; beside the part it is empty.
    ///
    /// # Errors
    /// [`MaskError::BadPixels`] where it does not fill `part`, or that does not lie within the picture.
    pub fn placed(&self, part: PixelRect, size: [u32; 2]) -> Result<Self, MaskError> {
        let [width, height] = size;
        if part.check(size).is_err() || [part.width, part.height] != self.size() {
            return Err(MaskError::BadPixels { width, height });
        }
        let mut whole = Self::empty(width, height)?;
        let (x, columns) = (part.x as usize, part.width as usize);
        let rows = whole.pixels.chunks_exact_mut(width as usize);
        for (to, from) in rows.skip(part.y as usize).zip(self.rows()) {
            to[x..x + columns].copy_from_slice(from);
        }
        Ok(whole)
    }

    /// Takes the target away.
    pub fn clear(&mut self) {
        self.pixels.fill(0);
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> [u32; 2] {
        [self.width, self.height]
    }

    /// `width * height` values, row-major, 0 (background) or 255 (target).
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// As [`Mask::pixels`], for who needs the mask no more.
    #[must_use]
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    /// Whether the pixel is target that a point (x, y, px) lies in; the top left corner of the mask is (0, 0). Beyond the
    /// mask there is none.
    #[must_use]
    pub fn is_target(&self, point: [f64; 2]) -> bool {
        let inside = |at: f64, side: u32| at >= 0.0 && at < f64::from(side);
        let [x, y] = point;
        inside(x, self.width)
            && inside(y, self.height)
            && self.pixels[y as usize * self.width as usize + x as usize] != 0
    }

    /// The rows from top to bottom.
    pub fn rows(&self) -> std::slice::ChunksExact<'_, u8> {
        self.pixels.chunks_exact(self.width.max(1) as usize)
    }
}

fn pixel_count(width: u32, height: u32) -> Result<usize, MaskError> {
    let pixels = width.checked_mul(height).filter(|pixels| *pixels > 0);
    let pixels = pixels.ok_or(MaskError::BadSize { width, height })?;
    Ok(pixels as usize)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::Mask;

    /// A mask drawn as text: `#` is target.
    pub fn drawn(rows: &[&str]) -> Mask {
        let pixels = rows
            .iter()
            .flat_map(|r| r.bytes().map(|b| if b == b'#' { 255 } else { 0 }))
            .collect();
        Mask {
            width: rows[0].len() as u32,
            height: rows.len() as u32,
            pixels,
        }
    }

    /// Noise (all the corner cases of topology) and blobs (what models give), up to 24 × 24.
    pub fn any_mask() -> impl Strategy<Value = Mask> {
        let noise = (1_u32..24, 1_u32..24, 0_u8..=4).prop_flat_map(|(width, height, density)| {
            prop::collection::vec(0_u8..4, (width * height) as usize).prop_map(move |noise| {
                let pixels = noise
                    .iter()
                    .map(|v| if *v < density { 255 } else { 0 })
                    .collect();
                Mask {
                    width,
                    height,
                    pixels,
                }
            })
        });
        let blobs = (
            1_u32..24,
            1_u32..24,
            prop::collection::vec((0_i32..24, 0_i32..24, 1_i32..9), 0..4),
        )
            .prop_map(|(width, height, discs)| {
                let inside = |x: i32, y: i32| {
                    discs
                        .iter()
                        .filter(|(u, v, r)| (x - u).pow(2) + (y - v).pow(2) <= r * r)
                        .count()
                        % 2
                        == 1
                };
                let pixels = (0..height as i32)
                    .flat_map(|y| (0..width as i32).map(move |x| (x, y)))
                    .map(|(x, y)| if inside(x, y) { 255 } else { 0 })
                    .collect();
                Mask {
                    width,
                    height,
                    pixels,
                }
            });
        prop_oneof![noise, blobs]
    }

    /// The 4-connected regions by flood filling, each as a mask of its own, in the order of their first pixels.
    pub fn regions_by_flooding(mask: &Mask) -> Vec<Vec<u8>> {
        let (width, height) = (mask.width as i64, mask.height as i64);
        let mut left = mask.pixels.clone();
        let mut regions = Vec::new();
        while let Some(seed) = left.iter().position(|p| *p != 0) {
            let mut region = vec![0; left.len()];
            let mut open = vec![seed as i64];
            while let Some(at) = open.pop() {
                if std::mem::take(&mut left[at as usize]) == 0 {
                    continue;
                }
                region[at as usize] = 255;
                let (x, y) = (at % width, at / width);
                for (x, y) in [(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)] {
                    if (0..width).contains(&x) && (0..height).contains(&y) {
                        open.push(y * width + x);
                    }
                }
            }
            regions.push(region);
        }
        regions
    }

    #[test]
    fn sizes_without_pixels_or_beyond_counting_are_refused() {
        for (width, height) in [(0, 5), (5, 0), (u32::MAX, 2), (70_000, 70_000)] {
            assert!(Mask::empty(width, height).is_err(), "{width}x{height}");
        }
    }
}
