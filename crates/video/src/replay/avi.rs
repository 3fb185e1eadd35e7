//! Motion JPEG in AVI.

use std::fs::File;
use std::time::Duration;

use picture::frame::{Frame, FrameLimits};

use super::clip::{Clip, UNSAID};
use super::error::{lost, unusable};
use crate::avi::{AviError, AviReader};
use crate::picture_reader::PictureReader;
use crate::source::{Encoding, SourceError};

pub(super) struct AviClip {
    file: AviReader<File>,
    pictures: PictureReader,
    jpeg: Vec<u8>,
}

impl AviClip {
    pub fn open(file: File, limits: FrameLimits) -> Result<Self, SourceError> {
        let file = AviReader::open(file).map_err(|error| match error {
            AviError::Io(error) => lost(error),
            error => unusable(error),
        })?;
        Ok(Self {
            file,
            pictures: PictureReader::new(limits),
            jpeg: Vec::new(),
        })
    }
}

fn garbage(error: AviError) -> SourceError {
    SourceError::Garbage(error.into())
}

impl Clip for AviClip {
    fn advance(&mut self) -> Result<Option<Duration>, SourceError> {
        let Some(size) = self.file.advance().map_err(garbage)? else {
            return Ok(None);
        };
        // An empty chunk is the picture before once more, whether that was shown or not.
        if size > 0 {
            self.file.read(&mut self.jpeg).map_err(garbage)?;
        }
        Ok(Some(self.file.duration().unwrap_or(UNSAID)))
    }

    fn show(&mut self, canvas: &mut Frame) -> Result<Encoding, SourceError> {
        self.pictures.read_jpeg(&self.jpeg, canvas)?;
        Ok(Encoding::Jpeg)
    }

    fn rewind(&mut self) -> Result<(), SourceError> {
        self.jpeg.clear();
        self.file.rewind();
        Ok(())
    }
}
