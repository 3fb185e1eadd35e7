//! Where decoded pixels are put: straight to their upright place, so that turning a picture costs no second copy of it.

use image::metadata::Orientation;

use super::error::{FrameError, damaged};
use super::rgb::Frame;

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

    /// Moves every stored pixel to its upright place, cycle by cycle.
    fn permute(&self, rgb: &mut [u8]) {
        let (columns, across) = (self.stored.0, self.frame.width as usize);
        let pixels = rgb.as_chunks_mut::<3>().0;
        let mut moved = vec![0_u64; pixels.len().div_ceil(64)];
        for start in 0..pixels.len() {
            if moved[start / 64] >> (start % 64) & 1 == 1 {
                continue;
            }
            let (mut from, mut carried) = (start, pixels[start]);
            loop {
                let (u, v) = self.upright((from % columns, from / columns));
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

    pub fn into_frame(self) -> Frame {
        self.frame
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
        return Ok(Frame { width, height, rgb });
    }
    if in_place {
        let places = Canvas {
            stored: (width as usize, height as usize),
            orientation,
            frame: Frame {
                width: if is_turned(orientation) {
                    height
                } else {
                    width
                },
                height: if is_turned(orientation) {
                    width
                } else {
                    height
                },
                rgb: Vec::new(),
            },
        };
        places.permute(&mut rgb);
        return Ok(Frame {
            rgb,
            ..places.frame
        });
    }
    let mut canvas = Canvas::new(size, orientation);
    for (y, row) in rgb.chunks_exact(3 * width as usize).enumerate() {
        canvas.put((0, y), 1, row);
    }
    Ok(canvas.into_frame())
}

/// Whether columns become rows.
fn is_turned(orientation: Orientation) -> bool {
    orientation.to_exif() >= 5
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
