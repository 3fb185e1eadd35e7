//! Picture files, whole or cut.

use picture::frame::{Decoded, Format, FrameError, FrameLimits, Stop, need, read_file};

/// Small, so that an input costs little; every bound is reached the sooner.
const LIMITS: FrameLimits = FrameLimits {
    max_pixels: 1 << 18,
    min_side: 1,
    max_memory: 16 << 20,
};

/// Decodes bytes as one format: an honest size or an error, never a panic; and **a cut picture is never accepted**: what
/// decodes from a part of the file is the very picture of the whole.
///
/// The first byte says where to cut, in 256ths from the end; the rest is the file.
pub fn check(format: Format, data: &[u8]) {
    let [place, file @ ..] = data else { return };
    if Format::of(file) != Ok(format) {
        return;
    }
    let Ok(whole) = decode(file) else { return };
    assert_eq!(whole.file.format, format);
    assert!((1..=whole.file.pages).contains(&whole.file.page));
    let near = file.len().saturating_sub(1 + usize::from(*place) % 16);
    let anywhere = file.len() * usize::from(*place) / 256;
    for cut in [near, anywhere] {
        if let Ok(part) = decode(&file[..cut]) {
            assert_eq!(part.frame, whole.frame, "cut at {cut} of {}", file.len());
        }
    }
}

fn decode(file: &[u8]) -> Result<Decoded, FrameError> {
    let needed = need(file, None, &LIMITS);
    let decoded = read_file(file, None, &LIMITS, &Stop::never())?;
    let frame = &decoded.frame;
    let pixels = u64::from(frame.width()) * u64::from(frame.height());
    assert!(pixels >= 1 && pixels <= LIMITS.max_pixels);
    assert_eq!(frame.rgb().len() as u64, 3 * pixels);
    assert!(needed.is_ok_and(|need| need >= 3 * pixels && need <= LIMITS.max_memory));
    Ok(decoded)
}
