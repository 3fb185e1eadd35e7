//! Where decoded pixels are put: straight to their upright place, so that turning a picture costs no second copy of it.

use image::metadata::Orientation;

use super::error::{FrameError, damaged};
use super::rgb::Frame;

/// An upright picture being filled with stored rows.
pub(super) struct Canvas {
    turning: Turning,
    rgb: Vec<u8>,
}

/// Where the pixels of a stored picture belong.
#[derive(Clone, Copy)]
struct Turning {
    /// As stored: columns, rows.
    stored: (usize, usize),
    /// As it is to be: width, height.
    upright: (u32, u32),
    orientation: Orientation,
}

impl Turning {
    fn new((width, height): (u32, u32), orientation: Orientation) -> Self {
        // The orientations from 5 on make rows of columns.
        let upright = match orientation.to_exif() >= 5 {
            true => (height, width),
            false => (width, height),
        };
        Self {
            stored: (width as usize, height as usize),
            upright,
            orientation,
        }
    }

    /// Where a stored pixel belongs (EXIF 2.32, tag 0x112).
    fn of(&self, (x, y): (usize, usize)) -> (usize, usize) {
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

    /// Moves every stored pixel to its upright place, cycle by cycle.
    fn permute(&self, rgb: &mut [u8]) {
        let (columns, across) = (self.stored.0, self.upright.0 as usize);
        let pixels = rgb.as_chunks_mut::<3>().0;
        let mut moved = vec![0_u64; pixels.len().div_ceil(64)];
        for start in 0..pixels.len() {
            if moved[start / 64] >> (start % 64) & 1 == 1 {
                continue;
            }
            let (mut from, mut carried) = (start, pixels[start]);
            loop {
                let (u, v) = self.of((from % columns, from / columns));
                let to = v * across + u;
                std::mem::swap(&mut carried, &mut pixels[to]);
                moved[to / 64] |= 1 << (to % 64);
                if to == start {
                    break;
                }
                from = to;
            }
        }
    }
}

impl Canvas {
    /// A black one for a picture stored as `width` × `height`. The size was checked against the limits.
    pub fn new(size: (u32, u32), orientation: Orientation) -> Self {
        let turning = Turning::new(size, orientation);
        let pixels = turning.stored.0 * turning.stored.1;
        Self {
            turning,
            rgb: vec![0; 3 * pixels],
        }
    }

    /// Puts a run of RGB pixels that is stored in row `y` from column `x` on, `apart` columns from one to the next.
    /// What would lie outside is left out.
    pub fn put(&mut self, (x, y): (usize, usize), apart: usize, rgb: &[u8]) {
        let (columns, rows) = self.turning.stored;
        if y >= rows || x >= columns {
            return;
        }
        let count = (rgb.len() / 3).min((columns - x).div_ceil(apart));
        if apart == 1 && self.turning.orientation == Orientation::NoTransforms {
            let start = 3 * (y * columns + x);
            self.rgb[start..start + 3 * count].copy_from_slice(&rgb[..3 * count]);
            return;
        }
        for (i, pixel) in rgb.as_chunks::<3>().0.iter().take(count).enumerate() {
            let (u, v) = self.turning.of((x + i * apart, y));
            let at = 3 * (v * self.turning.upright.0 as usize + u);
            self.rgb[at..at + 3].copy_from_slice(pixel);
        }
    }

    /// The picture.
    ///
    /// # Errors
    /// [`FrameError::BadSamples`] of one without pixels.
    pub fn into_frame(self) -> Result<Frame, FrameError> {
        let (width, height) = self.turning.upright;
        Frame::new(width, height, self.rgb)
    }
}

/// A whole picture's interleaved RGB as it is stored → upright, with a second copy while it is turned, or (`in_place`)
/// slower and with a bit a pixel.
pub(super) fn upright(
    size: (u32, u32),
    mut rgb: Vec<u8>,
    orientation: Orientation,
    in_place: bool,
) -> Result<Frame, FrameError> {
    let (width, height) = size;
    if rgb.len() != 3 * width as usize * height as usize {
        return Err(damaged("the pixels do not fill the picture"));
    }
    if orientation == Orientation::NoTransforms {
        return Frame::new(width, height, rgb);
    }
    if in_place {
        let turning = Turning::new(size, orientation);
        turning.permute(&mut rgb);
        let (width, height) = turning.upright;
        return Frame::new(width, height, rgb);
    }
    let mut canvas = Canvas::new(size, orientation);
    for (y, row) in rgb.chunks_exact(3 * width as usize).enumerate() {
        canvas.put((0, y), 1, row);
    }
    canvas.into_frame()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turning_in_place_gives_the_same_picture() {
        let (width, height) = (13, 7);
        let rgb: Vec<u8> = (0..3 * width * height).map(|i| (i % 251) as u8).collect();
        for orientation in (1..=8).filter_map(Orientation::from_exif) {
            let turn = |in_place| upright((width, height), rgb.clone(), orientation, in_place);
            assert_eq!(turn(true), turn(false), "{orientation:?}");
        }
    }
}
