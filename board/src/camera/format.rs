//! Formats: what a camera offers, what it is asked for, what it sends.

use std::fmt;

use video::convert::{YuvRange, YuvStandard};
use video::source::Encoding;

/// Four characters that name a pixel format, as V4L2 has them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PixelCode(pub [u8; 4]);

impl PixelCode {
    /// 4:2:2, interleaved Y U Y V.
    pub const YUYV: Self = Self(*b"YUYV");
    /// 4:2:0, a plane of Y and one of interleaved U V.
    pub const NV12: Self = Self(*b"NV12");
    /// 8-bit grey.
    pub const GREY: Self = Self(*b"GREY");
    /// A JPEG for each picture, often without Huffman tables.
    pub const MJPG: Self = Self(*b"MJPG");
    /// A JPEG for each picture.
    pub const JPEG: Self = Self(*b"JPEG");

    /// How such pictures come, if they are read here.
    #[must_use]
    pub fn encoding(self) -> Option<Encoding> {
        match self {
            Self::YUYV => Some(Encoding::Yuyv),
            Self::NV12 => Some(Encoding::Nv12),
            Self::GREY => Some(Encoding::Grey),
            Self::MJPG | Self::JPEG => Some(Encoding::Jpeg),
            _ => None,
        }
    }
}

impl fmt::Display for PixelCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for PixelCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A pixel format that a camera offers.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferedFormat {
    /// Its name.
    pub code: PixelCode,
    /// In which sizes; empty if the driver does not say.
    pub sizes: Vec<OfferedSize>,
}

/// A size, or a range of sizes, of a format. Columns, rows.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferedSize {
    /// The smallest.
    pub smallest: [u32; 2],
    /// The largest: the same, if there is only one.
    pub largest: [u32; 2],
    /// From one to the next.
    pub step: [u32; 2],
    /// Pictures a second at the largest, from the slowest to the fastest; empty if the driver does not say.
    pub fps: Vec<f32>,
    /// Whether any rate between the slowest and the fastest can be asked for as well; the driver takes what it has next to it.
    pub any_between: bool,
}

/// What a camera is asked to send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CameraMode {
    /// Format.
    pub code: PixelCode,
    /// Columns, rows.
    pub size: [u32; 2],
    /// Pictures a second, if the camera lets one choose.
    pub fps: Option<f32>,
}

/// How pictures lie in their buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelLayout {
    /// Their format.
    pub code: PixelCode,
    /// Columns, rows.
    pub size: [u32; 2],
    /// Bytes from one row (of the first plane) to the next; of no meaning for JPEG.
    pub stride: u32,
    /// Bytes of a whole picture; at most so many for JPEG.
    pub bytes: u32,
    /// Which values its samples take; of no meaning for JPEG.
    pub range: YuvRange,
    /// How they are made of red, green and blue; of no meaning for JPEG.
    pub standard: YuvStandard,
}

impl fmt::Display for PixelLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [width, height] = self.size;
        write!(f, "{width}x{height} {}", self.code)
    }
}
