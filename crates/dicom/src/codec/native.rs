//! Samples that are not compressed (PS3.5, 8.1.1 and D), and those that are merely deflated.

use flate2::{Decompress, FlushDecompress, Status};

use super::raster::{CodedFrame, Raster, RasterValues};
use crate::error::DicomError;
use crate::layout::{Photometric, SampleLayout};

pub(super) fn decode(frame: &CodedFrame<'_>) -> Result<Raster, DicomError> {
    let layout = frame.layout;
    let bytes = frame.bytes.get(..layout.native() as usize);
    let bytes = bytes.ok_or(DicomError::Truncated("a frame's samples"))?;
    if layout.photometric == Photometric::YbrFull422 {
        return shared_chrominance(bytes, layout);
    }
    let values = match (layout.bytes, frame.big_endian) {
        (1, true) if frame.words => {
            let swapped = bytes.chunks(2).flat_map(|pair| pair.iter().rev());
            RasterValues::Bytes(swapped.copied().collect())
        }
        (1, _) => RasterValues::Bytes(bytes.to_vec()),
        (_, big_endian) => {
            let word = if big_endian {
                u16::from_be_bytes
            } else {
                u16::from_le_bytes
            };
            let pairs = bytes.as_chunks().0.iter();
            RasterValues::Words(pairs.map(|pair| word(*pair)).collect())
        }
    };
    Ok(Raster {
        values,
        planar: layout.planar,
        rgb: false,
    })
}

/// Y Y Cb Cr: two pixels beside each other share their chrominance (PS3.3, C.7.6.3.1.2).
fn shared_chrominance(bytes: &[u8], layout: &SampleLayout) -> Result<Raster, DicomError> {
    if !layout.columns.is_multiple_of(2) || layout.planar {
        return Err(DicomError::Damaged(
            "pixels that share their chrominance do not come in pairs",
        ));
    }
    let pairs = bytes.as_chunks::<4>().0.iter();
    let values = pairs.flat_map(|[y, other, cb, cr]| [*y, *cb, *cr, *other, *cb, *cr]);
    Ok(Raster {
        values: RasterValues::Bytes(values.collect()),
        planar: false,
        rgb: false,
    })
}

pub(super) fn inflate(frame: &CodedFrame<'_>) -> Result<Raster, DicomError> {
    let damaged = DicomError::Damaged("a frame does not inflate to its samples");
    // A byte more would show that there is more than the header says.
    let mut bytes = Vec::with_capacity(frame.layout.native() as usize + 2);
    let mut inflater = Decompress::new(false);
    let done = inflater.decompress_vec(frame.bytes, &mut bytes, FlushDecompress::Finish);
    match done {
        Ok(Status::StreamEnd) => decode(&CodedFrame {
            bytes: &bytes,
            ..*frame
        }),
        _ => Err(damaged),
    }
}
