//! A strip's or tile's bytes → its rows.

use std::io::{self, ErrorKind, Read};

use flate2::read::ZlibDecoder;
use weezl::{BitOrder, LzwStatus};

use super::layout::{Compression, Layout, Predictor, SampleKind};
use crate::frame::error::{FrameError, damaged};
use crate::frame::file::File;
use crate::frame::jpeg::{self, Colours};
use crate::frame::limits::FrameLimits;

/// The rows of one strip or tile, one after the other, channels interleaved.
pub(super) struct ChunkRows<'a> {
    /// One for all channels, or one each.
    planes: Vec<Box<dyn Read + 'a>>,
    predictor: Predictor,
    kind: SampleKind,
    big_endian: bool,
    /// Samples of a pixel in a plane's row.
    samples: usize,
    plane: Vec<u8>,
    row: Vec<u8>,
}

impl<'a> ChunkRows<'a> {
    /// # Errors
    /// Bytes outside the file; of JPEG, whatever is wrong with the stream.
    pub fn of(layout: &Layout<'a>, chunk: usize, file: &File<'_>) -> Result<Self, FrameError> {
        let planes = if layout.planar { layout.samples } else { 1 };
        let apart = layout.chunks.0 * layout.chunks.1;
        let open = |plane: usize| -> Result<Box<dyn Read + 'a>, FrameError> {
            let coded = layout.coded(chunk + plane * apart)?;
            Ok(match layout.compression {
                Compression::None => Box::new(coded),
                Compression::Lzw => Box::new(Lzw::new(coded)),
                Compression::Deflate => Box::new(ZlibDecoder::new(coded)),
                Compression::PackBits => Box::new(PackBits::new(coded)),
                Compression::Jpeg(colours) => {
                    let row = chunk / layout.chunks.0;
                    Box::new(io::Cursor::new(embedded(
                        layout, coded, colours, row, file,
                    )?))
                }
            })
        };
        Ok(Self {
            planes: (0..planes).map(open).collect::<Result<_, _>>()?,
            predictor: layout.predictor,
            kind: layout.kind,
            big_endian: layout.big_endian,
            samples: layout.samples / planes,
            plane: vec![0; layout.row_bytes()],
            row: vec![
                0;
                if planes > 1 {
                    layout.row_bytes() * planes
                } else {
                    0
                }
            ],
        })
    }

    /// The next row, in the file's byte order.
    ///
    /// # Errors
    /// Missing or damaged data.
    pub fn next(&mut self) -> Result<&[u8], FrameError> {
        let planes = self.planes.len();
        let each = self.kind.bits().div_ceil(8);
        for (number, reader) in self.planes.iter_mut().enumerate() {
            reader.read_exact(&mut self.plane).map_err(refused)?;
            match (self.predictor, self.kind) {
                (Predictor::None, _) => {}
                (Predictor::Horizontal, SampleKind::Whole(16)) => {
                    sum_words(&mut self.plane, self.samples, self.big_endian);
                }
                (Predictor::Horizontal, _) => sum_bytes(&mut self.plane, self.samples),
                (Predictor::Float, _) => {
                    sum_bytes(&mut self.plane, self.samples);
                    join_floats(&mut self.plane, self.big_endian);
                }
            }
            if planes > 1 {
                let samples = self.plane.chunks_exact(each);
                let places = self.row.chunks_exact_mut(each).skip(number).step_by(planes);
                places
                    .zip(samples)
                    .for_each(|(to, from)| to.copy_from_slice(from));
            }
        }
        Ok(if planes > 1 { &self.row } else { &self.plane })
    }

    /// After the last row: a checksum that follows it must be right.
    pub fn end(&mut self) -> Result<(), FrameError> {
        for reader in &mut self.planes {
            match reader.read(&mut [0]) {
                Err(error) if error.kind() != ErrorKind::UnexpectedEof => {
                    return Err(refused(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// In our words.
fn refused(error: io::Error) -> FrameError {
    let refusal = match error.kind() {
        ErrorKind::UnexpectedEof => damaged("the TIFF ends early"),
        _ => damaged("the TIFF's data is damaged"),
    };
    refusal.because(error)
}

/// The samples of a JPEG stream that fills a strip or tile of its own (technical note 2): tables that all have in common
/// stand in the directory. Its own size is believed only if it is the strip's.
fn embedded(
    layout: &Layout<'_>,
    coded: &[u8],
    colours: Colours,
    row: usize,
    file: &File<'_>,
) -> Result<Vec<u8>, FrameError> {
    let tables = match layout.tables {
        [0xff, 0xd8, tables @ .., 0xff, 0xd9] => tables,
        [] => &[],
        _ => return Err(damaged("the TIFF's JPEG tables are damaged")),
    };
    let [0xff, 0xd8, rest @ ..] = coded else {
        return Err(damaged("a strip of the TIFF is no JPEG stream"));
    };
    let stream = [&[0xff, 0xd8], tables, rest].concat();
    let (width, height) = layout.chunk;
    // The last strip may hold the rows that are left, or be filled up.
    let left = layout.size.1 - row as u32 * height;
    let limits = FrameLimits {
        max_pixels: u64::from(width) * u64::from(height),
        min_side: 1,
        ..*file.limits
    };
    let stream = File {
        bytes: &stream,
        page: None,
        limits: &limits,
        stop: file.stop,
    };
    let misfit = || damaged("a JPEG stream in the TIFF is not of its strip's size");
    let size = jpeg::size(&stream).map_err(|error| match error {
        FrameError::TooLarge { .. } => misfit(),
        other => other,
    })?;
    if size.0 != width || (size.1 != height && size.1 != left.min(height)) {
        return Err(misfit());
    }
    let decoded = jpeg::samples(&stream, colours)?;
    match decoded.components == layout.samples {
        true => Ok(decoded.samples),
        false => Err(damaged(
            "a JPEG stream in the TIFF has other channels than the TIFF",
        )),
    }
}

/// Section 14, for bytes: each sample was replaced by its difference from the pixel before.
fn sum_bytes(row: &mut [u8], samples: usize) {
    for i in samples..row.len() {
        row[i] = row[i].wrapping_add(row[i - samples]);
    }
}

fn sum_words(row: &mut [u8], samples: usize, big_endian: bool) {
    let words = row.as_chunks_mut::<2>().0;
    for i in samples..words.len() {
        let sum = match big_endian {
            true => u16::from_be_bytes(words[i])
                .wrapping_add(u16::from_be_bytes(words[i - samples]))
                .to_be_bytes(),
            false => u16::from_le_bytes(words[i])
                .wrapping_add(u16::from_le_bytes(words[i - samples]))
                .to_le_bytes(),
        };
        words[i] = sum;
    }
}

/// Technical note 3: all first bytes of the floats stand together, then all second ones, most significant first.
fn join_floats(row: &mut [u8], big_endian: bool) {
    let apart = row.to_vec();
    let count = apart.len() / 4;
    for (i, float) in row.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let bytes = [0, 1, 2, 3].map(|byte| apart[byte * count + i]);
        *float = bytes;
        if !big_endian {
            float.reverse();
        }
    }
}

/// LZW (section 13), as the codes are needed.
struct Lzw<'a> {
    decoder: weezl::decode::Decoder,
    rest: &'a [u8],
}

impl<'a> Lzw<'a> {
    fn new(coded: &'a [u8]) -> Self {
        Self {
            decoder: weezl::decode::Decoder::with_tiff_size_switch(BitOrder::Msb, 8),
            rest: coded,
        }
    }
}

impl Read for Lzw<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let step = self.decoder.decode_bytes(self.rest, buf);
            self.rest = &self.rest[step.consumed_in..];
            match step.status {
                Err(error) => return Err(io::Error::new(ErrorKind::InvalidData, error)),
                Ok(LzwStatus::Ok) if step.consumed_out == 0 => {}
                Ok(_) => return Ok(step.consumed_out),
            }
        }
    }
}

/// PackBits (section 9).
struct PackBits<'a> {
    rest: &'a [u8],
    /// Bytes still to come of this run, and what they are: the same, or copied from `rest`.
    left: usize,
    same: Option<u8>,
}

impl<'a> PackBits<'a> {
    fn new(coded: &'a [u8]) -> Self {
        Self {
            rest: coded,
            left: 0,
            same: None,
        }
    }

    /// Begins the next run; `false` at the end.
    fn begin(&mut self) -> bool {
        while let [head, rest @ ..] = self.rest {
            let head = *head as i8;
            self.rest = rest;
            match (head, self.rest) {
                (i8::MIN, _) => continue,
                (0.., _) => (self.left, self.same) = (head as usize + 1, None),
                (_, [byte, rest @ ..]) => {
                    (self.left, self.same) = (usize::from(head.unsigned_abs()) + 1, Some(*byte));
                    self.rest = rest;
                }
                (_, []) => return false,
            }
            return true;
        }
        false
    }
}

impl Read for PackBits<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || (self.left == 0 && !self.begin()) {
            return Ok(0);
        }
        let count = buf.len().min(self.left);
        let count = match self.same {
            Some(byte) => {
                buf[..count].fill(byte);
                count
            }
            None => {
                let count = count.min(self.rest.len());
                let (run, rest) = self.rest.split_at(count);
                buf[..count].copy_from_slice(run);
                self.rest = rest;
                count
            }
        };
        self.left -= count;
        Ok(count)
    }
}
