//! One frame's bytes → its samples, each as it is stored. A frame that is cut short is an error in every coding.

mod bits;
mod dct;
mod jpeg;
mod jpeg2000;
mod lossless;
mod ls;
mod ls_header;
mod native;
mod raster;
mod rle;
mod segments;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::DicomError;
use crate::layout::SampleLayout;
use crate::syntax::Coding;

pub(crate) use self::raster::{CodedFrame, Raster, RasterValues};

/// Bytes that [`decode`] takes at most beside a frame's own.
pub(crate) fn need(coding: Coding, layout: &SampleLayout) -> u64 {
    let values = layout.values() as u64;
    // Tables of codes and of what is shown for each value.
    let tables = 1 << 20;
    let samples = match coding {
        Coding::Native | Coding::Encapsulated | Coding::DeflatedFrame => 6 * values,
        Coding::Rle => 4 * values,
        // Real numbers: the samples, and the coefficients and what is made of them for a component at a time.
        Coding::Jpeg2000 => 4 * values + 12 * layout.pixels() as u64 + 4 * values,
        // All coefficients of a progressive one.
        Coding::JpegDct => 10 * values,
        Coding::JpegLossless | Coding::JpegLs => 4 * values,
    };
    tables + samples
}

/// Decodes a frame. With overflow checks on, an arithmetic slip in a decoder is a panic; it costs this frame, not the thread.
pub(crate) fn decode(coding: Coding, frame: &CodedFrame<'_>) -> Result<Raster, DicomError> {
    frame.stop.check()?;
    if frame.bytes.is_empty() {
        return Err(DicomError::Truncated("a frame: it has no bytes"));
    }
    let read = match coding {
        Coding::Native | Coding::Encapsulated => native::decode,
        Coding::DeflatedFrame => native::inflate,
        Coding::Rle => rle::decode,
        Coding::JpegDct | Coding::JpegLossless | Coding::JpegLs => jpeg::decode,
        Coding::Jpeg2000 => jpeg2000::decode,
    };
    catch_unwind(AssertUnwindSafe(|| read(frame))).unwrap_or(Err(DicomError::Damaged(
        "a frame's data made its decoder fail",
    )))
}
