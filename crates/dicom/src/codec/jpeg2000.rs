//! JPEG 2000 (T.800).

use hayro_jpeg2000::{DecodeSettings, DecoderContext, Image};

use super::raster::{CodedFrame, Raster};
use crate::error::DicomError;
use crate::layout::Photometric;

const CUT: DicomError = DicomError::Truncated("a frame's JPEG 2000");
const WRONG: DicomError = DicomError::Damaged("a frame's JPEG 2000 cannot be decoded");

pub(super) fn decode(frame: &CodedFrame<'_>) -> Result<Raster, DicomError> {
    let layout = frame.layout;
    let size = CodestreamSize::of(frame.bytes)?;
    let same = size.area == [layout.columns, layout.rows] && size.components == layout.samples;
    if !same || size.precision > 8 * layout.bytes as u32 {
        return Err(DicomError::Damaged(
            "a frame is of another size or depth than its header says",
        ));
    }
    let settings = DecodeSettings {
        resolve_palette_indices: false,
        strict: true,
        target_resolution: None,
    };
    let image = Image::new(frame.bytes, &settings).map_err(|_| WRONG)?;
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(|_| WRONG)?;
    let planes: Vec<&[f32]> = decoded.components().iter().map(|c| c.samples()).collect();
    let whole = |plane: &&[f32]| plane.len() == layout.pixels();
    if planes.len() != layout.samples || !planes.iter().all(whole) {
        return Err(WRONG);
    }
    // Signed samples are given as if they were not.
    let (most, middle) = ((1_i32 << size.precision) - 1, 1_i32 << (size.precision - 1));
    let sample = |value: f32| {
        let value = (value.round() as i32).clamp(0, most);
        (if size.signed { value - middle } else { value }) as u16
    };
    let pixels = (0..layout.pixels()).flat_map(|at| planes.iter().map(move |plane| plane[at]));
    let raster = Raster::interleaved(pixels.map(sample).collect(), layout);
    let transformed = matches!(
        layout.photometric,
        Photometric::Rgb | Photometric::YbrIct | Photometric::YbrRct
    );
    Ok(Raster {
        rgb: transformed,
        ..raster
    })
}

/// What a codestream says of its size (T.800, A.5.1).
struct CodestreamSize {
    area: [u32; 2],
    components: usize,
    precision: u32,
    signed: bool,
}

impl CodestreamSize {
    fn of(bytes: &[u8]) -> Result<Self, DicomError> {
        let Some(body) = bytes.strip_prefix(b"\xff\x4f\xff\x51") else {
            return Err(DicomError::Damaged("a frame is no JPEG 2000 codestream"));
        };
        let (head, components) = body.split_first_chunk::<38>().ok_or(CUT)?;
        let long = |at: usize| {
            let four = head.get(at..at + 4).and_then(|four| four.first_chunk());
            four.map(|four| u32::from_be_bytes(*four)).ok_or(CUT)
        };
        let count = usize::from(u16::from_be_bytes([head[36], head[37]]));
        let components = components.as_chunks::<3>().0.get(..count).ok_or(CUT)?;
        let [first, ..] = components else {
            return Err(CUT);
        };
        let alike = |[depth, x, y]: &[u8; 3]| (*depth, *x, *y) == (first[0], 1, 1);
        if !components.iter().all(alike) || long(12)? != 0 || long(16)? != 0 {
            return Err(DicomError::Unsupported(
                "its JPEG 2000 has fewer samples of some colours, or is a part of something larger",
            ));
        }
        // Parts that are coded by T.814 are what this is not.
        if u16::from_be_bytes([head[2], head[3]]) & 0x4000 != 0 {
            return Err(DicomError::Coding("High-Throughput JPEG 2000"));
        }
        let precision = u32::from(first[0] & 0x7f) + 1;
        if precision > 16 {
            return Err(DicomError::Unsupported(
                "its JPEG 2000 has more than 16 bits a sample",
            ));
        }
        Ok(Self {
            area: [long(4)?, long(8)?],
            components: count,
            precision,
            signed: first[0] & 0x80 != 0,
        })
    }
}
