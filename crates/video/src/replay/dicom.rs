//! A cine loop in DICOM, each frame shown as long as the file says.

use std::fs::File;
use std::time::{Duration, Instant};

use dicom::{DicomError, DicomFile, FrameWish};
use picture::frame::{Frame, FrameLimits, Stop};

use super::clip::{Clip, UNSAID};
use super::error::{lost, unusable};
use crate::picture_reader::DECODING;
use crate::source::{Encoding, SourceError};

pub(super) struct DicomClip {
    file: DicomFile,
    /// Frames gone by, the current one included.
    at: u32,
    /// Never, of itself.
    stop: Stop,
}

impl DicomClip {
    pub fn open(file: File, limits: FrameLimits) -> Result<Self, SourceError> {
        let file = DicomFile::open(file, limits).map_err(|error| match error {
            DicomError::Io(error) => lost(std::io::Error::new(error.kind(), error)),
            error => unusable(error),
        })?;
        // A frame that costs too much is known beforehand.
        file.need(0).map_err(unusable)?;
        Ok(Self {
            file,
            at: 0,
            stop: Stop::never(),
        })
    }
}

impl Clip for DicomClip {
    fn advance(&mut self) -> Result<Option<Duration>, SourceError> {
        let facts = self.file.facts();
        if self.at >= facts.frames {
            return Ok(None);
        }
        let shown = facts.timing.shown(self.at);
        self.at += 1;
        Ok(Some(shown.unwrap_or(UNSAID)))
    }

    fn show(&mut self, canvas: &mut Frame) -> Result<Encoding, SourceError> {
        let wish = FrameWish {
            frame: self.at.saturating_sub(1),
            window: None,
        };
        let stop = self.stop.no_later_than(Instant::now() + DECODING);
        let read = self.file.read_into(wish, &stop, canvas);
        read.map_err(|error| SourceError::Garbage(error.into()))?;
        Ok(Encoding::File)
    }

    fn rewind(&mut self) -> Result<(), SourceError> {
        self.at = 0;
        Ok(())
    }
}
