//! A picture → its JPEG → the picture again, so that both are the same.

use std::sync::Arc;

use picture::frame::{Frame, FrameError, FrameLimits, Stop, read_file_into};
use picture::render::{Chroma, JpegEncoder};
use video::mjpeg::JPEG_BYTES;

/// Fine enough that a mask hardly differs from that of the picture as it came.
const QUALITY: u8 = 95;

/// What was a frame before is one again: its size was judged when it came in.
const AS_IT_CAME: FrameLimits = FrameLimits {
    max_pixels: u64::MAX,
    min_side: 1,
    max_memory: u64::MAX,
};

/// Makes of each picture the one that its JPEG decodes to.
#[derive(Debug)]
pub(crate) struct ClipPress {
    encoder: JpegEncoder,
    file: Vec<u8>,
    last: Arc<[u8]>,
}

impl ClipPress {
    pub fn new() -> Self {
        Self {
            encoder: JpegEncoder::new(QUALITY, Chroma::Full),
            file: Vec::new(),
            last: Arc::default(),
        }
    }

    /// The picture's JPEG; from then on `canvas` is what that decodes to. Equal pictures stay equal, and share one JPEG.
    /// `None`, and the picture as it was, if a JPEG cannot hold it.
    ///
    /// # Errors
    /// A fault of this program; the canvas is nobody's then.
    pub fn press(&mut self, canvas: &mut Frame) -> Result<Option<Arc<[u8]>>, FrameError> {
        let pressed = self.encoder.encode(canvas, &mut self.file);
        if pressed.is_err() || self.file.len() > JPEG_BYTES {
            return Ok(None);
        }
        if *self.file != *self.last {
            self.last = self.file.as_slice().into();
        }
        read_file_into(&self.last, &AS_IT_CAME, &Stop::never(), canvas)?;
        Ok(Some(self.last.clone()))
    }
}
