//! Bytes of a picture file → [`Frame`]: upright 8-bit RGB, checked against limits before anything is allocated.

mod canvas;
mod error;
mod format;
mod jpeg;
mod library;
mod pixels;
mod png;
mod stop;
mod tiff;
mod watched;
mod webp;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use error::FrameError;
pub use format::Format;
pub use stop::{Stop, Stopped};

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

impl Frame {
    /// A picture of these samples, row-major interleaved RGB.
    ///
    /// # Errors
    /// [`FrameError::BadSamples`] if they do not fill the size, or it has no pixels.
    pub fn new(width: u32, height: u32, rgb: Vec<u8>) -> Result<Self, FrameError> {
        let expected = 3 * u64::from(width) * u64::from(height);
        let found = rgb.len() as u64;
        if expected == 0 || found != expected {
            return Err(FrameError::BadSamples {
                width,
                height,
                found,
            });
        }
        Ok(Self { width, height, rgb })
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> [u32; 2] {
        [self.width, self.height]
    }

    /// `3 * width * height` samples, row-major interleaved RGB, 0..=255.
    #[must_use]
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// As [`Frame::rgb`], to be drawn upon.
    #[must_use]
    pub fn rgb_mut(&mut self) -> &mut [u8] {
        &mut self.rgb
    }

    /// As [`Frame::rgb`], for who needs the picture no more.
    #[must_use]
    pub fn into_rgb(self) -> Vec<u8> {
        self.rgb
    }
}

/// What a picture may cost. Checked on the header, before pixels are allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLimits {
    /// Most pixels (width × height) accepted.
    pub max_pixels: u64,
    /// Least length of either side, px. A 1-pixel strip has no anatomy to segment.
    pub min_side: u32,
    /// Most bytes that decoding may take at any moment, the [`Frame`] it gives included.
    pub max_memory: u64,
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

/// A decoded picture and what its file said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The picture.
    pub frame: Frame,
    /// Its file.
    pub file: FileInfo,
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self {
            max_pixels: 24_000_000,
            min_side: 16,
            max_memory: 128 << 20,
        }
    }
}

impl FrameLimits {
    /// Refuses a picture by the size its header claims.
    fn check(&self, (width, height): (u32, u32)) -> Result<(), FrameError> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels > self.max_pixels {
            return Err(FrameError::TooLarge {
                width,
                height,
                pixels,
                limit: self.max_pixels,
            });
        }
        // A side of 0 is refused whatever the limit says: `Frame` promises at least one pixel.
        let min_side = self.min_side.max(1);
        if width.min(height) < min_side {
            return Err(FrameError::TooSmall {
                width,
                height,
                min_side,
            });
        }
        Ok(())
    }

    /// Refuses what would need more memory than allowed; else gives back how much.
    fn afford(&self, need: u64) -> Result<u64, FrameError> {
        let limit = self.max_memory;
        match need <= limit {
            true => Ok(need),
            false => Err(FrameError::TooMuchMemory { need, limit }),
        }
    }
}

/// A file to be read, and within what.
#[derive(Clone, Copy)]
struct File<'a> {
    bytes: &'a [u8],
    /// From 1; `None`: the first.
    page: Option<u32>,
    limits: &'a FrameLimits,
    stop: &'a Stop,
}

impl File<'_> {
    /// Refuses every page but the first, of a format whose further `pages` are not read.
    fn only_first_of(&self, pages: u32) -> Result<(), FrameError> {
        match self.page {
            None | Some(1) => Ok(()),
            Some(asked) if asked > 0 && asked <= pages => Err(error::unsupported(
                "a later frame of an animation; send it as a picture of its own",
            )),
            Some(asked) => Err(FrameError::NoSuchPage { asked, pages }),
        }
    }
}

/// Decodes a picture file to upright RGB: its first page, however long it takes. See [`read_file`].
///
/// # Errors
/// As [`read_file`].
pub fn decode(bytes: &[u8], limits: &FrameLimits) -> Result<Frame, FrameError> {
    read_file(bytes, None, limits, &Stop::never()).map(|decoded| decoded.frame)
}

/// Decodes a picture file to upright RGB: one page (from 1; `None`: the first), until `stop` says otherwise.
///
/// Reads PNG, JPEG (baseline and progressive, grey or colour), BMP, TIFF (BigTIFF too) and WebP, told apart by their
/// first bytes and never by a name; grey, RGB and palettes of 1 to 16 bits, TIFF's 32-bit real numbers. Deep samples
/// become 8 bits by the range that the file states or its values keep to ([`FileInfo::bits`]). Transparent pixels are
/// laid on black. The EXIF (TIFF: `Orientation`) rotation is applied. Of an animated PNG the default picture is read; an
/// animated WebP has none and is refused. A JPEG without Huffman tables, as cameras send it, is read with those of T.81
/// K.3; one that lacks nothing but its end marker is whole.
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
    guarded(|| match Format::of(bytes)? {
        Format::Png => png::need(&file),
        Format::Jpeg => jpeg::need(&file),
        Format::Bmp => library::need_bmp(&file),
        Format::Tiff => tiff::need(&file),
        Format::WebP => library::need_webp(&file),
    })
}

/// The decoders are written not to panic, but they are large and read hostile bytes; with overflow checks on, an
/// arithmetic slip in one of them is a panic. It costs this picture, not the thread that serves all.
fn guarded<R>(read: impl FnOnce() -> Result<R, FrameError>) -> Result<R, FrameError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(error::damaged("its data made the decoder fail")))
}

fn read_unguarded(file: &File<'_>) -> Result<Decoded, FrameError> {
    file.stop.check()?;
    match Format::of(file.bytes)? {
        Format::Png => png::read(file),
        Format::Jpeg => jpeg::read(file),
        Format::Bmp => library::read_bmp(file),
        Format::Tiff => tiff::read(file),
        Format::WebP => library::read_webp(file),
    }
}
