//! BMP and WebP, which `image` decodes whole.

use image::codecs::bmp::BmpDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError};

use super::canvas::{self, Canvas};
use super::error::{damaged, unsupported};
use super::pixels::{Alpha, Channels, Depth, Samples, ToRgb};
use super::watched::Watched;
use super::{Decoded, File, FileInfo, Format, FrameError, webp};

/// Bytes that [`read_bmp`] takes at most: its own buffer of three or four channels, and the picture.
pub(super) fn need_bmp(file: &File<'_>) -> Result<u64, FrameError> {
    need(file, &open_bmp(file)?, 0)
}

pub(super) fn read_bmp(file: &File<'_>) -> Result<Decoded, FrameError> {
    need_bmp(file)?;
    read(file, Format::Bmp, open_bmp(file)?)
}

/// Bytes that [`read_webp`] takes at most: the decoder holds all planes (lossy) or four channels (lossless) as well, and a
/// picture that does not stand upright is copied once.
pub(super) fn need_webp(file: &File<'_>) -> Result<u64, FrameError> {
    let lossless = webp::check(file.bytes, file.limits)?;
    need(file, &open_webp(file)?, if lossless { 4 } else { 3 })
}

pub(super) fn read_webp(file: &File<'_>) -> Result<Decoded, FrameError> {
    need_webp(file)?;
    read(file, Format::WebP, open_webp(file)?)
}

fn open_bmp<'a>(file: &File<'a>) -> Result<BmpDecoder<Watched<'a>>, FrameError> {
    BmpDecoder::new(Watched::new(file.bytes, file.stop))
        .map_err(|error| refused(file, Format::Bmp, &error))
}

fn open_webp<'a>(file: &File<'a>) -> Result<WebPDecoder<Watched<'a>>, FrameError> {
    let decoder = WebPDecoder::new(Watched::new(file.bytes, file.stop))
        .map_err(|error| refused(file, Format::WebP, &error))?;
    match decoder.has_animation() {
        true => Err(unsupported("an animated WebP; send one frame")),
        false => Ok(decoder),
    }
}

/// `inside`: bytes a pixel that the decoder holds beside what it gives.
fn need(file: &File<'_>, decoder: &impl ImageDecoder, inside: u64) -> Result<u64, FrameError> {
    let (width, height) = decoder.dimensions();
    file.limits.check((width, height))?;
    let given = u64::from(decoder.color_type().bytes_per_pixel());
    // RGB is taken as it is.
    let picture = if given == 3 { 0 } else { 3 };
    file.limits
        .afford((given + picture + inside) * u64::from(width) * u64::from(height))
}

fn read(
    file: &File<'_>,
    format: Format,
    mut decoder: impl ImageDecoder,
) -> Result<Decoded, FrameError> {
    file.only_first_of(1)?;
    let size = decoder.dimensions();
    let channels = match decoder.color_type() {
        ColorType::L8 => Channels::GREY,
        ColorType::Rgb8 => Channels::RGB,
        ColorType::Rgba8 => Channels::RGB.with_alpha(Alpha::Straight),
        _ => {
            return Err(unsupported(format!(
                "a {} of other than 8-bit samples",
                format.name()
            )));
        }
    };
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut samples = vec![0; decoder.total_bytes() as usize];
    decoder
        .read_image(&mut samples)
        .map_err(|error| refused(file, format, &error))?;
    file.stop.check()?;
    let mut to_rgb = ToRgb::new(channels, Depth::Eight);
    let frame = match channels {
        Channels::RGB => canvas::upright(size, samples, orientation, false)?,
        _ => {
            let mut canvas = Canvas::new(size, orientation);
            let row = channels.count() * size.0 as usize;
            for (y, row) in samples.chunks_exact(row).enumerate() {
                canvas.put((0, y), 1, to_rgb.run(Samples::Bytes(row)));
            }
            canvas.into_frame()
        }
    };
    Ok(Decoded {
        frame,
        file: FileInfo {
            format,
            page: 1,
            pages: 1,
            bits: 8,
            transparent: to_rgb.transparent,
        },
    })
}

/// In our words.
fn refused(file: &File<'_>, format: Format, error: &ImageError) -> FrameError {
    if let Err(stopped) = file.stop.check() {
        return stopped.into();
    }
    let name = format.name();
    match error {
        ImageError::Unsupported(_) => unsupported(format!("a {name} of a kind that is not read")),
        ImageError::Limits(_) => unsupported(format!(
            "a {name} that takes far more memory than its pixels"
        )),
        ImageError::IoError(_) => damaged(&format!("the {name} ends early")),
        _ => damaged(&format!("the {name}'s data is damaged")),
    }
}
