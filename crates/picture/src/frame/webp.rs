//! The WebP container (RFC 9649, section 2): what the decoder does not check before it allocates.

use super::{FrameError, FrameLimits};

/// Refuses a file shorter than its RIFF header says, and a coded picture larger than the limits: an extended
/// file's canvas (which the decoder reports) and the picture inside may claim different sizes. Tells whether a picture
/// inside is lossless.
pub(super) fn check(bytes: &[u8], limits: &FrameLimits) -> Result<bool, FrameError> {
    let truncated = || FrameError::Corrupt("the WebP file ends early".into());
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
