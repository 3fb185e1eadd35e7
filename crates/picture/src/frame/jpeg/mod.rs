//! JPEG, and whether it is whole (ITU-T T.81).
//!
//! JPEG decoders are lenient, as browsers are: where the data ends they go on with grey. A picture that is half
//! grey gives a mask that looks right and is not. So the entropy-coded data is walked first, without transforming
//! any of it: every scan must hold every block it announces, and the file must end. What is left to go wrong
//! is left to the decoder's strict mode.

mod bits;
mod block;
mod coverage;
mod header;
mod huffman;
mod scan;
mod segments;
mod tables;
pub(crate) mod typical;

use std::borrow::Cow;

use image::metadata::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use self::header::Header;
use self::segments::Whole;
use super::canvas::{self, Canvas};
use super::decoded::{Decoded, FileInfo};
use super::error::{FrameError, damaged, unsupported};
use super::file::File;
use super::format::Format;
use super::limits::FrameLimits;
use super::pixels::{Channels, Depth, Samples, ToRgb};
use super::rgb::Frame;

/// Bytes that [`read`] takes at most: the samples; of a progressive file all coefficients, which are 16-bit; of a grey
/// one its RGB as well; of one that does not stand upright, the picture once more, or a bit a pixel where that is too much.
pub(super) fn need(file: &File<'_>) -> Result<u64, FrameError> {
    let header = segments::header(file.bytes, file.limits)?;
    let pixels = header.pixels();
    let picture = 3 * pixels;
    let upright = match (header.components.len(), is_askew(file.bytes)) {
        (1, _) => pixels + picture,
        (_, true) if !is_tight(pixels, file.limits) => 2 * picture,
        (_, true) => picture + pixels.div_ceil(64) * 8,
        (_, false) => picture,
    };
    file.limits.afford(upright.max(coded(&header)))
}

/// Whether two copies of a picture are more than allowed.
fn is_tight(pixels: u64, limits: &FrameLimits) -> bool {
    2 * 3 * pixels > limits.max_memory
}

/// Bytes while the entropy-coded data is decoded.
fn coded(header: &Header) -> u64 {
    let samples = header.pixels() * header.components.len() as u64;
    let coefficients = match header.progressive {
        true => 2 * 64 * header.blocks() as u64,
        false => 0,
    };
    samples + coefficients
}

/// Decodes a whole JPEG.
pub(super) fn read(file: &File<'_>) -> Result<Decoded, FrameError> {
    need(file)?;
    file.only_first_of(1)?;
    let Samples8 {
        size,
        components,
        samples,
        orientation,
    } = samples(file, Colours::AsSeen)?;
    let frame = match components {
        1 => {
            let mut canvas = Canvas::new(size, orientation);
            let mut to_rgb = ToRgb::new(Channels::GREY, Depth::Eight);
            for (y, row) in samples.chunks_exact(size.0 as usize).enumerate() {
                canvas.put((0, y), 1, to_rgb.run(Samples::Bytes(row)));
            }
            canvas.into_frame()?
        }
        _ => {
            let pixels = u64::from(size.0) * u64::from(size.1);
            canvas::upright(size, samples, orientation, is_tight(pixels, file.limits))?
        }
    };
    Ok(Decoded { frame, file: INFO })
}

/// As [`read`], into the memory that a frame has already; only a picture that does not stand upright needs more.
pub(super) fn read_into(file: &File<'_>, frame: &mut Frame) -> Result<FileInfo, FrameError> {
    if is_askew(file.bytes) {
        let decoded = read(file)?;
        *frame = decoded.frame;
        return Ok(decoded.file);
    }
    need(file)?;
    file.only_first_of(1)?;
    let mut bytes = Cow::Borrowed(file.bytes);
    let mut whole = open(file, Colours::AsSeen, &mut bytes)?;
    frame.reshape(whole.size.0, whole.size.1)?;
    let rgb = frame.rgb_mut();
    match whole.components {
        1 => {
            let (grey, _) = rgb.split_at_mut(rgb.len() / 3);
            whole.decoder.decode_into(grey).map_err(refused)?;
            spread(rgb);
        }
        _ => whole.decoder.decode_into(rgb).map_err(refused)?,
    }
    file.stop.check()?;
    Ok(INFO)
}

