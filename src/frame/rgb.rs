//! The picture that comes out.

/// An upright picture: EXIF orientation already applied, interleaved 8-bit RGB.
///
/// Invariant: `rgb.len() == 3 * width * height`, both sides ≥ 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Row-major interleaved RGB, 0..=255.
    pub rgb: Vec<u8>,
}
