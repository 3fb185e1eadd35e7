//! DICOM files as a test writes them, and as pydicom does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]
#![allow(missing_docs, reason = "nobody reads these but tests")]

mod answer;
mod coders;
mod codings;
mod elements;
mod hostile;
mod intake;
mod naming;
mod objects;
mod privacy;
mod pydicom;
mod said;
mod scales;
mod writer;

use espmedsam_dicom::{DicomError, DicomFile, FrameWish, ShownAs};
use picture::frame::{Frame, FrameLimits, Stop};

/// Bounds of tests.
pub const LIMITS: FrameLimits = FrameLimits {
    max_pixels: 1 << 20,
    min_side: 16,
    max_memory: 16 << 20,
};

pub fn open(bytes: &[u8]) -> Result<DicomFile, DicomError> {
    DicomFile::of_bytes(bytes.to_vec(), LIMITS)
}

pub fn read(bytes: &[u8], frame: u32) -> Result<(Frame, ShownAs), DicomError> {
    let wish = FrameWish {
        frame,
        window: None,
    };
    open(bytes)?.read(wish, &Stop::never())
}
