//! IMAGE: samples, and where they lie in the room.

use crate::fault::IgtlFault;
use crate::fields::IgtlFields;
use crate::scalar::{ByteOrder, ScalarKind};

/// Version of the image's own header.
const VERSION: u16 = 1;

/// Which way the room's axes point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WorldAxes {
    /// To the right, to the front, upwards.
    Ras,
    /// To the left, to the back, upwards: DICOM's.
    #[default]
    Lps,
}

/// Where an image lies: millimetres in the room.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImageMatrix {
    /// From one sample to the next, by column, row and slice.
    pub steps: [[f32; 3]; 3],
    /// Its middle: half-way between the first and the last sample of each direction.
    pub centre: [f32; 3],
}

/// A box of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImagePart {
    /// Its first column, row and slice.
    pub from: [u16; 3],
    /// How many it has of each.
    pub size: [u16; 3],
}

impl ImagePart {
    /// All of an image of that size.
    #[must_use]
    pub fn whole(size: [u16; 3]) -> Self {
        Self { from: [0; 3], size }
    }

    fn lies_in(&self, size: [u16; 3]) -> bool {
        let ends = self.from.iter().zip(self.size);
        let mut fits = ends.zip(size).map(|((from, length), side)| {
            length > 0 && u32::from(*from) + u32::from(length) <= u32::from(side)
        });
        fits.all(|fits| fits)
    }
}

/// An image, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImageMessage<'a> {
    /// Values of a sample, interleaved: 1 for grey, 3 for RGB.
    pub components: u8,
    /// What each is.
    pub scalar: ScalarKind,
    /// Order of their bytes.
    pub order: ByteOrder,
    /// The room's axes.
    pub axes: WorldAxes,
    /// Columns, rows and slices of the image.
    pub size: [u16; 3],
    /// Where it lies.
    pub matrix: ImageMatrix,
    /// What of it is here.
    pub part: ImagePart,
    /// The samples of that part: column by column, row by row, slice by slice.
    pub samples: &'a [u8],
}

impl<'a> ImageMessage<'a> {
    /// Reads it from a message's content.
    ///
    /// # Errors
    /// [`IgtlFault`] of its fields; [`IgtlFault::Length`] where the samples do not fill what is said of them, to the byte.
    pub fn read(content: &'a [u8]) -> Result<Self, IgtlFault> {
        let mut fields = IgtlFields::of("an image", content);
        let unknown = |what, found| IgtlFault::Unknown { what, found };
        // Version 2 differs from 1 in nothing but its number.
        let version = fields.u16()?;
        if !(1..=2).contains(&version) {
            return Err(unknown("an image's version", version));
        }
        let components = fields.u8()?;
        if components == 0 {
            return Err(unknown("a number of components", 0));
        }
        let (scalar, order) = (ScalarKind::of(fields.u8()?)?, ByteOrder::of(fields.u8()?)?);
        let axes = match fields.u8()? {
            1 => WorldAxes::Ras,
            2 => WorldAxes::Lps,
            other => return Err(unknown("a coordinate system", other.into())),
        };
        let size = fields.three_u16()?;
        let steps = [
            fields.three_f32()?,
            fields.three_f32()?,
            fields.three_f32()?,
        ];
        let centre = fields.three_f32()?;
        let numbers = steps.iter().chain([&centre]).flatten();
        if !numbers.copied().all(f32::is_finite) {
            return Err(IgtlFault::Matrix);
        }
        let part = ImagePart {
            from: fields.three_u16()?,
            size: fields.three_u16()?,
        };
        if !part.lies_in(size) {
            return Err(IgtlFault::Part);
        }
        let samples = fields.rest();
        let image = Self {
            components,
            scalar,
            order,
            axes,
            size,
            matrix: ImageMatrix { steps, centre },
            part,
            samples,
        };
        match image.expected() == samples.len() as u64 {
            true => Ok(image),
            false => Err(IgtlFault::Length {
                what: "an image",
                expected: image.expected(),
                found: samples.len() as u64,
            }),
        }
    }

    /// Bytes that its samples have: at most 2⁴⁸ · 255 · 8, which 64 bits hold.
    fn expected(&self) -> u64 {
        let sides = self.part.size.map(u64::from).iter().product::<u64>();
        sides * u64::from(self.components) * u64::from(self.scalar.bytes())
    }

    /// Adds it to a message's content.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend(VERSION.to_be_bytes());
        let axes = match self.axes {
            WorldAxes::Ras => 1,
            WorldAxes::Lps => 2,
        };
        out.extend([self.components, self.scalar.code(), self.order.code(), axes]);
        out.extend(self.size.iter().flat_map(|side| side.to_be_bytes()));
        let ImageMatrix { steps, centre } = &self.matrix;
        let numbers = steps.iter().chain([centre]).flatten();
        out.extend(numbers.flat_map(|number| number.to_be_bytes()));
        let part = self.part.from.iter().chain(&self.part.size);
        out.extend(part.flat_map(|side| side.to_be_bytes()));
        out.extend(self.samples);
    }
}

#[cfg(test)]
mod tests;
