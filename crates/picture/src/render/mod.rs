//! Masks → pictures for people: overlay, mask PNG, patch-prompt map.

pub mod encode;
mod letters;
pub mod npy;
mod overlay;

pub use encode::{encode_jpeg, encode_png, fits_jpeg, mask_png};
pub use overlay::{OverlayStyle, overlay, patch_overlay};

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Two things drawn together are of different sizes, or values do not fill their stated shape.
    #[error("{what}: {found} values where {expected} belong")]
    Shape {
        /// Of what.
        what: &'static str,
        /// Values given.
        found: usize,
        /// Values that the size asks for.
        expected: usize,
    },
    /// A side over [`encode::JPEG_MAX_SIDE`].
    #[error(
        "the picture is {width}x{height}, and a JPEG has sides of at most {} pixels",
        encode::JPEG_MAX_SIDE
    )]
    TooLongForJpeg {
        /// Width, px.
        width: u32,
        /// Height, px.
        height: u32,
    },
    /// The encoder refused.
    #[error("the picture cannot be encoded: {0}")]
    Encode(String),
}

impl RenderError {
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
