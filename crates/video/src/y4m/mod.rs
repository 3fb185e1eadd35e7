//! YUV4MPEG2, "Y4M": a line of text, then raw pictures, each after a line of its own. What `ffmpeg -f yuv4mpegpipe` writes
//! (mjpegtools' `yuv4mpeg(5)`).
//!
//! A header has no word for how its colours are made of red, green and blue. They are read as BT.601, which is what `ffmpeg`
//! makes of RGB; video in high definition keeps its BT.709 unless it is told otherwise
//! (`-vf scale=out_color_matrix=bt601`), and is then up to 37 of 255 levels off in saturated colours.

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
