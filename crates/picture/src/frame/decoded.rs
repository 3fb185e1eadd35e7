//! What a decoder gives.

use super::format::Format;
use super::rgb::Frame;

/// A decoded picture and what its file said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The picture.
    pub frame: Frame,
    /// Its file.
    pub file: FileInfo,
}

/// What a file said of itself, for those who must know what the [`Frame`] was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// Its format.
    pub format: Format,
    /// The page that was read, from 1.
    pub page: u32,
    /// Pages (of a TIFF) or frames (of an animation) in the file.
    pub pages: u32,
    /// Significant bits of a sample as it was understood: 12 for values 0..=4095 in 16 bits, 32 for real numbers.
    pub bits: u8,
    /// Whether it had transparent pixels, which were laid on black.
    pub transparent: bool,
}
