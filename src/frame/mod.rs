//! Bytes of a picture file → [`Frame`]: upright 8-bit RGB, checked against limits before anything is allocated.

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

/// What a picture may cost. Checked on the header, before pixels are allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLimits {
    /// Most pixels (width × height) accepted.
    pub max_pixels: u64,
    /// Least length of either side, px. A 1-pixel strip has no anatomy to segment.
    pub min_side: u32,
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self { max_pixels: 40_000_000, min_side: 16 }
    }
}

/// Why bytes did not become a [`Frame`].
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// No bytes at all.
    #[error("the picture is empty (0 bytes)")]
    Empty,
    /// The first bytes match none of the formats read here.
    #[error("not a picture this program reads: expected PNG, JPEG, BMP, TIFF or WebP")]
    UnknownFormat,
    /// A known format, but a variant that is refused (CMYK JPEG, say).
    #[error("unsupported picture: {0}")]
    Unsupported(String),
    /// A known format whose data is cut short or damaged.
    #[error("the picture is truncated or damaged: {0}")]
    Corrupt(String),
    /// The header claims more pixels than allowed; nothing was allocated.
    #[error("the picture is {width}x{height} = {pixels} pixels, more than the {limit} allowed")]
    TooLarge {
        /// Width in the header.
        width: u32,
        /// Height in the header.
        height: u32,
        /// Width × height.
        pixels: u64,
        /// [`FrameLimits::max_pixels`].
        limit: u64,
    },
    /// A side shorter than [`FrameLimits::min_side`].
    #[error("the picture is {width}x{height}, each side must have at least {min_side} pixels")]
    TooSmall {
        /// Width in the header.
        width: u32,
        /// Height in the header.
        height: u32,
        /// [`FrameLimits::min_side`].
        min_side: u32,
    },
}
