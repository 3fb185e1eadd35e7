//! Pictures → a stream.

use picture::NOTICE;
use picture::frame::Frame;

use crate::convert::write_yuv420;

/// Writes pictures of one size as 4:2:0 in limited range.
#[derive(Clone, Copy, Debug)]
pub struct Y4mWriter {
    size: [u32; 2],
}

impl Y4mWriter {
    /// Begins a stream of pictures of this size: its header is appended to `bytes`, with the notice as a comment. `rate`:
    /// pictures in so many seconds.
    #[must_use]
    pub fn begin(size: [u32; 2], rate: [u32; 2], bytes: &mut Vec<u8>) -> Self {
        let [[width, height], [pictures, seconds]] = [size, rate];
        // A parameter has no spaces. FFmpeg reads no more than 95 bytes: what is meant where nothing is said is not said.
        let notice = NOTICE.replace(' ', "_");
        let header =
            format!("YUV4MPEG2 W{width} H{height} F{pictures}:{seconds} Ip C420jpeg X{notice}\n");
        bytes.extend(header.into_bytes());
        Self { size }
    }

    /// Appends a picture; whether it was of the stream's size: one of another is left out, as a stream has one size.
    #[must_use]
    pub fn push(&self, frame: &Frame, bytes: &mut Vec<u8>) -> bool {
        let fits = frame.size() == self.size;
        if fits {
            bytes.extend(b"FRAME\n");
            write_yuv420(frame, bytes);
        }
        fits
    }
}
