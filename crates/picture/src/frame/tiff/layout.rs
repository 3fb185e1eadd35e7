//! What a directory says about how its page's pixels are stored.

use image::metadata::Orientation;

use super::tags::{Directory, Values};
use crate::frame::error::{FrameError, damaged, unsupported};
use crate::frame::file::File;
use crate::frame::jpeg::Colours;
use crate::frame::limits::FrameLimits;
use crate::frame::pixels::{Alpha, Channels};

/// Most strips or tiles. With one row in each, that is a picture of as many rows.
const MAX_CHUNKS: usize = 16_384;
/// Strips and tiles may reach beyond the picture, but not make it this many times as large as any may be.
const MAX_PADDING: u64 = 4;
/// Strips and tiles may share bytes of the file, but not make the file this many times as long.
const MAX_SHARED: u64 = 4;
/// Most bytes of JPEG tables; four of each kind have some two thousand.
const MAX_TABLES: usize = 1 << 16;
/// What a row's readers need beside it.
const WORK: u64 = 1 << 20;

/// What a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SampleKind {
    /// Unsigned, of 1, 2, 4, 8 or 16 bits.
    Whole(u8),
    /// 32-bit floating point.
    Real,
}

impl SampleKind {
    pub fn bits(self) -> usize {
        match self {
            Self::Whole(bits) => bits.into(),
            Self::Real => 32,
        }
    }
}

/// How a strip's or tile's bytes are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    /// Section 13.
    Lzw,
    /// Technical note on Deflate: a zlib stream.
    Deflate,
    /// Section 9.
    PackBits,
    /// Technical note 2: a JPEG stream each.
    Jpeg(Colours),
}

/// What is to be undone after decompression (section 14, technical note 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Predictor {
    None,
    /// Each sample is the difference from the pixel before.
    Horizontal,
    /// Bytes of floats apart by significance, differences of bytes.
    Float,
}

/// Colours by index.
pub(super) struct Palette(Vec<[u8; 3]>);

impl Palette {
    pub fn colour(&self, index: u8) -> [u8; 3] {
        self.0.get(usize::from(index)).copied().unwrap_or_default()
    }

    /// ColorMap: all reds, then greens, then blues, in 16 bits; some programs write 8-bit values.
    fn of(values: Values<'_>, bits: u8) -> Result<Self, FrameError> {
        let colours = 1 << bits;
        if values.len() != 3 * colours {
            return Err(damaged("the TIFF's palette has the wrong length"));
        }
        let shift = if values.iter().any(|value| value > 255) {
            8
        } else {
            0
        };
        let channel = |index: usize| (values.get(index).unwrap_or(0) >> shift) as u8;
        let colour = |i: usize| [i, colours + i, 2 * colours + i].map(channel);
        Ok(Self((0..colours).map(colour).collect()))
    }
}

/// How a page's pixels are stored.
pub(super) struct Layout<'a> {
    /// Width, height; within the limits.
    pub size: (u32, u32),
    pub orientation: Orientation,
    pub big_endian: bool,
    /// Of a palette's picture: of its colours.
    pub channels: Channels,
    /// Samples of a pixel as stored.
    pub samples: usize,
    pub kind: SampleKind,
    /// 0 is white.
    pub inverted: bool,
    pub palette: Option<Palette>,
    /// Significant bits, where the file tells the greatest value.
    pub stated_bits: Option<u8>,
    pub compression: Compression,
    pub predictor: Predictor,
    /// Each channel in strips or tiles of its own.
    pub planar: bool,
    /// Width and height of a strip or tile.
    pub chunk: (u32, u32),
    /// Strips or tiles across and down.
    pub chunks: (usize, usize),
    offsets: Values<'a>,
    counts: Values<'a>,
    /// JPEGTables: what all streams have in common.
    pub tables: &'a [u8],
    bytes: &'a [u8],
}

