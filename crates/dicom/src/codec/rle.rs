//! RLE (PS3.5, G): each byte of each sample in a segment of its own, packed in runs.

use super::raster::{CodedFrame, Raster, RasterValues};
use crate::error::DicomError;

const CUT: DicomError = DicomError::Truncated("a frame's runs");

pub(super) fn decode(frame: &CodedFrame<'_>) -> Result<Raster, DicomError> {
    let layout = frame.layout;
    let (pixels, segments) = (layout.pixels(), layout.samples * layout.bytes);
    let header: &[u8; 64] = frame.bytes.first_chunk().ok_or(CUT)?;
    let [count, offsets @ ..] = header.as_chunks::<4>().0 else {
        return Err(CUT);
    };
    if u32::from_le_bytes(*count) as usize != segments {
        return Err(DicomError::Damaged(
            "a frame has more or fewer segments than bytes a pixel",
        ));
    }
    let offset = |segment: usize| match segment < segments {
        true => offsets
            .get(segment)
            .map(|at| u32::from_le_bytes(*at) as usize),
        false => Some(frame.bytes.len()),
    };
    let mut bytes = Vec::with_capacity(pixels * segments);
    for segment in 0..segments {
        frame.stop.check()?;
        let (from, to) = (offset(segment).ok_or(CUT)?, offset(segment + 1).ok_or(CUT)?);
        let packed = frame
            .bytes
            .get(from..to)
            .filter(|_| from >= 64)
            .ok_or(CUT)?;
        unpack(packed, pixels * (segment + 1), &mut bytes)?;
    }
    let values = match layout.bytes {
        1 => RasterValues::Bytes(bytes),
        // The more significant byte first.
        _ => {
            let (high, low) = bytes.split_at(pixels);
            let words = high
                .iter()
                .zip(low)
                .map(|(high, low)| u16::from_be_bytes([*high, *low]));
            RasterValues::Words(words.collect())
        }
    };
    Ok(Raster {
        values,
        planar: layout.samples > 1,
        rgb: false,
    })
}

/// Until so many bytes are there. What follows is padding.
fn unpack(mut packed: &[u8], until: usize, bytes: &mut Vec<u8>) -> Result<(), DicomError> {
    while bytes.len() < until {
        let [control, rest @ ..] = packed else {
            return Err(CUT);
        };
        let room = until - bytes.len();
        let control = usize::from(*control);
        packed = match control {
            0..128 => {
                let (run, rest) = rest.split_at_checked(control + 1).ok_or(CUT)?;
                bytes.extend(run.iter().take(room));
                rest
            }
            128 => rest,
            _ => {
                let [value, rest @ ..] = rest else {
                    return Err(CUT);
                };
                bytes.resize(bytes.len() + room.min(257 - control), *value);
                rest
            }
        };
    }
    Ok(())
}
