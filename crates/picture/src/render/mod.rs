//! Masks → pictures for people: overlay, mask PNG, patch-prompt map.

use std::error::Error;

mod banner;
mod brush;
mod contour;
pub mod jpeg;
mod letters;
pub mod nifti;
mod notice;
pub mod npy;
mod overlay;
mod png;
mod region;
mod shrink;

pub use banner::{Banner, Tone, burn_banner, card};
pub use jpeg::{Chroma, JpegEncoder, encode_jpeg, fits_jpeg};
pub use notice::Doubt;
pub use overlay::{OverlayPen, OverlayStyle, overlay, patch_overlay};
pub use png::{encode_png, mask_png};
pub use region::mark_region;
pub use shrink::Shrinker;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A mask is to be drawn on a picture of another size.
    #[error("a mask of {}x{} pixels does not fit a picture of {}x{}", mask[0], mask[1], frame[0], frame[1])]
    Sizes {
        /// The picture's, px.
        frame: [u32; 2],
        /// The mask's, px.
        mask: [u32; 2],
    },
    /// Values do not fill their stated shape.
    #[error("{what}: {found} values where {expected} belong")]
    Shape {
        /// Of what.
        what: &'static str,
        /// Values given.
        found: usize,
        /// Values that the size asks for.
        expected: usize,
    },
    /// A side over [`jpeg::JPEG_MAX_SIDE`].
    #[error(
        "the picture is {width}x{height}, and a JPEG has sides of at most {} pixels",
        jpeg::JPEG_MAX_SIDE
    )]
    TooLongForJpeg {
        /// Width, px.
        width: u32,
        /// Height, px.
        height: u32,
    },
    /// The encoder refused.
    #[error("the picture cannot be encoded: {0}")]
    Encode(#[source] Box<dyn Error + Send + Sync>),
}

impl RenderError {
    /// What an encoder said.
    pub(crate) fn encode(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Encode(cause.into())
    }

    /// `Ok` if `found` values fill a shape. A product beyond `usize` counts as never filled.
    fn check_shape(what: &'static str, found: usize, shape: &[usize]) -> Result<(), Self> {
        let expected = shape
            .iter()
            .try_fold(1_usize, |n, side| n.checked_mul(*side))
            .unwrap_or(usize::MAX);
        if found == expected {
            Ok(())
        } else {
            Err(Self::Shape {
                what,
                found,
                expected,
            })
        }
    }
}
