//! Bytes of a picture file → [`Frame`]: upright 8-bit RGB, checked against limits before anything is allocated.

mod jpeg;
mod rgb;
mod stop;
mod webp;

#[cfg(test)]
mod tests;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::bmp::BmpDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::tiff::TiffDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, Limits};

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
    /// Name of the format, for example `TIFF`.
    pub format: &'static str,
    /// The page that was read, from 1.
    pub page: u32,
    /// Pages (of a TIFF) or frames (of an animation) in the file.
    pub pages: u32,
    /// Significant bits of a sample as it was understood: 12 for values 0..=4095 in 16 bits.
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
    /// Decoding it would take more than [`FrameLimits::max_memory`].
    #[error("decoding the picture needs {} MiB, more than the {} MiB allowed", need >> 20, limit >> 20)]
    TooMuchMemory {
        /// Bytes needed.
        need: u64,
        /// [`FrameLimits::max_memory`].
        limit: u64,
    },
    /// A page that the file does not have.
    #[error("there is no page {asked}; the file has {pages}")]
    NoSuchPage {
        /// What was asked for, from 1.
        asked: u32,
        /// Pages in the file.
        pages: u32,
    },
    /// A known format that is not read here.
    #[error("this is {format}, which is not read here; {advice}")]
    Foreign {
        /// Its name, with article: "a PDF document".
        format: &'static str,
        /// What to do: "save the page as PNG".
        advice: &'static str,
    },
    /// Given up before it was decoded.
    #[error("decoding was given up: {0}")]
    Stopped(#[from] Stopped),
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

    /// The same bound in the decoders' terms: the pixels at their widest (RGBA, 16 bit) and as much again for
    /// a decoder's own working memory.
    fn of_decoder(&self) -> Limits {
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(self.max_pixels.saturating_mul(16).saturating_add(1 << 20));
        limits
    }
}

/// Decodes a picture file to upright RGB.
///
/// Reads PNG, JPEG (baseline and progressive, grey or colour), BMP, TIFF and WebP, told apart by their first
/// bytes and never by a name; 1- to 16-bit grey, RGB with or without alpha, palette (PNG, BMP). 16-bit samples
/// are scaled so that 65535 becomes 255, rounded. Alpha is dropped, not blended: the model was trained on the
/// first three channels. The EXIF (TIFF: `Orientation`) rotation is applied. An animated PNG gives its default
/// picture, a TIFF of several pages its first; an animated WebP has no such picture and is refused.
///
/// # Errors
/// See [`FrameError`]. A picture that is cut short is an error, never a frame with missing parts. CMYK, YCCK,
/// 12-bit, lossless and arithmetic-coded JPEG, CMYK, palette and floating-point TIFF are
/// [`FrameError::Unsupported`].
pub fn decode(bytes: &[u8], limits: &FrameLimits) -> Result<Frame, FrameError> {
    // The decoders are written not to panic, but they are large and read hostile bytes; with overflow checks
    // on, an arithmetic slip in one of them is a panic. It costs this picture, not the thread that serves all.
    catch_unwind(AssertUnwindSafe(|| decode_unguarded(bytes, limits)))
        .unwrap_or_else(|_| Err(FrameError::Corrupt("its data made the decoder fail".into())))
}

/// As [`decode`], of one page (from 1; `None`: the first) and until `stop` says so.
///
/// # Errors
/// See [`FrameError`].
pub fn read_file(
    bytes: &[u8],
    page: Option<u32>,
    limits: &FrameLimits,
    stop: &Stop,
) -> Result<Decoded, FrameError> {
    let _ = page;
    stop.check()?;
    let frame = decode(bytes, limits)?;
    let file = FileInfo {
        format: "picture",
        page: 1,
        pages: 1,
        bits: 8,
        transparent: false,
    };
    Ok(Decoded { frame, file })
}