impl<'a> Layout<'a> {
    /// # Errors
    /// [`FrameError`], by the directory alone.
    pub fn of(directory: &Directory<'a>, limits: &FrameLimits) -> Result<Self, FrameError> {
        let side = |tag| {
            let side = u32::try_from(directory.number(tag, 0)?);
            side.map_err(|_| damaged("a side of the TIFF is too long"))
        };
        let size = (side(256)?, side(257)?);
        limits.check(size)?;
        let bits = directory.common(258, 1)?;
        let kind = match (directory.common(339, 1)?, bits) {
            (1 | 4, 1 | 2 | 4 | 8 | 16) => SampleKind::Whole(bits as u8),
            (3, 32) => SampleKind::Real,
            (1 | 4, _) => {
                return Err(unsupported(format!(
                    "a TIFF of {bits}-bit samples; save it with 8 or 16"
                )));
            }
            (2, _) => {
                return Err(unsupported(
                    "a TIFF of signed samples; save it with unsigned 8 or 16 bits",
                ));
            }
            (3, _) => {
                return Err(unsupported(format!(
                    "a TIFF of {bits}-bit real numbers; save it with 32"
                )));
            }
            _ => return Err(unsupported("a TIFF of complex samples")),
        };
        let samples = directory.number(277, 1)? as usize;
        let photometric = directory.number(262, u64::MAX)?;
        let channels = channels(directory, photometric, samples)?;
        let compression = compression(directory.number(259, 1)?, photometric)?;
        if photometric == 6 && !matches!(compression, Compression::Jpeg(_)) {
            return Err(unsupported("a TIFF of YCbCr colour; convert it to RGB"));
        }
        if directory.number(266, 1)? != 1 {
            return Err(unsupported("a TIFF whose bits are in reverse order"));
        }
        let palette = match (photometric, kind, directory.find(320)?) {
            (3, SampleKind::Whole(bits @ ..=8), Some(map)) => Some(Palette::of(map, bits)?),
            (3, ..) => return Err(unsupported("a palette TIFF of other than 1 to 8 bits")),
            _ => None,
        };
        let predictor = match (directory.number(317, 1)?, kind, compression) {
            (1, ..) | (_, _, Compression::Jpeg(_)) => Predictor::None,
            (2, SampleKind::Whole(8 | 16), _) => Predictor::Horizontal,
            (3, SampleKind::Real, _) => Predictor::Float,
            _ => {
                return Err(unsupported(
                    "a TIFF with an unusual predictor; save it without",
                ));
            }
        };
        let inverted = photometric == 0;
        if inverted && kind == SampleKind::Real {
            return Err(unsupported("a TIFF of real numbers with 0 for white"));
        }
        let jpeg = matches!(compression, Compression::Jpeg(_));
        let planar = directory.number(284, 1)? == 2 && samples > 1;
        if jpeg
            && (planar
                || kind != SampleKind::Whole(8)
                || ![1, 3].contains(&samples)
                || inverted
                || palette.is_some())
        {
            return Err(unsupported(
                "a TIFF of JPEG data in an unusual layout; save it as PNG",
            ));
        }
        let greatest = directory.find(281)?.and_then(|values| values.iter().max());
        let orientation = directory.number(274, 1)?;
        let orientation = u8::try_from(orientation)
            .ok()
            .and_then(Orientation::from_exif);
        let tables = directory
            .find(347)?
            .map_or(&[][..], |values| values.bytes());
        let chunked = Chunked::of(directory, size)?;
        let layout = Self {
            size,
            orientation: orientation.unwrap_or(Orientation::NoTransforms),
            big_endian: directory.big_endian(),
            channels,
            samples,
            kind,
            inverted,
            palette,
            stated_bits: greatest.map(|most| (64 - most.leading_zeros()) as u8),
            compression,
            predictor,
            planar,
            chunk: chunked.size,
            chunks: (
                size.0.div_ceil(chunked.size.0) as usize,
                size.1.div_ceil(chunked.size.1) as usize,
            ),
            offsets: chunked.offsets,
            counts: chunked.counts,
            tables,
            bytes: directory.bytes(),
        };
        layout.check_chunks(limits)?;
        Ok(layout)
    }

    fn check_chunks(&self, limits: &FrameLimits) -> Result<(), FrameError> {
        let planes = if self.planar { self.samples } else { 1 };
        let chunks = self
            .chunks
            .0
            .saturating_mul(self.chunks.1)
            .saturating_mul(planes);
        if chunks > MAX_CHUNKS {
            return Err(unsupported(format!(
                "a TIFF in {chunks} strips or tiles; save it in at most {MAX_CHUNKS}"
            )));
        }
        if chunks != self.offsets.len() || chunks != self.counts.len() {
            return Err(damaged("the TIFF lists more or fewer strips than it has"));
        }
        let coded = self.counts.iter().fold(0, u64::saturating_add);
        if coded > MAX_SHARED * self.bytes.len() as u64 || self.tables.len() > MAX_TABLES {
            return Err(damaged("the TIFF's strips are longer than the file"));
        }
        let padded = self.chunks.0 as u64 * u64::from(self.chunk.0) * u64::from(self.size.1);
        match padded > limits.max_pixels.saturating_mul(MAX_PADDING) {
            true => Err(unsupported(
                "a TIFF whose tiles are far larger than the picture",
            )),
            false => Ok(()),
        }
    }

    /// Bytes of a row of one strip or tile; of a planar one, of one channel.
    pub fn row_bytes(&self) -> usize {
        let samples = if self.planar { 1 } else { self.samples };
        (self.chunk.0 as usize * samples * self.kind.bits()).div_ceil(8)
    }

