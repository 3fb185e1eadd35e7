//! The segments of JPEG and JPEG-LS (T.81, B; T.87, C).

use crate::error::DicomError;
use crate::layout::SampleLayout;

const CUT: DicomError = DicomError::Truncated("a frame's JPEG");

/// Segments by their markers.
pub(super) struct JpegMarker;

impl JpegMarker {
    pub const SOF0: u8 = 0xc0;
    pub const SOF2: u8 = 0xc2;
    pub const SOF3: u8 = 0xc3;
    pub const DHT: u8 = 0xc4;
    pub const EOI: u8 = 0xd9;
    pub const SOS: u8 = 0xda;
    pub const DRI: u8 = 0xdd;
    pub const APP0: u8 = 0xe0;
    pub const APP14: u8 = 0xee;
    pub const APP15: u8 = 0xef;
    pub const SOF55: u8 = 0xf7;
    pub const LSE: u8 = 0xf8;
    pub const COM: u8 = 0xfe;
}

/// A frame's segments, one after the other.
pub(super) struct JpegParts<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> JpegParts<'a> {
    /// From the first, past the marker that begins the picture.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next segment: its marker and what it holds.
    pub fn next(&mut self) -> Result<(u8, &'a [u8]), DicomError> {
        loop {
            let rest = self.rest();
            let start = rest.iter().position(|byte| *byte == 0xff).ok_or(CUT)? + 1;
            self.at += start;
            match *self.rest().first().ok_or(CUT)? {
                0x00 | 0xff => {}
                0x01 | 0xd0..=0xd8 => self.at += 1,
                JpegMarker::EOI => return Err(CUT),
                marker => {
                    self.at += 1;
                    let rest = self.rest();
                    let length = rest.first_chunk().map(|b| u16::from_be_bytes(*b));
                    let length = usize::from(length.ok_or(CUT)?);
                    let body = rest.get(2..length).ok_or(CUT)?;
                    self.at += length;
                    return Ok((marker, body));
                }
            }
        }
    }

    /// What follows the last segment.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }
}

/// A frame header (T.81, B.2.2).
pub(super) struct JpegSize {
    pub precision: u32,
    rows: u32,
    columns: u32,
    /// Of its components.
    pub ids: Vec<u8>,
    /// Whether all components have all samples.
    full: bool,
}

impl JpegSize {
    pub fn of(body: &[u8]) -> Result<Self, DicomError> {
        let [precision, h1, h0, w1, w0, count, components @ ..] = body else {
            return Err(CUT);
        };
        let components = components.as_chunks::<3>().0;
        let components = components.get(..usize::from(*count)).ok_or(CUT)?;
        Ok(Self {
            precision: u32::from(*precision),
            rows: u16::from_be_bytes([*h1, *h0]).into(),
            columns: u16::from_be_bytes([*w1, *w0]).into(),
            ids: components.iter().map(|[id, ..]| *id).collect(),
            full: components.iter().all(|[_, factors, _]| *factors == 0x11),
        })
    }

    /// What the file's header says must be so in the frame's: pixels were counted by it.
    pub fn must_fit(&self, layout: &SampleLayout) -> Result<(), DicomError> {
        let same = (self.columns, self.rows) == (layout.columns, layout.rows)
            && self.ids.len() == layout.samples;
        let bits = 8 * layout.bytes as u32;
        match same && (2..=bits).contains(&self.precision) {
            true => Ok(()),
            false => Err(DicomError::Damaged(
                "a frame is of another size or depth than its header says",
            )),
        }
    }

    /// Without loss there is no subsampling.
    pub fn must_be_full(&self) -> Result<(), DicomError> {
        match self.full {
            true => Ok(()),
            false => Err(DicomError::Unsupported(
                "its lossless JPEG has fewer samples of some colours",
            )),
        }
    }
}
