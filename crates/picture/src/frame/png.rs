//! PNG (W3C PNG, third edition), row by row: beside the picture itself no more than rows are held.

use std::borrow::Cow;

use image::metadata::Orientation;
use png::{BitDepth, ColorType, Decoder, DecodingError, Limits, Reader, Transformations};

use super::canvas::Canvas;
use super::decoded::{Decoded, FileInfo};
use super::error::{FrameError, damaged, unsupported};
use super::file::File;
use super::format::Format;
use super::pixels::{Alpha, Channels, Depth, Samples, Span, ToRgb};
use super::watched::Watched;

/// What rows, tables and inflating need beside the picture.
const WORK: u64 = 1 << 20;

/// Bytes that [`read`] takes at most.
pub(super) fn need(file: &File<'_>) -> Result<u64, FrameError> {
    let (width, height) =
        header_size(file.bytes).ok_or_else(|| damaged("the PNG has no header"))?;
    file.limits.check((width, height))?;
    // A row of 16-bit RGBA, as it is read, unfiltered and turned into words.
    let rows = 4 * 8 * u64::from(width);
    file.limits
        .afford(3 * u64::from(width) * u64::from(height) + rows + WORK)
}

pub(super) fn read(file: &File<'_>) -> Result<Decoded, FrameError> {
    need(file)?;
    let bytes = completed(file.bytes);
    let file = &File {
        bytes: &bytes,
        ..*file
    };
    let mut reader = open(file)?;
    let info = reader.info();
    // The library would look for the last colour past the end.
    if info
        .palette
        .as_ref()
        .is_some_and(|palette| palette.len() % 3 != 0)
    {
        return Err(damaged("the PNG's palette ends within a colour"));
    }
    let (size, interlaced) = ((info.width, info.height), info.interlaced);
    let pages = info
        .animation_control
        .map_or(1, |animation| animation.num_frames.max(1));
    file.only_first_of(pages)?;
    let stated = info.sbit.as_ref().and_then(|bits| bits.first().copied());
    let exif = info.exif_metadata.as_deref();
    let orientation = exif.and_then(Orientation::from_exif_chunk);
    let mut canvas = Canvas::new(size, orientation.unwrap_or(Orientation::NoTransforms));

    let (colour, bits) = reader.output_color_type();
    let channels = match colour {
        ColorType::Grayscale => Channels::GREY,
        ColorType::GrayscaleAlpha => Channels::GREY.with_alpha(Alpha::Straight),
        ColorType::Rgb => Channels::RGB,
        ColorType::Rgba => Channels::RGB.with_alpha(Alpha::Straight),
        ColorType::Indexed => return Err(unsupported("a PNG whose palette cannot be applied")),
    };
    let deep = bits == BitDepth::Sixteen;
    let depth = match deep {
        true => {
            let mut span = Span::NONE;
            let add = |samples: Samples<'_>| span.add(samples, channels);
            each_row(file, &mut open(file)?, deep, add)?;
            Depth::of_words(span, stated)
        }
        false => Depth::Eight,
    };
    let mut to_rgb = ToRgb::new(channels, depth);
    let mut places = Places::of(size, interlaced);
    each_row(file, &mut reader, deep, |samples| {
        if let Some((start, apart)) = places.next() {
            canvas.put(start, apart, to_rgb.run(samples));
        }
        Ok(())
    })?;
    // The checksum of the pixels' last chunk follows them.
    reader.finish().map_err(|error| refused(file, error))?;
    Ok(Decoded {
        frame: canvas.into_frame()?,
        file: FileInfo {
            pages,
            transparent: to_rgb.transparent,
            ..FileInfo::plain(Format::Png, depth.bits())
        },
    })
}

/// Width and height from the first chunk (11.2.1), before the decoder reads on to the pixel data.
fn header_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let header = bytes.get(8..24)?;
    let (chunk, size) = header.split_at(8);
    let side = |at: usize| Some(u32::from_be_bytes(size.get(at..at + 4)?.try_into().ok()?));
    (chunk.get(4..)? == b"IHDR").then_some(())?;
    Some((side(0)?, side(4)?))
}

