//! The bytes of a buffer → a picture, in memory that is there already.

use picture::frame::{Frame, FrameLimits};
use video::convert::{Plane, Planes, RawPicture};
use video::picture_reader::PictureReader;
use video::source::{Encoding, SourceError};

use super::error::CameraError;
use super::format::PixelLayout;

/// Makes pictures of one layout.
pub(super) struct FramePainter {
    pub layout: PixelLayout,
    pub encoding: Encoding,
    reader: PictureReader,
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
            reader: PictureReader::new(limits),
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
            _ => return self.reader.read_jpeg(bytes, canvas),
        };
        let (found, expected) = (bytes.len(), self.layout.bytes);
        if found > expected as usize {
            let cause = CameraError::Overlong { found, expected };
            return Err(SourceError::Garbage(cause.into()));
        }
        let raw = RawPicture {
            size: self.layout.size,
            range: self.layout.range,
            standard: self.layout.standard,
            planes,
        };
        Ok(raw.write(canvas)?)
    }
}
