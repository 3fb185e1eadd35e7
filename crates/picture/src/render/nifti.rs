//! NIfTI-1 (nifti.nimh.nih.gov, "nifti1.h"): masks of one size, one after the other, compressed by gzip as they come.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::NOTICE;
use crate::mask::Mask;
use crate::scale::PixelSize;

/// What a stack of masks is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StackShape {
    /// Width and height of each mask, px.
    pub size: [u32; 2],
    /// How many there are.
    pub count: u32,
    /// Size of their pixels; `None` if it is not known: the file then says that its unit is unknown.
    pub pixel: Option<PixelSize>,
    /// Seconds from one to the next; `None` if it is not known.
    pub seconds: Option<f64>,
}

/// The most that a side or the count can be: the header has 16 bits for each, one of them a sign.
pub const LARGEST_SIDE: u16 = i16::MAX as u16;

/// Why there is no stack.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// A number that the format's header cannot hold, or none.
    #[error(
        "a NIfTI file holds 1 to {LARGEST_SIDE} masks, with sides of 1 to {LARGEST_SIDE} pixels"
    )]
    BadShape,
    /// A mask of another size.
    #[error("a mask of {}x{} pixels does not fit a stack of {}x{}", mask[0], mask[1], stack[0], stack[1])]
    OtherSize {
        /// The mask's, px.
        mask: [u32; 2],
        /// The stack's, px.
        stack: [u32; 2],
    },
    /// More or fewer masks than were announced.
    #[error("{put} masks for a stack of {count}")]
    Count {
        /// Masks that were put.
        put: u32,
        /// How many were announced.
        count: u32,
    },
    /// Writing failed.
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// A `.nii.gz` that is being written: voxels of 8 bits, 0 or 1, x fastest, then y (down, as in the picture), then the masks
/// in their order along the axis of time. Pictures do not tell how they lie in a body: there is no orientation in it.
pub struct MaskStack<W: Write> {
    file: GzEncoder<W>,
    shape: StackShape,
    put: u32,
}

/// Header, and four bytes that say that no extension follows.
const HEADER: usize = 352;

impl<W: Write> std::fmt::Debug for MaskStack<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MaskStack({:?}, {} put)", self.shape, self.put)
    }
}

impl<W: Write> MaskStack<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// [`StackError::BadShape`], [`StackError::Write`].
    pub fn begin(to: W, shape: StackShape) -> Result<Self, StackError> {
        let bad = || StackError::BadShape;
        let held = |n: u32| i16::try_from(n).ok().filter(|n| *n > 0).ok_or_else(bad);
        let [width, height] = shape.size;
        let sides = [held(width)?, held(height)?, 1, held(shape.count)?];
        let mut file = GzEncoder::new(to, Compression::default());
        file.write_all(&header(sides, &shape))?;
        Ok(Self {
            file,
            shape,
            put: 0,
        })
    }

    /// Appends the next mask.
    ///
    /// # Errors
    /// [`StackError::OtherSize`], [`StackError::Count`] if it is one too many, [`StackError::Write`].
    pub fn put(&mut self, mask: &Mask) -> Result<(), StackError> {
        let StackShape { size, count, .. } = self.shape;
        if mask.size() != size {
            let (mask, stack) = (mask.size(), size);
            return Err(StackError::OtherSize { mask, stack });
        }
        if self.put == count {
            let put = count.saturating_add(1);
            return Err(StackError::Count { put, count });
        }
        for row in mask.rows() {
            let voxels: Vec<u8> = row.iter().map(|pixel| pixel & 1).collect();
            self.file.write_all(&voxels)?;
        }
        self.put += 1;
        Ok(())
    }

    /// Ends the file, and gives back what it was written to.
    ///
    /// # Errors
    /// [`StackError::Count`] if masks are missing, [`StackError::Write`].
    pub fn finish(self) -> Result<W, StackError> {
        let (put, count) = (self.put, self.shape.count);
        if put < count {
            return Err(StackError::Count { put, count });
        }
        Ok(self.file.finish()?)
    }
}

