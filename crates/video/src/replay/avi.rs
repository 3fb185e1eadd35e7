//! Motion JPEG in AVI.

use std::fs::File;
use std::time::Duration;

use picture::frame::{Frame, FrameLimits, Stop, read_file_into};

use super::clip::{Clip, UNSAID};
use super::error::{lost, unusable};
use crate::avi::{AviError, AviReader};
use crate::source::{Encoding, SourceError};

pub(super) struct AviClip {
    reader: AviReader<File>,
    limits: FrameLimits,
    jpeg: Vec<u8>,
}

impl AviClip {
    pub fn open(file: File, limits: FrameLimits) -> Result<Self, SourceError> {
        let reader = AviReader::open(file).map_err(|error| match error {
            AviError::Io(error) => lost(error),
            error => unusable(error),
        })?;
        Ok(Self {
            reader,
            limits,
            jpeg: Vec::new(),
        })
    }
}

fn garbage(error: AviError) -> SourceError {
    SourceError::Garbage(error.into())
}

impl Clip for AviClip {
    fn advance(&mut self) -> Result<Option<Duration>, SourceError> {
        let Some(size) = self.reader.advance().map_err(garbage)? else {
            return Ok(None);
        };
        // An empty chunk is the picture before once more, whether that was shown or not.
        if size > 0 {
            self.reader.read(&mut self.jpeg).map_err(garbage)?;
        }
        Ok(Some(self.reader.duration().unwrap_or(UNSAID)))
    }

    fn show(&mut self, canvas: &mut Frame) -> Result<Encoding, SourceError> {
        read_file_into(&self.jpeg, &self.limits, &Stop::never(), canvas)?;
        Ok(Encoding::Jpeg)
    }

    fn rewind(&mut self) -> Result<(), SourceError> {
        self.jpeg.clear();
        self.reader.rewind();
        Ok(())
    }
}
