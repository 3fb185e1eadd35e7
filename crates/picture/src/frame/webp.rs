//! WebP (RFC 9649). What the decoder does not check before it allocates is checked here, in the container (section 2).

use image::codecs::webp::WebPDecoder;

use super::decoded::Decoded;
use super::error::{FrameError, damaged, unsupported};
use super::file::File;
use super::format::Format;
use super::library;
use super::limits::FrameLimits;
use super::watched::Watched;

/// Bytes that [`read`] takes at most: the decoder holds all planes (lossy) or four channels (lossless) as well, and a
/// picture that does not stand upright is copied once.
pub(super) fn need(file: &File<'_>) -> Result<u64, FrameError> {
    let lossless = check(file.bytes, file.limits)?;
    library::need(file, &open(file)?, if lossless { 4 } else { 3 })
}

pub(super) fn read(file: &File<'_>) -> Result<Decoded, FrameError> {
    need(file)?;
    library::read(file, Format::WebP, open(file)?)
}

fn open<'a>(file: &File<'a>) -> Result<WebPDecoder<Watched<'a>>, FrameError> {
    let decoder = WebPDecoder::new(Watched::new(file.bytes, file.stop))
        .map_err(|error| library::refused(file, Format::WebP, error))?;
    match decoder.has_animation() {
        true => Err(unsupported("an animated WebP; send one frame")),
        false => Ok(decoder),
    }
}

/// Refuses a file shorter than its RIFF header says, and a coded picture larger than the limits: an extended
/// file's canvas (which the decoder reports) and the picture inside may claim different sizes. Tells whether a picture
/// inside is lossless.
fn check(bytes: &[u8], limits: &FrameLimits) -> Result<bool, FrameError> {
    let truncated = || damaged("the WebP file ends early");
    let riff = bytes.get(4..).and_then(le_u32).ok_or_else(truncated)?;
    let chunks = bytes
        .get(12..)
        .and_then(|b| b.get(..(riff as usize).checked_sub(4)?))
        .ok_or_else(truncated)?;

    let (mut rest, mut lossless) = (chunks, false);
    while let [a, b, c, d, sized @ ..] = rest {
        let (len, body) = (le_u32(sized), sized.get(4..));
        let (Some(len), Some(body)) = (len, body) else {
            return Err(truncated());
        };
        let payload = body.get(..len as usize).ok_or_else(truncated)?;
        lossless |= [*a, *b, *c, *d] == *b"VP8L";
        if let Some(size) = coded_size(&[*a, *b, *c, *d], payload) {
            limits.check(size)?;
        }
        // Chunks are padded to an even length.
        rest = body
            .get(len as usize + (len as usize & 1)..)
            .unwrap_or_default();
    }
    Ok(lossless)
}

/// Size in the bitstream of a lossy (RFC 6386, 9.1) or lossless (RFC 9649, 3.4) picture.
fn coded_size(fourcc: &[u8; 4], payload: &[u8]) -> Option<(u32, u32)> {
    match fourcc {
        b"VP8 " => {
            let size = payload.get(6..).and_then(le_u32)?;
            Some((size & 0x3fff, (size >> 16) & 0x3fff))
        }
        b"VP8L" => {
            let size = payload.get(1..).and_then(le_u32)?;
            Some(((size & 0x3fff) + 1, ((size >> 14) & 0x3fff) + 1))
        }
        _ => None,
    }
}

fn le_u32(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|b| u32::from_le_bytes(*b))
}
