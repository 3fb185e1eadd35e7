//! YUV4MPEG2, "Y4M": a line of text, then raw pictures, each after a line of its own. What `ffmpeg -f yuv4mpegpipe` writes
//! (mjpegtools' `yuv4mpeg(5)`).

mod error;
mod header;
mod line;
mod write;

#[cfg(test)]
mod tests;

pub use error::{Y4M_LINE, Y4mError};
pub use header::{Y4mColours, Y4mHeader};
pub use line::{Y4M_MAGIC, frame_line};
pub use write::Y4mWriter;
