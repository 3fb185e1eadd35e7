//! Bytes of a picture file → [`Frame`]: upright 8-bit RGB, checked against limits before anything is allocated.
//!
//! A format more is an entry in `format`, a decoder of its own, and a line in `Codec::of`.

mod bmp;
mod canvas;
mod decoded;
mod error;
mod file;
mod foreign;
mod format;
mod jpeg;
mod library;
mod limits;
mod magic;
mod pixels;
mod png;
mod recognise;
mod rect;
mod rgb;
mod stop;
mod tiff;
mod watched;
mod webp;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::error::damaged;
use self::file::File;

pub(crate) use self::jpeg::typical;

pub use self::decoded::{Decoded, DicomSaid, FileInfo, FileNote, Undecoded};
pub use self::error::{Damage, FileFault, FrameError, OtherFile, Refusal};
pub use self::format::Format;
pub use self::limits::FrameLimits;
pub use self::pixels::{significant_bits, to_eight_bits};
pub use self::rect::{BadRect, PixelRect, RegionError};
pub use self::rgb::Frame;
pub use self::stop::{Stop, Stopped};

/// Decodes a picture file to upright RGB: its first page, however long it takes. See [`read_file`].
///
/// # Errors
/// As [`read_file`].
pub fn decode(bytes: &[u8], limits: &FrameLimits) -> Result<Frame, FrameError> {
    read_file(bytes, None, limits, &Stop::never()).map(|decoded| decoded.frame)
}

/// Decodes a picture file to upright RGB: one page (from 1; `None`: the first), until `stop` says otherwise.
///
/// Reads the formats of [`Format`], told apart by their first bytes and never by a name: PNG, JPEG (baseline and
/// progressive, grey or colour), BMP, TIFF (BigTIFF too) and WebP; grey, RGB and palettes of 1 to 16 bits, TIFF's 32-bit
/// real numbers. Deep samples become 8 bits by the range that the file states or its values keep to
/// ([`FileInfo::bits`]). Transparent pixels are laid on black. The EXIF (TIFF: `Orientation`) rotation is applied. Of an
/// animated PNG the default picture is read; an animated WebP has none and is refused. A JPEG without Huffman tables, as
/// cameras send it, is read with those of T.81 K.3; one that lacks nothing but its end marker is whole.
///
/// # Errors
/// See [`FrameError`]. A picture that is cut short is an error, never a frame with missing parts; so it is inside a TIFF.
/// CMYK, YCCK, 12-bit, lossless and arithmetic-coded JPEG, CMYK, packed 12-bit and signed TIFF are
/// [`FrameError::Unsupported`].
pub fn read_file(
    bytes: &[u8],
    page: Option<u32>,
    limits: &FrameLimits,
    stop: &Stop,
) -> Result<Decoded, FrameError> {
    let file = File {
        bytes,
        page,
        limits,
        stop,
    };
    guarded(|| read_unguarded(&file))
}

/// As [`read_file`], for who decodes one picture after the other: into a frame whose memory is there already. Its earlier
/// pixels are lost either way; after an error what it holds is not said. Only JPEG makes use of that memory.
///
/// # Errors
/// As [`read_file`].
pub fn read_file_into(
    bytes: &[u8],
    limits: &FrameLimits,
    stop: &Stop,
    frame: &mut Frame,
) -> Result<FileInfo, FrameError> {
    let file = File {
        bytes,
        page: None,
        limits,
        stop,
    };
    guarded(|| {
        stop.check()?;
        if Format::of(bytes)? == Format::Jpeg {
            return jpeg::read_into(&file, frame);
        }
        let decoded = read_unguarded(&file)?;
        *frame = decoded.frame;
        Ok(decoded.file)
    })
}

/// Bytes that [`read_file`] takes at most for this file, the [`Frame`] included; by its headers alone.
///
/// # Errors
/// What the headers alone tell of [`FrameError`].
pub fn need(bytes: &[u8], page: Option<u32>, limits: &FrameLimits) -> Result<u64, FrameError> {
    let file = File {
        bytes,
        page,
        limits,
        stop: &Stop::never(),
    };
    guarded(|| (Codec::of(Format::of(bytes)?).need)(&file))
}

/// The decoders are written not to panic, but they are large and read hostile bytes; with overflow checks on, an
/// arithmetic slip in one of them is a panic. It costs this picture, not the thread that serves all.
fn guarded<R>(read: impl FnOnce() -> Result<R, FrameError>) -> Result<R, FrameError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(damaged("its data made the decoder fail")))
}

fn read_unguarded(file: &File<'_>) -> Result<Decoded, FrameError> {
    file.stop.check()?;
    (Codec::of(Format::of(file.bytes)?).read)(file)
}

/// What reads a format.
struct Codec {
    /// The most memory that `read` takes, bytes.
    need: fn(&File<'_>) -> Result<u64, FrameError>,
    read: fn(&File<'_>) -> Result<Decoded, FrameError>,
}

impl Codec {
    #[rustfmt::skip]
    fn of(format: Format) -> Self {
        match format {
            Format::Png => Self { need: png::need, read: png::read },
            Format::Jpeg => Self { need: jpeg::need, read: jpeg::read },
            Format::Bmp => Self { need: bmp::need, read: bmp::read },
            Format::Tiff => Self { need: tiff::need, read: tiff::read },
            Format::WebP => Self { need: webp::need, read: webp::read },
            #[cfg(feature = "dicom")]
            Format::Dicom => Self { need: foreign::dicom, read: foreign::dicom },
        }
    }
}
