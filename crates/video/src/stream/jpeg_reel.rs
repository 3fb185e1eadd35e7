//! A stream of JPEGs.

use std::time::{Duration, Instant};

use picture::frame::{Frame, FrameLimits, Stop, read_file_into};

use super::error::StreamError;
use super::reel::Reel;
use crate::mjpeg::{JPEG_BYTES, JpegSplit, JpegSplitter};
use crate::source::{Encoding, SourceError};

/// Bytes without any picture after which a stream is none of JPEGs.
const FOREIGN: u64 = 256 << 10;

/// A picture that takes longer to decode, by the system's clock, is no video.
const DECODING: Duration = Duration::from_secs(1);

pub(super) struct JpegReel {
    splitter: JpegSplitter,
    limits: FrameLimits,
    stop: Stop,
    came: u64,
}

impl JpegReel {
    pub fn new(limits: FrameLimits) -> Self {
        Self {
            splitter: JpegSplitter::new(JPEG_BYTES),
            limits,
            stop: Stop::never(),
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
        let stop = self.stop.no_later_than(Instant::now() + DECODING);
        let decoded = read_file_into(newest, &self.limits, &stop, canvas);
        self.splitter.forget_newest();
        decoded?;
        Ok(Encoding::Jpeg)
    }
}
