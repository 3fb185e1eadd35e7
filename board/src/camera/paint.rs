//! The bytes of a buffer → a picture, in memory that is there already.

use std::time::{Duration, Instant};

use picture::frame::{Frame, FrameLimits, Stop, read_file_into};
use video::convert::{Plane, Planes, RawPicture};
use video::source::{Encoding, SourceError};

use super::error::CameraError;
use super::format::PixelLayout;

/// A JPEG that takes longer to decode, by the system's clock, is no video.
const DECODING: Duration = Duration::from_secs(1);

/// Makes pictures of one layout.
pub(super) struct FramePainter {
    pub layout: PixelLayout,
    pub encoding: Encoding,
    limits: FrameLimits,
    /// Never, of itself: kept, since a new one takes memory.
    stop: Stop,
}

impl FramePainter {
    /// # Errors
    /// [`SourceError::Unusable`] if pictures laid out so are not read here, or are larger than allowed.
    pub fn new(layout: PixelLayout, limits: FrameLimits) -> Result<Self, SourceError> {
        let Some(encoding) = layout.code.encoding() else {
            let offered = vec![layout.code];
            let cause = CameraError::NoKnownFormat { offered };
            return Err(SourceError::Unusable(cause.into()));
        };
        let allowed = limits.check(layout.size.into());
        allowed.map_err(|refusal| SourceError::Unusable(refusal.into()))?;
        Ok(Self {
            layout,
            encoding,
            limits,
            stop: Stop::never(),
        })
    }

    /// Writes a buffer's picture on the canvas. A JPEG has the size that its own header says.
    ///
    /// # Errors
    /// [`SourceError::Garbage`] of what is no picture, or half of one.
    pub fn paint(&self, bytes: &[u8], canvas: &mut Frame) -> Result<(), SourceError> {
        let stride = self.layout.stride as usize;
        let plane = Plane { bytes, stride };
        let planes = match self.encoding {
            Encoding::Yuyv => Planes::Yuyv(plane),
            Encoding::Nv12 => Planes::nv12(bytes, stride, self.layout.size[1]),
            Encoding::Grey => Planes::Grey(plane),
            _ => {
                let stop = self.stop.no_later_than(Instant::now() + DECODING);
                read_file_into(bytes, &self.limits, &stop, canvas)?;
                return Ok(());
            }
        };
        let (found, expected) = (bytes.len(), self.layout.bytes);
        if found > expected as usize {
            let cause = CameraError::Overlong { found, expected };
            return Err(SourceError::Garbage(cause.into()));
        }
        let raw = RawPicture {
            size: self.layout.size,
            range: self.layout.range,
            planes,
        };
        Ok(raw.write(canvas)?)
    }
}
