//! A stream of JPEGs.

use picture::frame::{Frame, FrameLimits};

use super::error::StreamError;
use super::reel::Reel;
use crate::mjpeg::{JPEG_BYTES, JpegSplit, JpegSplitter};
use crate::picture_reader::PictureReader;
use crate::source::{Encoding, SourceError};

/// Bytes without any picture after which a stream is none of JPEGs.
const FOREIGN: u64 = 256 << 10;

pub(super) struct JpegReel {
    splitter: JpegSplitter,
    reader: PictureReader,
    came: u64,
}

impl JpegReel {
    pub fn new(limits: FrameLimits) -> Self {
        Self {
            splitter: JpegSplitter::new(JPEG_BYTES),
            reader: PictureReader::new(limits),
            came: 0,
        }
    }
}

impl Reel for JpegReel {
    fn room(&mut self) -> &mut [u8] {
        self.splitter.room()
    }

    fn filled(&mut self, count: usize) -> Result<(), SourceError> {
        self.splitter.filled(count);
        let mut result = Ok(());
        while let Some(split) = self.splitter.split() {
            self.came += 1;
            if split == JpegSplit::TooLong {
                result = Err(SourceError::Garbage(StreamError::Endless.into()));
            }
        }
        if self.came == 0 && self.splitter.skipped() > FOREIGN {
            return Err(SourceError::Unusable(StreamError::Foreign.into()));
        }
        result
    }

    fn finish(&mut self) {
        self.came += u64::from(self.splitter.finish().is_some());
    }

    fn came(&self) -> u64 {
        self.came
    }

    fn take(&mut self, canvas: &mut Frame) -> Result<Encoding, SourceError> {
        let Some(newest) = self.splitter.newest() else {
            return Err(SourceError::TimedOut);
        };
        let decoded = self.reader.read_jpeg(newest, canvas);
        self.splitter.forget_newest();
        decoded?;
        Ok(Encoding::Jpeg)
    }
}
