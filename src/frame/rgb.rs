//! What the decoders give → interleaved 8-bit RGB.

use image::{DynamicImage, RgbImage};

use super::FrameError;

/// Keeps the first three channels, repeats grey three times, scales 16 bits to 8.
///
/// Done here channel by channel rather than by the library's colour conversion, which may follow a colour
/// profile: the model is to see the numbers in the file.
pub(super) fn from_image(image: DynamicImage) -> Result<RgbImage, FrameError> {
    let (width, height) = (image.width(), image.height());
    let rgb = match image {
        DynamicImage::ImageRgb8(rgb) => rgb.into_raw(),
        DynamicImage::ImageRgba8(rgba) => pick(rgba.as_raw(), |[r, g, b, _]| [r, g, b]),
        DynamicImage::ImageLuma8(grey) => pick(grey.as_raw(), |[v]| [v, v, v]),
        DynamicImage::ImageLumaA8(grey) => pick(grey.as_raw(), |[v, _]| [v, v, v]),
        DynamicImage::ImageRgb16(rgb) => pick(rgb.as_raw(), |rgb: [u16; 3]| rgb.map(to_8_bit)),
        DynamicImage::ImageRgba16(rgba) => {
            pick(rgba.as_raw(), |[r, g, b, _]| [r, g, b].map(to_8_bit))
        }
        DynamicImage::ImageLuma16(grey) => pick(grey.as_raw(), |[v]| [to_8_bit(v); 3]),
        DynamicImage::ImageLumaA16(grey) => pick(grey.as_raw(), |[v, _]| [to_8_bit(v); 3]),
        other => {
            return Err(FrameError::Unsupported(format!(
                "{:?} samples; 8 or 16 bit are read",
                other.color()
            )));
        }
    };
    RgbImage::from_raw(width, height, rgb)
        .ok_or_else(|| FrameError::Corrupt("the pixels do not fill the picture".into()))
}

/// Maps each pixel of `N` samples to RGB.
fn pick<const N: usize, T: Copy>(samples: &[T], rgb: impl Fn([T; N]) -> [u8; 3]) -> Vec<u8> {
    samples
        .as_chunks::<N>()
        .0
        .iter()
        .flat_map(|pixel| rgb(*pixel))
        .collect()
}

/// `round(v * 255 / 65535)`: since 65535 = 255 * 257, that is `v / 257`, rounded.
fn to_8_bit(v: u16) -> u8 {
    ((u32::from(v) + 128) / 257) as u8
}
