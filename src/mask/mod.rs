//! Low-resolution logits → a binary [`Mask`] at the frame's own size, and what is measured on it.

/// A binary mask at the size and orientation of its frame.
///
/// Invariant: `pixels.len() == width * height`, every value 0 or 255.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Row-major, 0 (background) or 255 (target).
    pub pixels: Vec<u8>,
}