    /// Bytes that decoding takes at most: the picture, rows as they are stored, interleaved and understood; of JPEG, one
    /// strip or tile with all its coefficients.
    pub fn need(&self, file: &File<'_>) -> Result<u64, FrameError> {
        let picture = 3 * u64::from(self.size.0) * u64::from(self.size.1);
        let chunk = match self.compression {
            Compression::Jpeg(_) => {
                3 * self.samples as u64 * u64::from(self.chunk.0) * u64::from(self.chunk.1)
            }
            _ => 0,
        };
        let rows = 8 * (self.row_bytes() * self.samples) as u64;
        file.limits.afford(picture + chunk + rows + WORK)
    }

    /// A strip's or tile's bytes.
    ///
    /// # Errors
    /// One that lies outside the file.
    pub fn coded(&self, index: usize) -> Result<&'a [u8], FrameError> {
        let range = self.offsets.get(index).zip(self.counts.get(index));
        let slice = range.and_then(|(start, count)| {
            let start = usize::try_from(start).ok()?;
            let end = start.checked_add(usize::try_from(count).ok()?)?;
            self.bytes.get(start..end)
        });
        slice.ok_or_else(|| damaged("the TIFF ends early"))
    }
}

/// Strips or tiles.
struct Chunked<'a> {
    size: (u32, u32),
    offsets: Values<'a>,
    counts: Values<'a>,
}

impl<'a> Chunked<'a> {
    fn of(directory: &Directory<'a>, (width, height): (u32, u32)) -> Result<Self, FrameError> {
        let list = |tag| {
            let values = directory.find(tag)?;
            values.ok_or_else(|| damaged("the TIFF does not say where its pixels are"))
        };
        let tiled = directory.find(322)?.is_some();
        let (size, offsets, counts) = match tiled {
            true => (
                (directory.number(322, 0)?, directory.number(323, 0)?),
                324,
                325,
            ),
            false => {
                let rows = directory.number(278, u64::MAX)?;
                ((width.into(), rows.min(height.into())), 273, 279)
            }
        };
        let side = |side| u32::try_from(side).ok().filter(|side| *side > 0);
        let size = side(size.0).zip(side(size.1));
        Ok(Self {
            size: size.ok_or_else(|| damaged("the TIFF's strips have an impossible size"))?,
            offsets: list(offsets)?,
            counts: list(counts)?,
        })
    }
}

/// By PhotometricInterpretation, SamplesPerPixel and ExtraSamples.
fn channels(
    directory: &Directory<'_>,
    photometric: u64,
    samples: usize,
) -> Result<Channels, FrameError> {
    let plain = match photometric {
        0 | 1 => Channels::GREY,
        2 | 6 => Channels::RGB,
        3 if samples == 1 => return Ok(Channels::RGB),
        3 => return Err(unsupported("a palette TIFF of several channels")),
        5 => return Err(unsupported("CMYK colour; convert it to RGB")),
        _ => {
            return Err(unsupported(
                "a TIFF of neither grey, RGB nor palette colours",
            ));
        }
    };
    let Some(extra) = samples.checked_sub(plain.colours) else {
        return Err(damaged("the TIFF has fewer channels than its colours need"));
    };
    let first = directory.find(338)?.and_then(|kinds| kinds.get(0));
    match (extra, first) {
        (0, _) => Ok(plain),
        (_, Some(kind @ (1 | 2))) => {
            let alpha = if kind == 1 {
                Alpha::Premultiplied
            } else {
                Alpha::Straight
            };
            let extra = extra - 1;
            Ok(Channels {
                extra,
                ..plain.with_alpha(alpha)
            })
        }
        // Required where there are further channels; writers that leave it out mean alpha.
        (1, None) if plain.colours == 3 => Ok(plain.with_alpha(Alpha::Straight)),
        // Further channels say nothing about RGB; beside grey they are pictures of their own.
        _ if plain.colours == 3 => Ok(Channels { extra, ..plain }),
        _ => Err(unsupported(format!(
            "a TIFF of {samples} channels; save the one to be looked at"
        ))),
    }
}

fn compression(code: u64, photometric: u64) -> Result<Compression, FrameError> {
    let name = match code {
        1 => return Ok(Compression::None),
        5 => return Ok(Compression::Lzw),
        8 | 32946 => return Ok(Compression::Deflate),
        32773 => return Ok(Compression::PackBits),
        7 if photometric == 6 => return Ok(Compression::Jpeg(Colours::AsSeen)),
        7 => return Ok(Compression::Jpeg(Colours::AsCoded)),
        2..=4 => "fax",
        6 => "old-style JPEG",
        33003 | 33005 | 34712 => "JPEG 2000",
        50000 => "Zstandard",
        50001 => "WebP",
        50002 | 52546 => "JPEG XL",
        _ => "another kind of",
    };
    Err(unsupported(format!(
        "a TIFF with {name} compression; save it with none, LZW or Deflate"
    )))
}
