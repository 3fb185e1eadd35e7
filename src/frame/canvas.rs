//! Where decoded pixels are put: straight to their upright place, so that turning a picture costs no second copy of it.

use image::metadata::Orientation;

use super::error::damaged;
use super::{Frame, FrameError};

/// An upright picture being filled with stored rows.
pub(super) struct Canvas {
    /// As stored: columns, rows.
    stored: (usize, usize),
    orientation: Orientation,
    frame: Frame,
}

impl Canvas {
    /// A black one for a picture stored as `width` × `height`. The size was checked against the limits.
    pub fn new((width, height): (u32, u32), orientation: Orientation) -> Self {
        let (across, down) = match is_turned(orientation) {
            true => (height, width),
            false => (width, height),
        };
        Self {
            stored: (width as usize, height as usize),
            orientation,
            frame: Frame {
                width: across,
                height: down,
                rgb: vec![0; 3 * across as usize * down as usize],
            },
        }
    }

    /// Puts a run of RGB pixels that is stored in row `y` from column `x` on, `apart` columns from one to the next.
    /// What would lie outside is left out.
    pub fn put(&mut self, (x, y): (usize, usize), apart: usize, rgb: &[u8]) {
        let (columns, rows) = self.stored;
        if y >= rows || x >= columns {
            return;
        }
        let count = (rgb.len() / 3).min((columns - x).div_ceil(apart));
        if apart == 1 && self.orientation == Orientation::NoTransforms {
            let start = 3 * (y * columns + x);
            self.frame.rgb[start..start + 3 * count].copy_from_slice(&rgb[..3 * count]);
            return;
        }
        for (i, pixel) in rgb.as_chunks::<3>().0.iter().take(count).enumerate() {
            let (u, v) = self.upright((x + i * apart, y));
            let at = 3 * (v * self.frame.width as usize + u);
            self.frame.rgb[at..at + 3].copy_from_slice(pixel);
        }
    }

    /// Where a stored pixel belongs (EXIF 2.32, tag 0x112).
    fn upright(&self, (x, y): (usize, usize)) -> (usize, usize) {
        let (right, bottom) = (self.stored.0 - 1 - x, self.stored.1 - 1 - y);
        match self.orientation {
            Orientation::NoTransforms => (x, y),
            Orientation::FlipHorizontal => (right, y),
            Orientation::Rotate180 => (right, bottom),
            Orientation::FlipVertical => (x, bottom),
            Orientation::Rotate90FlipH => (y, x),
            Orientation::Rotate90 => (bottom, x),
            Orientation::Rotate270FlipH => (bottom, right),
            Orientation::Rotate270 => (y, right),
        }
    }

    pub fn into_frame(self) -> Frame {
        self.frame
    }
}

/// A whole picture's interleaved RGB as it is stored → upright. Takes the memory of a second copy only where sides are
/// swapped.
pub(super) fn upright(
    size: (u32, u32),
    rgb: Vec<u8>,
    orientation: Orientation,
) -> Result<Frame, FrameError> {
    let (width, height) = size;
    if rgb.len() != 3 * width as usize * height as usize {
        return Err(damaged("the pixels do not fill the picture"));
    }
    if orientation == Orientation::NoTransforms {
        return Ok(Frame { width, height, rgb });
    }
    let mut canvas = Canvas::new(size, orientation);
    for (y, row) in rgb.chunks_exact(3 * width as usize).enumerate() {
        canvas.put((0, y), 1, row);
    }
    Ok(canvas.into_frame())
}

/// Whether columns become rows.
pub(super) fn is_turned(orientation: Orientation) -> bool {
    orientation.to_exif() >= 5
}
