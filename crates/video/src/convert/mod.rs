//! Raw samples, as devices and Y4M give them, → RGB in the memory that a frame has; and a frame → 4:2:0, for who records.
//!
//! Colours are those of ITU-R BT.601, as all sources of this kind mean them. A chroma sample counts for each pixel that
//! it was taken from; nothing is drawn between them.

mod matrix;
mod raw;
mod yuv420;

#[cfg(test)]
mod tests;

pub use matrix::YuvRange;
pub use raw::{Plane, Planes, RawError, RawPicture, Subsampling};
pub use yuv420::write_yuv420;
