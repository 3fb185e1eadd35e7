//! TIFF 6.0 and BigTIFF: one page of a stack, row by row.
//!
//! Read here rather than by a library because of what must hold: every strip lies inside the file and holds all its
//! rows, a picture inside the picture (JPEG) goes through the same walk and size check as a file of its own, and beside
//! the picture no more than rows are held. LZW and Deflate are libraries' work.

mod coding;
mod layout;
mod tags;

use self::coding::ChunkRows;
use self::layout::{Layout, Palette, SampleKind};
use super::canvas::Canvas;
use super::decoded::{Decoded, FileInfo};
use super::error::FrameError;
use super::file::File;
use super::format::Format;
use super::pixels::{Depth, Samples, Span, ToRgb};

/// Bytes that [`read`] takes at most.
pub(super) fn need(file: &File<'_>) -> Result<u64, FrameError> {
    CheckedPage::open(file)?.layout.need(file)
}

pub(super) fn read(file: &File<'_>) -> Result<Decoded, FrameError> {
    let page = CheckedPage::open(file)?;
    page.layout.need(file)?;
    let channels = page.layout.channels;
    let depth = match page.layout.kind {
        SampleKind::Whole(..=8) => Depth::Eight,
        kind => {
            let mut span = Span::NONE;
            page.each_row(file, |_, samples| span.add(samples, channels))?;
            match kind {
                SampleKind::Real => Depth::of_floats(span),
                SampleKind::Whole(_) => Depth::of_words(span, page.layout.stated_bits),
            }
        }
    };
    let mut canvas = Canvas::new(page.layout.size, page.layout.orientation);
    let mut to_rgb = ToRgb::new(channels, depth);
    page.each_row(file, |start, samples| {
        canvas.put(start, 1, to_rgb.run(samples));
        Ok(())
    })?;
    Ok(Decoded {
        frame: canvas.into_frame()?,
        file: FileInfo {
            page: page.number,
            pages: page.pages,
            transparent: to_rgb.transparent,
            ..FileInfo::plain(Format::Tiff, depth.bits())
        },
    })
}

/// One page whose header was checked against the limits.
struct CheckedPage<'a> {
    layout: Layout<'a>,
    /// From 1.
    number: u32,
    pages: u32,
}

impl<'a> CheckedPage<'a> {
    fn open(file: &File<'a>) -> Result<Self, FrameError> {
        let directories = tags::pages(file.bytes, file.stop)?;
        let pages = directories.len() as u32;
        let asked = file.page.unwrap_or(1);
        let directory = asked
            .checked_sub(1)
            .and_then(|n| directories.get(n as usize));
        let directory = directory.ok_or(FrameError::NoSuchPage { asked, pages })?;
        Ok(Self {
            layout: Layout::of(directory, file.limits)?,
            number: asked,
            pages,
        })
    }

    /// Every run of pixels that is stored in one row of a strip or tile: column and row of its first pixel, its samples
    /// (of a palette: RGB), inside the picture.
    fn each_row(
        &self,
        file: &File<'_>,
        mut take: impl FnMut((usize, usize), Samples<'_>) -> Result<(), FrameError>,
    ) -> Result<(), FrameError> {
        let layout = &self.layout;
        let (width, height) = (layout.size.0 as usize, layout.size.1 as usize);
        let (across, down) = (layout.chunk.0 as usize, layout.chunk.1 as usize);
        let mut sampler = Sampler::new(layout);
        for chunk in 0..layout.chunks.0 * layout.chunks.1 {
            let x = across * (chunk % layout.chunks.0);
            let top = down * (chunk / layout.chunks.0);
            let columns = across.min(width - x);
            let mut rows = ChunkRows::of(layout, chunk, file)?;
            for y in top..height.min(top + down) {
                file.stop.check()?;
                take((x, y), sampler.samples(rows.next()?, columns))?;
            }
            rows.end()?;
        }
        Ok(())
    }
}

/// Bytes of a row → samples.
struct Sampler<'a> {
    kind: SampleKind,
    big_endian: bool,
    /// Grey that is stored with 0 for white.
    inverted: bool,
    /// Samples of a pixel as stored.
    stored: usize,
    palette: Option<&'a Palette>,
    bytes: Vec<u8>,
    words: Vec<u16>,
    floats: Vec<f32>,
}

impl<'a> Sampler<'a> {
    fn new(layout: &'a Layout<'_>) -> Self {
        Self {
            kind: layout.kind,
            big_endian: layout.big_endian,
            inverted: layout.inverted,
            stored: match layout.palette {
                Some(_) => 1,
                None => layout.channels.count(),
            },
            palette: layout.palette.as_ref(),
            bytes: Vec::new(),
            words: Vec::new(),
            floats: Vec::new(),
        }
    }

    /// The first `columns` pixels of a row.
    fn samples(&mut self, row: &[u8], columns: usize) -> Samples<'_> {
        let count = columns * self.stored;
        match self.kind {
            SampleKind::Whole(16) => {
                let pairs = row.as_chunks::<2>().0.iter().take(count);
                let big_endian = self.big_endian;
                let word = |pair: &[u8; 2]| match big_endian {
                    true => u16::from_be_bytes(*pair),
                    false => u16::from_le_bytes(*pair),
                };
                let flip = if self.inverted { u16::MAX } else { 0 };
                self.words.clear();
                self.words.extend(pairs.map(|pair| word(pair) ^ flip));
                Samples::Words(&self.words)
            }
            SampleKind::Real => {
                let fours = row.as_chunks::<4>().0.iter().take(count);
                let big_endian = self.big_endian;
                let real = |four: &[u8; 4]| match big_endian {
                    true => f32::from_be_bytes(*four),
                    false => f32::from_le_bytes(*four),
                };
                self.floats.clear();
                self.floats.extend(fours.map(real));
                Samples::Floats(&self.floats)
            }
            SampleKind::Whole(bits) => {
                self.bytes.clear();
                self.unpack(row, bits, count);
                Samples::Bytes(&self.bytes)
            }
        }
    }

    /// Samples of at most 8 bits, packed from the highest bit down (section 3); grey is spread over 0..=255.
    fn unpack(&mut self, row: &[u8], bits: u8, count: usize) {
        let most = u8::MAX >> (8 - bits);
        let each = usize::from(8 / bits);
        for i in 0..count {
            let shift = 8 - bits - bits * (i % each) as u8;
            let value = row[i / each] >> shift & most;
            match self.palette {
                Some(palette) => self.bytes.extend(palette.colour(value)),
                None => {
                    let value = if self.inverted { most - value } else { value };
                    self.bytes.push(value * (255 / most));
                }
            }
        }
    }
}
