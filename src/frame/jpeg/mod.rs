//! JPEG, and whether it is whole (ITU-T T.81).
//!
//! JPEG decoders are lenient, as browsers are: where the data ends they go on with grey. A picture that is half
//! grey gives a mask that looks right and is not. So the entropy-coded data is walked first, without transforming
//! any of it: every scan must hold every block it announces, and the file must end. What is left to go wrong
//! is left to the decoder's strict mode.

mod scan;
mod segments;

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use self::segments::Whole;
use super::{FrameError, FrameLimits};

/// Decodes a whole JPEG; grey stays one channel.
///
/// `image` would decode through the same library, but in its lenient mode.
pub(super) fn decode(
    bytes: &[u8],
    limits: &FrameLimits,
) -> Result<(DynamicImage, Orientation), FrameError> {
    let Whole { size, components } = segments::check_whole(bytes, limits)?;

    let side = usize::from(u16::MAX); // the limit was ours, just now
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(side)
        .set_max_height(side);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers()?;
    if decoder.dimensions() != Some((size.0 as usize, size.1 as usize)) {
        return Err(damaged("the JPEG states two sizes"));
    }
    let colours = if components == 1 {
        ColorSpace::Luma
    } else {
        ColorSpace::RGB
    };
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(colours));
    let samples = decoder.decode()?;
    let orientation = decoder
        .exif()
        .and_then(|exif| Orientation::from_exif_chunk(exif));
    let image = match colours {
        ColorSpace::Luma => {
            GrayImage::from_raw(size.0, size.1, samples).map(DynamicImage::ImageLuma8)
        }
        _ => RgbImage::from_raw(size.0, size.1, samples).map(DynamicImage::ImageRgb8),
    };
    Ok((
        image.ok_or_else(truncated)?,
        orientation.unwrap_or(Orientation::NoTransforms),
    ))
}

impl From<DecodeErrors> for FrameError {
    fn from(error: DecodeErrors) -> Self {
        match error {
            DecodeErrors::Unsupported(what) => {
                Self::Unsupported(format!("a JPEG coded as {what:?}"))
            }
            other => Self::Corrupt(format!("{other:?}")),
        }
    }
}

fn damaged(what: &str) -> FrameError {
    FrameError::Corrupt(what.into())
}

fn truncated() -> FrameError {
    damaged("the JPEG ends early")
}
