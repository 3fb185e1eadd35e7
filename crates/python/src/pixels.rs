//! An array → a frame.

use embed::frame_of;
use picture::frame::{Frame, FrameLimits};
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use video::convert::{Plane, Planes, RawPicture, YuvRange, YuvStandard};

use crate::fault::{bad, raised};

/// A frame of an array of bytes, height × width (grey) or height × width × 3 (RGB), however its strides are. RGB is copied
/// once, grey twice.
pub(crate) fn frame(array: &Bound<'_, PyAny>, limits: &FrameLimits) -> PyResult<Frame> {
    let py = array.py();
    let buffer = PyBuffer::<u8>::get(array).map_err(|error| {
        bad(
            py,
            format!("the picture is to be an array of uint8: {error}"),
        )
    })?;
    let (height, width, samples) = match *buffer.shape() {
        [height, width] => (height, width, 1),
        [height, width, 3] => (height, width, 3),
        _ => {
            let message = format!(
                "the picture is to have the shape (height, width) or (height, width, 3), not {:?}",
                buffer.shape()
            );
            return Err(bad(py, message));
        }
    };
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    let size = [side(width), side(height)];
    let refused = |error| raised(py, &error);
    limits
        .check((size[0], size[1]))
        .map_err(|error| refused(error.into()))?;
    let mut bytes = vec![0; height * width * samples];
    buffer.copy_to_slice(py, &mut bytes)?;
    if samples == 3 {
        return Frame::new(size[0], size[1], bytes).map_err(|error| refused(error.into()));
    }
    let grey = RawPicture {
        size,
        range: YuvRange::Full,
        standard: YuvStandard::Bt601,
        planes: Planes::Grey(Plane {
            bytes: &bytes,
            stride: width,
        }),
    };
    frame_of(&grey, limits).map_err(refused)
}
