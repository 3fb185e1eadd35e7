//! Masks and pictures → PNG.

use std::io::Write;

use super::RenderError;
use crate::NOTICE;
use crate::frame::Frame;
use crate::mask::Mask;

/// A mask as 8-bit grey PNG, 0 or 255 as in memory, with the notice as `Comment`.
///
/// # Errors
/// [`RenderError::Encode`].
pub fn mask_png(mask: Mask) -> Result<Vec<u8>, RenderError> {
    // Most rows repeat the row above, which `Up` turns into zeros.
    let (colour, filter) = (png::ColorType::Grayscale, png::Filter::Up);
    png(mask.size(), colour, filter, mask.into_pixels())
}

/// A picture as RGB PNG, lossless, with the notice as `Comment`.
///
/// # Errors
/// [`RenderError::Encode`].
pub fn encode_png(frame: Frame) -> Result<Vec<u8>, RenderError> {
    let (colour, filter) = (png::ColorType::Rgb, png::Filter::Adaptive);
    png(frame.size(), colour, filter, frame.into_rgb())
}

/// Samples of 8 bits, row by row, as PNG; they are given back to the system as they are written, so that they and the
/// file are never in memory as a whole together.
fn png(
    [width, height]: [u32; 2],
    colour: png::ColorType,
    filter: png::Filter,
    mut samples: Vec<u8>,
) -> Result<Vec<u8>, RenderError> {
    const STEP: usize = 1 << 20;
    let row = width as usize * colour.samples();
    // A vector gives back its end: the first row to be written comes last.
    turn_over(&mut samples, row);
    // Set aside once; pages are taken up as they are filled.
    let mut file = Vec::with_capacity(samples.len());
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast); // a live path: milliseconds before kilobytes
    encoder.set_filter(filter);
    let written = (|| {
        encoder.add_text_chunk("Comment".into(), NOTICE.into())?;
        let mut writer = encoder.write_header()?;
        let mut stream = writer.stream_writer_with_size(1 << 16)?;
        while !samples.is_empty() {
            let rest = samples.len().saturating_sub((STEP / row).max(1) * row);
            for row in samples[rest..].chunks_exact(row).rev() {
                stream.write_all(row)?;
            }
            samples.truncate(rest);
            samples.shrink_to_fit();
        }
        stream.finish()?;
        writer.finish()
    })();
    written.map_err(|cause: png::EncodingError| RenderError::encode(cause))?;
    file.shrink_to_fit();
    Ok(file)
}

/// Rows of `row` samples in the opposite order.
fn turn_over(samples: &mut [u8], row: usize) {
    let rows = samples.len() / row;
    let (upper, lower) = samples.split_at_mut(rows / 2 * row);
    let mirrored = lower.chunks_exact_mut(row).rev();
    for (above, below) in upper.chunks_exact_mut(row).zip(mirrored) {
        above.swap_with_slice(below);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{FrameLimits, decode};
    use crate::mask::tests::any_mask;

    fn gradient(width: u32, height: u32) -> Frame {
        let rgb = (0..width * height)
            .flat_map(|i| [(i % width) as u8, (i / width) as u8, 90])
            .collect();
        Frame::new(width, height, rgb).unwrap()
    }

    proptest! {
        #[test]
        fn mask_png_is_lossless(mask in any_mask()) {
            let decoded = image::load_from_memory(&mask_png(mask.clone()).unwrap()).unwrap();
            let grey = decoded.as_luma8().unwrap();
            prop_assert_eq!(grey.dimensions(), (mask.width(), mask.height()));
            prop_assert_eq!(grey.as_raw(), mask.pixels());
        }
    }

    #[test]
    fn png_keeps_every_pixel_and_says_the_notice() {
        let frame = gradient(70, 40);
        let file = encode_png(frame.clone()).unwrap();
        assert_eq!(decode(&file, &FrameLimits::default()).unwrap(), frame);
        let reader = png::Decoder::new(std::io::Cursor::new(&file))
            .read_info()
            .unwrap();
        let text = &reader.info().uncompressed_latin1_text;
        assert_eq!(
            (text[0].keyword.as_str(), text[0].text.as_str()),
            ("Comment", NOTICE)
        );
    }
}
