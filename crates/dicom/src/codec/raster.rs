//! What goes into a decoder and what comes out.

use picture::frame::{FrameLimits, Stop};

use crate::layout::SampleLayout;

/// A frame's bytes, as they lie in the file, and how to read them.
pub(crate) struct CodedFrame<'a> {
    pub bytes: &'a [u8],
    pub layout: &'a SampleLayout,
    pub limits: &'a FrameLimits,
    pub stop: &'a Stop,
    /// Of samples that are not compressed: whether their words are big-endian, and whether bytes are written as words.
    pub big_endian: bool,
    pub words: bool,
}

/// Samples of a frame: as many as [`SampleLayout::values`].
pub(crate) struct Raster {
    pub values: RasterValues,
    /// Whether each sample has a plane of its own.
    pub planar: bool,
    /// Whether three samples are RGB already, whatever the header calls them.
    pub rgb: bool,
}

pub(crate) enum RasterValues {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
}

impl Raster {
    /// Samples pixel by pixel, in as many bytes as the header says they have.
    pub fn interleaved(values: Vec<u16>, layout: &SampleLayout) -> Self {
        let values = match layout.bytes {
            1 => RasterValues::Bytes(values.into_iter().map(|v| v as u8).collect()),
            _ => RasterValues::Words(values),
        };
        Self {
            values,
            planar: false,
            rgb: false,
        }
    }
}
