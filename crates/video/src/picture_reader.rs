//! Picture files one after the other, as video has them: none may hold up the next.

use std::time::{Duration, Instant};

use picture::frame::{Format, Frame, FrameLimits, Stop, read_file_into};

use crate::source::SourceError;

/// A picture that takes longer to decode, by the system's clock, is no video.
pub(crate) const DECODING: Duration = Duration::from_secs(1);

/// Decodes pictures, each within a second.
#[derive(Clone, Debug)]
pub struct PictureReader {
    limits: FrameLimits,
    /// Never, of itself: kept, since a new one takes memory.
    stop: Stop,
}

/// A picture of another format, where only a JPEG can come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the picture is {}, not a JPEG", .0.name())]
pub struct NotJpeg(Format);

impl PictureReader {
    /// Within these limits.
    #[must_use]
    pub fn new(limits: FrameLimits) -> Self {
        Self {
            limits,
            stop: Stop::never(),
        }
    }

    /// Decodes a file of any format into `canvas`.
    ///
    /// # Errors
    /// [`SourceError::Garbage`] of [`picture::frame::FrameError`]; the canvas is then nobody's.
    pub fn read(&self, bytes: &[u8], canvas: &mut Frame) -> Result<(), SourceError> {
        self.read_until(bytes, canvas, Instant::now() + DECODING)
    }

    /// As [`Self::read`], of a JPEG alone.
    ///
    /// # Errors
    /// As of [`Self::read`], and [`SourceError::Garbage`] of [`NotJpeg`].
    pub fn read_jpeg(&self, bytes: &[u8], canvas: &mut Frame) -> Result<(), SourceError> {
        match Format::of(bytes)? {
            Format::Jpeg => self.read(bytes, canvas),
            other => Err(SourceError::Garbage(NotJpeg(other).into())),
        }
    }

    fn read_until(
        &self,
        bytes: &[u8],
        canvas: &mut Frame,
        until: Instant,
    ) -> Result<(), SourceError> {
        let stop = self.stop.no_later_than(until);
        read_file_into(bytes, &self.limits, &stop, canvas)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use picture::frame::{FrameError, Stopped};
    use picture::render::{encode_jpeg, encode_png};

    use super::*;

    fn cause(result: Result<(), SourceError>) -> picture::segmenter::Cause {
        match result {
            Err(SourceError::Garbage(cause)) => cause,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_picture_is_given_up_when_its_time_is_over_and_the_next_is_read() {
        let reader = PictureReader::new(FrameLimits::default());
        let grey = Frame::new(32, 24, vec![90; 3 * 32 * 24]).unwrap();
        let mut canvas = Frame::new(1, 1, vec![0; 3]).unwrap();
        for file in [
            encode_jpeg(&grey, 90).unwrap(),
            encode_png(grey.clone()).unwrap(),
        ] {
            let late = cause(reader.read_until(&file, &mut canvas, Instant::now()));
            let late = late.downcast_ref();
            assert_eq!(late, Some(&FrameError::Stopped(Stopped::Late)));
            reader.read(&file, &mut canvas).unwrap();
            assert_eq!(canvas.size(), [32, 24]);
        }
    }

    #[test]
    fn what_is_no_jpeg_is_refused_where_only_one_can_come() {
        let reader = PictureReader::new(FrameLimits::default());
        let grey = Frame::new(32, 24, vec![90; 3 * 32 * 24]).unwrap();
        let mut canvas = Frame::new(1, 1, vec![0; 3]).unwrap();
        let jpeg = encode_jpeg(&grey, 90).unwrap();
        reader.read_jpeg(&jpeg, &mut canvas).unwrap();
        let png = encode_png(grey).unwrap();
        let refused = cause(reader.read_jpeg(&png, &mut canvas));
        assert_eq!(refused.downcast_ref(), Some(&NotJpeg(Format::Png)));
    }
}