/// Grey samples in the first third of a picture → the RGB of the whole, from the last on, as none is written over
/// before it was read.
fn spread(rgb: &mut [u8]) {
    for i in (0..rgb.len() / 3).rev() {
        let grey = rgb[i];
        rgb[3 * i..3 * i + 3].fill(grey);
    }
}

const INFO: FileInfo = FileInfo::plain(Format::Jpeg, 8);

/// What three components are to be given as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colours {
    /// RGB.
    AsSeen,
    /// The components as they are coded.
    AsCoded,
}

/// Decoded samples, as they are stored.
pub(super) struct Samples8 {
    /// Width, height.
    pub size: (u32, u32),
    /// 1 or 3, interleaved.
    pub components: usize,
    pub samples: Vec<u8>,
    pub orientation: Orientation,
}

/// Width and height by the frame header, checked against the limits.
pub(super) fn size(file: &File<'_>) -> Result<(u32, u32), FrameError> {
    segments::header(file.bytes, file.limits).map(|header| header.size)
}

/// Walks and decodes.
pub(super) fn samples(file: &File<'_>, colours: Colours) -> Result<Samples8, FrameError> {
    let mut bytes = Cow::Borrowed(file.bytes);
    let mut whole = open(file, colours, &mut bytes)?;
    let samples = whole.decoder.decode().map_err(refused)?;
    file.stop.check()?;
    let orientation = (whole.decoder.exif()).and_then(|exif| Orientation::from_exif_chunk(exif));
    Ok(Samples8 {
        size: whole.size,
        components: whole.components,
        samples,
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
    })
}

/// A JPEG that was walked and is whole.
struct Walked<'a> {
    size: (u32, u32),
    components: usize,
    /// At its first scan.
    decoder: JpegDecoder<ZCursor<&'a [u8]>>,
}

/// Walks it; what it lacks is added to its bytes. `image` would decode through the same library, but in its lenient mode.
fn open<'a>(
    file: &File<'_>,
    colours: Colours,
    bytes: &'a mut Cow<'_, [u8]>,
) -> Result<Walked<'a>, FrameError> {
    file.limits
        .afford(coded(&segments::header(file.bytes, file.limits)?))?;
    let whole = segments::check_whole(file.bytes, file.limits, file.stop)?;
    if let Some(completed) = completed(file.bytes, &whole) {
        *bytes = Cow::Owned(completed);
    }
    let side = usize::from(u16::MAX); // the limit was ours, just now
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(side)
        .set_max_height(side);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&**bytes), options);
    decoder.decode_headers().map_err(refused)?;
    let size = whole.size;
    if decoder.dimensions() != Some((size.0 as usize, size.1 as usize)) {
        return Err(damaged("the JPEG states two sizes"));
    }
    let given = match (whole.components, colours, decoder.input_colorspace()) {
        (1, ..) => ColorSpace::Luma,
        (_, Colours::AsCoded, Some(coded)) => coded,
        _ => ColorSpace::RGB,
    };
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(given));
    Ok(Walked {
        size,
        components: whole.components,
        decoder,
    })
}

/// The file with what it may lack and means all the same: Huffman tables and the end marker.
fn completed(bytes: &[u8], whole: &Whole) -> Option<Vec<u8>> {
    if whole.tables && whole.ends {
        return None;
    }
    let (start, rest) = bytes.split_at(2);
    let tables: &[u8] = if whole.tables { &[] } else { &typical::SEGMENT };
    let end: &[u8] = if whole.ends { &[] } else { &[0xff, 0xd9] };
    Some([start, tables, rest, end].concat())
}

/// Whether its EXIF block says that it does not stand upright.
fn is_askew(bytes: &[u8]) -> bool {
    let mut decoder = JpegDecoder::new(ZCursor::new(bytes));
    let orientation = decoder.decode_headers().ok().and_then(|()| {
        let exif = decoder.exif()?;
        Orientation::from_exif_chunk(exif)
    });
    orientation.is_some_and(|orientation| orientation != Orientation::NoTransforms)
}

/// In our words.
fn refused(error: DecodeErrors) -> FrameError {
    let refusal = match error {
        DecodeErrors::Unsupported(_) => unsupported("a JPEG of a kind that is not read"),
        _ => damaged("the JPEG's data is damaged"),
    };
    refusal.because(error)
}