/// Bytes that decoding a file will take at most, the [`Frame`] included; of its header alone.
///
/// # Errors
/// What the header alone tells of [`FrameError`], [`FrameError::TooMuchMemory`] among it.
pub fn need(bytes: &[u8], page: Option<u32>, limits: &FrameLimits) -> Result<u64, FrameError> {
    let _ = (bytes, page);
    Ok(limits.max_memory)
}

fn decode_unguarded(bytes: &[u8], limits: &FrameLimits) -> Result<Frame, FrameError> {
    if bytes.is_empty() {
        return Err(FrameError::Empty);
    }
    let data = Cursor::new(bytes);
    match image::guess_format(bytes).map_err(|_| FrameError::UnknownFormat)? {
        ImageFormat::Png => {
            // The decoder reads on to the pixel data before it tells the size: a header alone must do here.
            if let Some(size) = png_header_size(bytes) {
                limits.check(size)?;
            }
            read(
                PngDecoder::with_limits(data, limits.of_decoder())?,
                limits,
                |_| Ok(()),
            )
        }
        ImageFormat::Jpeg => {
            let (image, orientation) = jpeg::decode(bytes, limits)?;
            upright(image, orientation)
        }
        ImageFormat::Bmp => read(BmpDecoder::new(data)?, limits, |_| Ok(())),
        ImageFormat::Tiff => read(TiffDecoder::new(data)?, limits, refuse_cmyk),
        ImageFormat::WebP => {
            webp::check(bytes, limits)?;
            read(WebPDecoder::new(data)?, limits, |d| {
                match d.has_animation() {
                    true => Err(FrameError::Unsupported(
                        "an animated WebP; send one frame".into(),
                    )),
                    false => Ok(()),
                }
            })
        }
        _ => Err(FrameError::UnknownFormat),
    }
}

/// Header checks, then pixels. `check` is what one format asks for beyond the size; it runs after the size is
/// known to be acceptable and before pixels are allocated.
fn read<D: ImageDecoder>(
    mut decoder: D,
    limits: &FrameLimits,
    check: impl FnOnce(&D) -> Result<(), FrameError>,
) -> Result<Frame, FrameError> {
    limits.check(decoder.dimensions())?;
    decoder.set_limits(limits.of_decoder())?;
    check(&decoder)?;
    let orientation = decoder.orientation()?;
    upright(DynamicImage::from_decoder(decoder)?, orientation)
}

fn upright(image: DynamicImage, orientation: Orientation) -> Result<Frame, FrameError> {
    let mut picture = DynamicImage::ImageRgb8(rgb::from_image(image)?);
    picture.apply_orientation(orientation);
    Ok(Frame {
        width: picture.width(),
        height: picture.height(),
        rgb: picture.into_rgb8().into_raw(),
    })
}

/// Width and height from a PNG's first chunk (PNG 3rd edition, 11.2.1).
fn png_header_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let header = bytes.get(8..24)?;
    let (chunk, size) = header.split_at(8);
    let side = |at: usize| Some(u32::from_be_bytes(size.get(at..at + 4)?.try_into().ok()?));
    (chunk.get(4..)? == b"IHDR").then_some(())?;
    Some((side(0)?, side(4)?))
}

fn refuse_cmyk<D: ImageDecoder>(decoder: &D) -> Result<(), FrameError> {
    use image::ExtendedColorType::{Cmyk8, Cmyk16};
    match decoder.original_color_type() {
        Cmyk8 | Cmyk16 => Err(FrameError::Unsupported(
            "CMYK colour; convert it to RGB".into(),
        )),
        _ => Ok(()),
    }
}

impl From<ImageError> for FrameError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Unsupported(why) => Self::Unsupported(why.to_string()),
            // The size was within the limits, so this is a file that needs far more memory than its pixels.
            ImageError::Limits(why) => Self::Unsupported(why.to_string()),
            other => Self::Corrupt(other.to_string()),
        }
    }
}
