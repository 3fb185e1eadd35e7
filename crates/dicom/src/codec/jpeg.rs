//! Which of JPEG's codings a frame is in: that says the frame, whatever its file says.

use super::raster::{CodedFrame, Raster};
use super::segments::{JpegMarker, JpegParts, JpegSize};
use super::{dct, lossless, ls};
use crate::error::DicomError;

pub(super) fn decode(frame: &CodedFrame<'_>) -> Result<Raster, DicomError> {
    let mut parts = JpegParts::of(frame.bytes);
    loop {
        let (marker, body) = parts.next()?;
        match marker {
            JpegMarker::SOF0..=JpegMarker::SOF2 => {
                let size = JpegSize::of(body)?;
                size.must_fit(frame.layout)?;
                return dct::decode(frame, &size);
            }
            JpegMarker::SOF3 => return lossless::decode(frame),
            JpegMarker::SOF55 => return ls::decode(frame),
            0xc5..=0xcf if marker != 0xc8 && marker != 0xcc => {
                return Err(DicomError::Coding("hierarchical or arithmetic JPEG"));
            }
            JpegMarker::SOS => {
                return Err(DicomError::Damaged("a frame's JPEG has no frame header"));
            }
            _ => {}
        }
    }
}
