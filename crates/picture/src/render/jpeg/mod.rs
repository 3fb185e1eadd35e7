//! Pictures → baseline JPEG (ITU-T T.81, JFIF), fast enough for live viewing on a small board.
//!
//! ```text
//! pixels ──► colour ──► dct ──► quantise ──► entropy ──► file
//!            24 blocks at a time, 8 of a kind side by side
//! ```
//!
//! All of it is plain loops over arrays, which the compiler makes vector instructions of any machine. Only the last step
//! goes bit by bit.

mod colour;
mod dct;
mod entropy;
mod quantise;
mod units;

#[cfg(test)]
mod tests;

use self::colour::{ACROSS, Spans};
use self::dct::LANES;
use self::entropy::Coder;
use self::quantise::{Quantised, Quantiser};
use self::units::Units;
use super::RenderError;
use crate::NOTICE;
use crate::frame::{Frame, typical};

pub use self::units::Chroma;

/// Longest side that a baseline JPEG can have: its frame header has 16 bits for each (ITU-T T.81, B.2.2).
pub const JPEG_MAX_SIDE: u32 = 65_535;

/// Writes pictures as baseline JPEG, each with the notice as a comment segment.
#[derive(Clone, Debug)]
pub struct JpegEncoder {
    units: Units,
    /// Of brightness and of colour.
    quantisers: [Quantiser; 2],
}

impl JpegEncoder {
    /// Of a quality of 1..=100, as libjpeg counts it.
    #[must_use]
    pub fn new(quality: u8, chroma: Chroma) -> Self {
        Self {
            units: Units::of(chroma),
            quantisers: Quantiser::both(quality),
        }
    }

    /// Writes the picture in place of what `file` held. A vector that is used again grows to the longest file, and then
    /// nothing is allocated.
    ///
    /// # Errors
    /// [`RenderError::TooLongForJpeg`].
    pub fn encode(&self, frame: &Frame, file: &mut Vec<u8>) -> Result<(), RenderError> {
        file.clear();
        let size = sides(frame)?;
        self.begin(size, file);
        self.scan(frame, file);
        file.extend([0xff, 0xd9]);
        Ok(())
    }

    /// Everything before the entropy-coded data.
    fn begin(&self, [width, height]: [u16; 2], file: &mut Vec<u8>) {
        file.extend([0xff, 0xd8]);
        // JFIF 1.01: a ratio of 1 : 1 and no thumbnail. It must come first.
        segment(file, 0xe0, &[b"JFIF\0", &[1, 1, 0, 0, 1, 0, 1, 0, 0]]);
        segment(file, 0xfe, &[NOTICE.as_bytes()]);
        let [luminance, chrominance] = &self.quantisers;
        let tables: [&[u8]; 4] = [&[0], &luminance.steps, &[1], &chrominance.steps];
        segment(file, 0xdb, &tables);
        let (height, width) = (height.to_be_bytes(), width.to_be_bytes());
        let components = [3, 1, self.units.sampling, 0, 2, 0x11, 1, 3, 0x11, 1];
        segment(file, 0xc0, &[&[8], &height, &width, &components]);
        file.extend(&typical::SEGMENT);
        segment(file, 0xda, &[&[3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0]]);
    }

    fn scan(&self, frame: &Frame, file: &mut Vec<u8>) {
        let (spans, units) = (Spans::of(frame), &self.units);
        let mut coder = Coder::new(file);
        let mut blocks = [[[0; 8 * LANES]; 8]; 3];
        let mut quantised = [const { Quantised::NONE }; 3];
        for y in (0..spans.height).step_by(units.side) {
            for x in (0..spans.width).step_by(ACROSS) {
                (units.cut)(&spans, x, y, &mut blocks);
                for (group, table) in units.tables.into_iter().enumerate() {
                    dct::forward(&mut blocks[group]);
                    self.quantisers[table].run(&blocks[group], &mut quantised[group]);
                }
                let inside = (spans.width - x).min(ACROSS).div_ceil(units.side);
                for block in units.blocks(inside) {
                    coder.block(&quantised[block.group], block.lane, block.component);
                }
            }
        }
        coder.finish();
    }
}

/// A picture as baseline JPEG with all its colour, of the given quality (1..=100), with the notice as a comment segment.
///
/// # Errors
/// [`RenderError::TooLongForJpeg`].
pub fn encode_jpeg(frame: &Frame, quality: u8) -> Result<Vec<u8>, RenderError> {
    // Set aside once; pages are taken up as they are filled.
    let mut file = Vec::with_capacity(frame.rgb().len());
    JpegEncoder::new(quality, Chroma::Full).encode(frame, &mut file)?;
    file.shrink_to_fit();
    Ok(file)
}

/// Whether a JPEG can hold a picture, to be asked before it is drawn upon.
///
/// # Errors
/// [`RenderError::TooLongForJpeg`].
pub fn fits_jpeg(frame: &Frame) -> Result<(), RenderError> {
    sides(frame).map(drop)
}

fn sides(frame: &Frame) -> Result<[u16; 2], RenderError> {
    let [width, height] = frame.size();
    match (width.try_into(), height.try_into()) {
        (Ok(w), Ok(h)) => Ok([w, h]),
        _ => Err(RenderError::TooLongForJpeg { width, height }),
    }
}

/// A marker, the length of what follows (which counts its own two bytes), and that.
fn segment(file: &mut Vec<u8>, marker: u8, parts: &[&[u8]]) {
    let length = 2 + parts.iter().map(|part| part.len()).sum::<usize>();
    file.extend([0xff, marker]);
    file.extend((length as u16).to_be_bytes());
    parts.iter().for_each(|part| file.extend_from_slice(part));
}