/// Fields by their places in `nifti1.h`, little-endian; what is not named is 0.
fn header(sides: [i16; 4], shape: &StackShape) -> [u8; HEADER] {
    const MILLIMETRES: u8 = 2;
    const SECONDS: u8 = 8;
    let mut header = [0; HEADER];
    let mut put = |at: usize, bytes: &[u8]| {
        header[at..at + bytes.len()].copy_from_slice(bytes);
    };
    put(0, &348_i32.to_le_bytes()); // sizeof_hdr
    let dim = [4, sides[0], sides[1], sides[2], sides[3], 1, 1, 1];
    put(40, dim.map(i16::to_le_bytes).as_flattened());
    put(70, &2_i16.to_le_bytes()); // datatype: unsigned 8 bits
    put(72, &8_i16.to_le_bytes()); // bitpix
    let [column, row] = shape.pixel.map_or([1.0, 1.0], PixelSize::mm);
    let seconds = shape.seconds.unwrap_or(1.0);
    let steps = [1.0, column, row, 1.0, seconds, 0.0, 0.0, 0.0];
    put(
        76,
        steps.map(|step| (step as f32).to_le_bytes()).as_flattened(),
    );
    put(108, &(HEADER as f32).to_le_bytes()); // vox_offset
    put(112, &1_f32.to_le_bytes()); // scl_slope
    let space = shape.pixel.map_or(0, |_| MILLIMETRES);
    put(123, &[space | shape.seconds.map_or(0, |_| SECONDS)]); // xyzt_units
    put(124, &1_f32.to_le_bytes()); // cal_max
    put(148, NOTICE.as_bytes()); // descrip, 80 bytes
    put(344, b"n+1\0");
    header
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::mask::tests::drawn;

    fn shape(count: u32) -> StackShape {
        StackShape {
            size: [3, 2],
            count,
            pixel: PixelSize::new([0.5, 0.25]).ok(),
            seconds: None,
        }
    }

    #[test]
    fn masks_follow_the_header_in_their_order() {
        let mut stack = MaskStack::begin(Vec::new(), shape(2)).unwrap();
        stack.put(&drawn(&["#..", ".##"])).unwrap();
        stack.put(&drawn(&["...", "..#"])).unwrap();
        let (mut bytes, file) = (Vec::new(), stack.finish().unwrap());
        flate2::read::GzDecoder::new(file.as_slice())
            .read_to_end(&mut bytes)
            .unwrap();
        assert_eq!(bytes[HEADER..], [1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1]);
        let short = |at: usize| i16::from_le_bytes([bytes[at], bytes[at + 1]]);
        assert_eq!([40, 42, 44, 46, 48].map(short), [4, 3, 2, 1, 2]);
        assert_eq!(
            bytes[80..88],
            [0.5_f32, 0.25].map(f32::to_le_bytes).concat()
        );
        assert_eq!(bytes[123], 2);
        assert!(bytes[148..228].starts_with(NOTICE.as_bytes()));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mask = drawn(&["#..", ".##"]);
        let mut stack = MaskStack::begin(Vec::new(), shape(1)).unwrap();
        let other = stack.put(&drawn(&["#"])).unwrap_err();
        assert!(matches!(other, StackError::OtherSize { mask: [1, 1], .. }));
        stack.put(&mask).unwrap();
        assert!(matches!(
            stack.put(&mask),
            Err(StackError::Count { put: 2, .. })
        ));
        let few = MaskStack::begin(Vec::new(), shape(2)).unwrap().finish();
        assert!(matches!(few, Err(StackError::Count { put: 0, count: 2 })));
        for size in [[0, 1], [1, 0], [32768, 1]] {
            let shape = StackShape { size, ..shape(1) };
            let begun = MaskStack::begin(Vec::new(), shape);
            assert!(matches!(begun, Err(StackError::BadShape)), "{size:?}");
        }
        assert!(MaskStack::begin(Vec::new(), shape(0)).is_err());
    }
}
