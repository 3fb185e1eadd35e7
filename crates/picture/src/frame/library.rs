//! The formats that `image` decodes whole.

use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError};

use super::canvas::{self, Canvas};
use super::decoded::{Decoded, FileInfo};
use super::error::{FrameError, damaged, unsupported};
use super::file::File;
use super::format::Format;
use super::pixels::{Alpha, Channels, Depth, Samples, ToRgb};

/// Bytes that [`read`] takes at most; `inside`: bytes a pixel that the decoder holds beside what it gives.
pub(super) fn need(
    file: &File<'_>,
    decoder: &impl ImageDecoder,
    inside: u64,
) -> Result<u64, FrameError> {
    let (width, height) = decoder.dimensions();
    file.limits.check((width, height))?;
    let given = u64::from(decoder.color_type().bytes_per_pixel());
    // RGB is taken as it is.
    let picture = if given == 3 { 0 } else { 3 };
    file.limits
        .afford((given + picture + inside) * u64::from(width) * u64::from(height))
}

pub(super) fn read(
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
        .map_err(|error| refused(file, format, error))?;
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
            canvas.into_frame()?
        }
    };
    Ok(Decoded {
        frame,
        file: FileInfo {
            transparent: to_rgb.transparent,
            ..FileInfo::plain(format, 8)
        },
    })
}

/// In our words.
pub(super) fn refused(file: &File<'_>, format: Format, error: ImageError) -> FrameError {
    if let Err(stopped) = file.stop.check() {
        return stopped.into();
    }
    let name = format.name();
    let refusal = match error {
        ImageError::Unsupported(_) => unsupported(format!("a {name} of a kind that is not read")),
        ImageError::Limits(_) => unsupported(format!(
            "a {name} that takes far more memory than its pixels"
        )),
        ImageError::IoError(_) => damaged(format!("the {name} ends early")),
        _ => damaged(format!("the {name}'s data is damaged")),
    };
    refusal.because(error)
}
