//! The frames of a segmentation, packed as they are written.

use picture::mask::Mask;

use crate::write::error::DicomWriteError;

/// How a segmentation's pixels are written (PS3.3, C.8.20.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegKind {
    /// A bit each: target or not.
    Binary,
    /// A byte each: the probability, 255 of it being 1.
    Fractional,
}

/// What a frame is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameSubject {
    /// From 1.
    pub segment: u16,
    /// From 0.
    pub source: u32,
}

/// The frames of a segmentation: one for each frame of the source that was looked at, and each segment. One of nothing belongs
/// to them, as a frame where nothing was found is not a frame that nobody looked at.
///
/// Memory: a bit for each pixel of each frame if binary, a byte if fractional. Who adds frames of strangers' files, bounds their
/// number.
#[derive(Clone, Debug)]
pub struct SegFrames {
    kind: SegKind,
    size: [u32; 2],
    pub(super) subjects: Vec<FrameSubject>,
    packed: Vec<u8>,
    /// Pixels that are packed.
    pixels: usize,
}

/// Most rows or columns (US), and bytes of pixels.
const MOST: u32 = u16::MAX as u32;
const MOST_BYTES: usize = u32::MAX as usize - 1;

impl SegFrames {
    /// None yet, of so many columns and rows each.
    ///
    /// # Errors
    /// [`DicomWriteError::TooLarge`].
    pub fn new(kind: SegKind, size: [u32; 2]) -> Result<Self, DicomWriteError> {
        if size.into_iter().any(|side| side > MOST) {
            return Err(DicomWriteError::TooLarge);
        }
        Ok(Self {
            kind,
            size,
            subjects: Vec::new(),
            packed: Vec::new(),
            pixels: 0,
        })
    }

    /// A mask: of a segment (from 1), on a frame of the source (from 0).
    ///
    /// # Errors
    /// [`DicomWriteError`]: of another size, not binary, too many.
    pub fn add_mask(
        &mut self,
        segment: u16,
        source: u32,
        mask: &Mask,
    ) -> Result<(), DicomWriteError> {
        self.begin(SegKind::Binary, mask)?;
        // Bits follow each other without a gap, those of the next frame too; the first is the lowest (PS3.5, 8.2 and D).
        for pixel in mask.pixels() {
            let place = self.pixels % 8;
            if place == 0 {
                self.packed.push(0);
            }
            if let Some(last) = self.packed.last_mut() {
                *last |= u8::from(*pixel != 0) << place;
            }
            self.pixels += 1;
        }
        self.subjects.push(FrameSubject { segment, source });
        Ok(())
    }

    /// A mask and its probabilities, 255 for 1, as of [`picture::mask::probabilities`]: 128 and more where the mask is, less where
    /// it is not.
    ///
    /// # Errors
    /// [`DicomWriteError`]: of another size, contradictory, not fractional, too many.
    pub fn add_probabilities(
        &mut self,
        segment: u16,
        source: u32,
        (mask, probabilities): (&Mask, &[u8]),
    ) -> Result<(), DicomWriteError> {
        self.begin(SegKind::Fractional, mask)?;
        let mut pairs = mask.pixels().iter().zip(probabilities);
        if probabilities.len() != mask.pixels().len()
            || !pairs.all(|(m, p)| (*m != 0) == (*p >= 128))
        {
            return Err(DicomWriteError::Contradiction);
        }
        self.packed.extend(probabilities);
        self.pixels += probabilities.len();
        self.subjects.push(FrameSubject { segment, source });
        Ok(())
    }

    fn begin(&mut self, kind: SegKind, mask: &Mask) -> Result<(), DicomWriteError> {
        if self.kind != kind {
            return Err(DicomWriteError::OtherCoding);
        }
        if mask.size() != self.size {
            return Err(DicomWriteError::OtherSize {
                expected: self.size,
                found: mask.size(),
            });
        }
        let pixels = self.pixels.saturating_add(mask.pixels().len());
        let bytes = match kind {
            SegKind::Binary => pixels.div_ceil(8),
            SegKind::Fractional => pixels,
        };
        if bytes > MOST_BYTES {
            return Err(DicomWriteError::TooLarge);
        }
        self.packed.reserve(bytes - self.packed.len());
        Ok(())
    }

    /// How its pixels are written.
    #[must_use]
    pub fn kind(&self) -> SegKind {
        self.kind
    }

    /// Columns and rows.
    #[must_use]
    pub fn size(&self) -> [u32; 2] {
        self.size
    }

    /// Which frame is of this segment and this frame of the source; from 1.
    pub(in crate::write) fn number_of(&self, segment: u16, source: u32) -> Option<u32> {
        let wanted = FrameSubject { segment, source };
        let found = self
            .subjects
            .iter()
            .position(|subject| *subject == wanted)?;
        u32::try_from(found + 1).ok()
    }

    /// The frames of the source, in the order in which they came.
    pub fn sources(&self) -> impl Iterator<Item = u32> + '_ {
        self.subjects.iter().map(|subject| subject.source)
    }

    /// Bytes of its pixels.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.packed.len() as u64
    }

    /// As they are written.
    pub(super) fn packed(&self) -> &[u8] {
        &self.packed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(pixels: &[u8]) -> Mask {
        Mask::new(
            pixels.len() as u32,
            1,
            pixels.iter().map(|p| p * 255).collect(),
        )
        .unwrap()
    }

    #[test]
    fn bits_follow_without_a_gap_between_frames() {
        let mut frames = SegFrames::new(SegKind::Binary, [5, 1]).unwrap();
        frames.add_mask(1, 0, &mask(&[1, 0, 0, 1, 1])).unwrap();
        frames.add_mask(1, 1, &mask(&[1, 1, 0, 1, 0])).unwrap();
        assert_eq!(frames.packed(), [0b0111_1001, 0b01]);
        let other = frames.add_mask(1, 2, &mask(&[1, 1]));
        assert!(matches!(other, Err(DicomWriteError::OtherSize { .. })));
        let soft = frames.add_probabilities(1, 2, (&mask(&[1; 5]), &[255; 5]));
        assert!(matches!(soft, Err(DicomWriteError::OtherCoding)));
        assert_eq!((frames.packed().len(), frames.subjects.len()), (2, 2));
    }

    #[test]
    fn probabilities_are_half_and_more_where_the_mask_is() {
        let mut frames = SegFrames::new(SegKind::Fractional, [3, 1]).unwrap();
        let mask = mask(&[1, 0, 1]);
        frames
            .add_probabilities(1, 0, (&mask, &[128, 127, 255]))
            .unwrap();
        assert_eq!(frames.packed(), [128, 127, 255]);
        for wrong in [&[128, 128, 255][..], &[127, 0, 255], &[255, 0]] {
            let wrong = frames.add_probabilities(1, 0, (&mask, wrong));
            assert!(matches!(wrong, Err(DicomWriteError::Contradiction)));
        }
        assert!(SegFrames::new(SegKind::Binary, [65_536, 1]).is_err());
    }
}
