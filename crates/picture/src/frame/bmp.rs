//! Windows bitmaps.

use image::codecs::bmp::BmpDecoder;

use super::decoded::Decoded;
use super::error::FrameError;
use super::file::File;
use super::format::Format;
use super::library;
use super::watched::Watched;

/// Bytes that [`read`] takes at most: its own buffer of three or four channels, and the picture.
pub(super) fn need(file: &File<'_>) -> Result<u64, FrameError> {
    library::need(file, &open(file)?, 0)
}

pub(super) fn read(file: &File<'_>) -> Result<Decoded, FrameError> {
    need(file)?;
    library::read(file, Format::Bmp, open(file)?)
}

fn open<'a>(file: &File<'a>) -> Result<BmpDecoder<Watched<'a>>, FrameError> {
    BmpDecoder::new(Watched::new(file.bytes, file.stop))
        .map_err(|error| library::refused(file, Format::Bmp, error))
}