/// Palettes and few bits become 8-bit channels; texts and profiles are skipped, not inflated.
fn open<'a>(file: &File<'a>) -> Result<Reader<Watched<'a>>, FrameError> {
    let bytes = Watched::new(file.bytes, file.stop);
    let mut decoder = Decoder::new_with_limits(
        bytes,
        Limits {
            bytes: file.limits.max_memory as usize,
        },
    );
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    decoder.read_info().map_err(|error| refused(file, error))
}

/// Every row in the file's order, as samples of 8 or (`deep`) 16 bits.
fn each_row(
    file: &File<'_>,
    reader: &mut Reader<Watched<'_>>,
    deep: bool,
    mut take: impl FnMut(Samples<'_>) -> Result<(), FrameError>,
) -> Result<(), FrameError> {
    let mut words = Vec::new();
    while let Some(row) = reader.next_row().map_err(|error| refused(file, error))? {
        file.stop.check()?;
        match deep {
            false => take(Samples::Bytes(row.data()))?,
            true => {
                words.clear();
                let pairs = row.data().as_chunks::<2>().0.iter();
                words.extend(pairs.map(|pair| u16::from_be_bytes(*pair)));
                take(Samples::Words(&words))?;
            }
        }
    }
    Ok(())
}

/// The file, with its end marker where nothing but that is missing.
fn completed(bytes: &[u8]) -> Cow<'_, [u8]> {
    const END: [u8; 12] = *b"\0\0\0\0IEND\xae\x42\x60\x82";
    let mut rest = bytes.get(8..).unwrap_or_default();
    let mut last = &[][..];
    while let Some(length) = rest.first_chunk() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((chunk, after)) = length
            .checked_add(12)
            .and_then(|length| rest.split_at_checked(length))
        else {
            return bytes.into();
        };
        (last, rest) = (chunk, after);
    }
    match rest.is_empty() && last.get(4..8) != Some(b"IEND") {
        true => [bytes, &END].concat().into(),
        false => bytes.into(),
    }
}

/// In our words.
fn refused(file: &File<'_>, error: DecodingError) -> FrameError {
    if let Err(stopped) = file.stop.check() {
        return stopped.into();
    }
    let refusal = match error {
        DecodingError::IoError(_) => damaged("the PNG ends early"),
        DecodingError::LimitsExceeded => {
            unsupported("a PNG that takes far more memory than its pixels")
        }
        _ => damaged("the PNG's data is damaged"),
    };
    refusal.because(error)
}

/// Where rows begin, column and row, and how far apart their pixels are, in the order that rows come in (8.2).
struct Places {
    size: (usize, usize),
    passes: std::slice::Iter<'static, Pass>,
    pass: Pass,
    row: usize,
}

/// First column and row, distance of columns and of rows.
type Pass = (usize, usize, usize, usize);

const WHOLE: [Pass; 1] = [(0, 0, 1, 1)];
const ADAM7: [Pass; 7] = [
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
];

impl Places {
    fn of((width, height): (u32, u32), interlaced: bool) -> Self {
        let passes: &[Pass] = if interlaced { &ADAM7 } else { &WHOLE };
        Self {
            size: (width as usize, height as usize),
            passes: passes[1..].iter(),
            pass: passes[0],
            row: passes[0].1,
        }
    }
}

impl Iterator for Places {
    type Item = ((usize, usize), usize);

    fn next(&mut self) -> Option<Self::Item> {
        let (width, height) = self.size;
        // A pass without columns or rows is not in the file.
        while self.row >= height || self.pass.0 >= width {
            self.pass = *self.passes.next()?;
            self.row = self.pass.1;
        }
        let row = self.row;
        self.row += self.pass.3;
        Some(((self.pass.0, row), self.pass.2))
    }
}
