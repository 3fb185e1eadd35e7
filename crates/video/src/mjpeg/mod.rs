//! One JPEG after the other, as cameras, `ffmpeg -f mjpeg` and HTTP streams send them.

mod splitter;

#[cfg(test)]
mod tests;

pub use splitter::{JPEG_BYTES, JpegSplit, JpegSplitter};
