//! Raw samples, as devices and Y4M give them, → RGB in the memory that a frame has; and a frame → 4:2:0, for who records.
//!
//! Colours are those of ITU-R BT.601, or of BT.709 where a device says so ([`YuvStandard`]). A chroma sample counts for each pixel that
//! it was taken from; nothing is drawn between them.

mod matrix;
mod raw;
mod yuv420;

#[cfg(test)]
mod tests;

pub use matrix::{YuvRange, YuvStandard};
pub use raw::{Plane, Planes, RawError, RawPicture, Subsampling};
pub use yuv420::write_yuv420;
