//! JPEG by cosines, 8 bits: by the decoder of picture files, which sees to it that it is whole.

use picture::frame::{FrameError, read_file};

use super::raster::{CodedFrame, Raster, RasterValues};
use super::segments::{JpegMarker, JpegParts, JpegSize};
use crate::error::DicomError;
use crate::layout::Photometric;

pub(super) fn decode(frame: &CodedFrame<'_>, size: &JpegSize) -> Result<Raster, DicomError> {
    if size.precision != 8 {
        return Err(DicomError::Coding("JPEG Extended with 12 bits a sample"));
    }
    let layout = frame.layout;
    let bytes = rewritten(frame, size)?;
    let decoded = read_file(&bytes, None, frame.limits, frame.stop)?.frame;
    if decoded.size() != [layout.columns, layout.rows] {
        return Err(FrameError::BadSamples {
            width: layout.columns,
            height: layout.rows,
            found: decoded.rgb().len() as u64,
        }
        .into());
    }
    let rgb = decoded.into_rgb();
    let values = match (layout.samples, layout.bytes) {
        (1, 1) => RasterValues::Bytes(rgb.into_iter().step_by(3).collect()),
        (1, _) => RasterValues::Words(rgb.into_iter().step_by(3).map(u16::from).collect()),
        _ => RasterValues::Bytes(rgb),
    };
    Ok(Raster {
        values,
        planar: false,
        rgb: true,
    })
}

/// The frame with one segment for the application, which says what its colours are. Others are left out: a camera's, for
/// one, would have the picture turned.
fn rewritten(frame: &CodedFrame<'_>, size: &JpegSize) -> Result<Vec<u8>, DicomError> {
    let mut parts = JpegParts::of(frame.bytes);
    let mut out = Vec::with_capacity(frame.bytes.len() + 18);
    out.extend([0xff, 0xd8]);
    let (mut jfif, mut adobe) = (false, None);
    let mut kept = Vec::new();
    loop {
        let (marker, body) = parts.next()?;
        match (marker, body) {
            (JpegMarker::APP0, [b'J', b'F', b'I', b'F', ..]) => jfif = true,
            (
                JpegMarker::APP14,
                [
                    b'A',
                    b'd',
                    b'o',
                    b'b',
                    b'e',
                    _,
                    _,
                    _,
                    _,
                    _,
                    _,
                    transform,
                    ..,
                ],
            ) => {
                adobe = Some(*transform);
            }
            (JpegMarker::APP0..=JpegMarker::APP15 | JpegMarker::COM, _) => {}
            _ => {
                let length = body.len() as u16 + 2;
                kept.extend([0xff, marker]);
                kept.extend(length.to_be_bytes());
                kept.extend(body);
            }
        }
        if marker == JpegMarker::SOS {
            break;
        }
    }
    let named = matches!(size.ids.as_slice(), b"RGB" | b"rgb");
    let ybr = match (adobe, jfif) {
        (Some(transform), _) => transform != 0,
        _ if named => false,
        (None, true) => true,
        (None, false) => frame.layout.photometric != Photometric::Rgb,
    };
    if size.ids.len() == 3 {
        out.extend(*b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0");
        out.push(u8::from(ybr));
    }
    out.append(&mut kept);
    out.extend(parts.rest());
    Ok(out)
}
