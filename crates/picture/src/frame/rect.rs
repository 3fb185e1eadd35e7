//! A part of a picture.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::rgb::Frame;

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PixelRect {
    /// Its first column.
    pub x: u32,
    /// Its first row.
    pub y: u32,
    /// Columns.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub width: u32,
    /// Rows.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub height: u32,
}

/// A region that does not lie within the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the region of {}x{} pixels at {},{} does not lie within the picture of {}x{}",
    region.width, region.height, region.x, region.y, size[0], size[1]
)]
pub struct RegionError {
    /// As it was asked for.
    pub region: PixelRect,
    /// The picture's width and height.
    pub size: [u32; 2],
}

/// Not a part of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a region is four whole numbers, x,y,width,height, such as 10,20,300,200")]
pub struct BadRect;

impl PixelRect {
    /// All of a picture of that width and height.
    #[must_use]
    pub fn whole([width, height]: [u32; 2]) -> Self {
        Self {
            x: 0,
            y: 0,
            width,
            height,
        }
    }

    /// Whether it lies within a picture of that width and height, and is not empty.
    ///
    /// # Errors
    /// [`RegionError`].
    pub fn check(&self, size: [u32; 2]) -> Result<(), RegionError> {
        match self.lies_within(size) {
            true => Ok(()),
            false => Err(RegionError {
                region: *self,
                size,
            }),
        }
    }

    fn lies_within(&self, [width, height]: [u32; 2]) -> bool {
        let within = |start: u32, length: u32, side: u32| {
            length > 0 && start.checked_add(length).is_some_and(|end| end <= side)
        };
        within(self.x, self.width, width) && within(self.y, self.height, height)
    }

    /// Samples of one of its rows, of a picture that it lies in.
    #[must_use]
    pub fn row<'a>(&self, frame: &'a Frame, row: usize) -> &'a [u8] {
        let start = (self.y as usize + row) * frame.width() as usize + self.x as usize;
        &frame.rgb()[3 * start..][..3 * self.width as usize]
    }

    /// That part of a picture, as a picture of its own.
    ///
    /// # Errors
    /// [`RegionError`].
    pub fn cut(&self, frame: &Frame) -> Result<Frame, RegionError> {
        self.check(frame.size())?;
        let rows = (0..self.height as usize).flat_map(|row| self.row(frame, row));
        let mut rgb = Vec::with_capacity(3 * self.width as usize * self.height as usize);
        rgb.extend(rows);
        let size = frame.size();
        Frame::new(self.width, self.height, rgb).map_err(|_| RegionError {
            region: *self,
            size,
        })
    }
}

impl FromStr for PixelRect {
    type Err = BadRect;

    /// "10,20,300,200": x and y of its first pixel, width, height.
    fn from_str(text: &str) -> Result<Self, BadRect> {
        let numbers = text.split(',').map(|part| part.trim().parse());
        let numbers: Result<Vec<u32>, _> = numbers.collect();
        match numbers.map_err(|_| BadRect)?[..] {
            [x, y, width, height] if width > 0 && height > 0 => Ok(Self {
                x,
                y,
                width,
                height,
            }),
            _ => Err(BadRect),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_cut_out_and_one_beyond_the_picture_refused() {
        let rgb = (0..3 * 4 * 3).collect();
        let frame = Frame::new(4, 3, rgb).unwrap();
        let rect: PixelRect = "1, 1,2,2".parse().unwrap();
        let part = rect.cut(&frame).unwrap();
        assert_eq!(part.size(), [2, 2]);
        let expected: Vec<u8> = (15..21).chain(27..33).collect();
        assert_eq!(part.rgb(), expected);
        assert_eq!(PixelRect::whole([4, 3]).cut(&frame).unwrap(), frame);
        for beyond in ["3,0,2,1", "0,2,1,2", "4294967295,0,1,1"] {
            let rect: PixelRect = beyond.parse().unwrap();
            let error = rect.cut(&frame).unwrap_err();
            assert_eq!((error.region, error.size), (rect, [4, 3]));
        }
        for wrong in ["", "1,2,3", "1,2,3,4,5", "1,2,0,4", "1,2,3,-4", "a,b,c,d"] {
            assert_eq!(wrong.parse::<PixelRect>(), Err(BadRect), "{wrong}");
        }
    }
}
