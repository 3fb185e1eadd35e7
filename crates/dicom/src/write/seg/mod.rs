//! Segmentations (PS3.3, A.51 and C.8.20).

mod frames;
mod groups;
mod segment;

use std::io::Write;

use picture::NOTICE;

pub use self::frames::{SegFrames, SegKind};
pub use self::segment::MarkedSegment;
use super::attributes::*;
use super::authorship::{Authorship, ObjectKind, ObjectName};
use super::element::Elements;
use super::error::DicomWriteError;
use super::part10::FilePart;
use super::reference;
use crate::origin::ObjectReference;

/// Segmentation Storage.
const CLASS: &str = "1.2.840.10008.5.1.4.1.1.66.4";

/// A segmentation: masks, or probabilities, of frames of one source.
#[derive(Clone, Copy, Debug)]
pub struct SegFile<'a> {
    /// Whom it is of, and by what it was made.
    pub by: Authorship<'a>,
    /// What it is called.
    pub name: &'a ObjectName,
    /// What is marked; the first is segment 1.
    pub segments: &'a [MarkedSegment<'a>],
    /// The masks.
    pub frames: &'a SegFrames,
}

impl SegFile<'_> {
    /// What others refer to it by.
    #[must_use]
    pub fn reference(&self) -> ObjectReference {
        self.name.reference(CLASS)
    }

    /// Writes it as a file (PS3.10), Explicit VR Little Endian.
    ///
    /// # Errors
    /// See [`DicomWriteError`].
    pub fn write(&self, out: &mut impl Write) -> Result<(), DicomWriteError> {
        let subjects = &self.frames.subjects;
        if subjects.is_empty() {
            return Err(DicomWriteError::Nothing("frame"));
        }
        let described = |subject: &&frames::FrameSubject| {
            !(1..=self.segments.len()).contains(&usize::from(subject.segment))
        };
        if let Some(of) = subjects.iter().find(described) {
            return Err(DicomWriteError::NoSuchSegment(of.segment));
        }
        let kind = ObjectKind {
            class: CLASS,
            modality: "SEG",
            about: "Segmentation.",
        };
        let set = (self.by.elements(self.name, &kind))
            .and(self.by.image())
            .and(self.pixels())
            .and(self.description())
            .and(groups::dimensions(&self.name.instance))
            .and(self.space())
            .item(SHARED_FUNCTIONAL_GROUPS_SEQUENCE, Elements::new())
            .items(
                PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
                groups::per_frame(subjects, self.by.origin),
            )
            .item(REFERENCED_SERIES_SEQUENCE, self.series());
        FilePart {
            class: CLASS,
            instance: &self.name.instance,
            set: &set,
            characters: self.by.characters(),
            pixels: Some(self.frames.packed()),
        }
        .write(out)
    }

    /// How pixels lie (PS3.3, C.8.20.2.1).
    fn pixels(&self) -> Elements {
        let [columns, rows] = self.frames.size();
        let bits = match self.frames.kind() {
            SegKind::Binary => 1,
            SegKind::Fractional => 8,
        };
        Elements::new()
            .texts(IMAGE_TYPE, ["DERIVED", "PRIMARY"])
            .words(SAMPLES_PER_PIXEL, &[1])
            .text(PHOTOMETRIC_INTERPRETATION, "MONOCHROME2")
            .text(NUMBER_OF_FRAMES, self.frames.subjects.len().to_string())
            .words(ROWS, &[rows as u16])
            .words(COLUMNS, &[columns as u16])
            .words(BITS_ALLOCATED, &[bits])
            .words(BITS_STORED, &[bits])
            .words(HIGH_BIT, &[bits - 1])
            .words(PIXEL_REPRESENTATION, &[0])
            .text(PRESENTATION_LUT_SHAPE, "IDENTITY")
            .text(BURNED_IN_ANNOTATION, "NO")
    }

    /// What it marks (PS3.3, C.8.20.2).
    fn description(&self) -> Elements {
        let maker = &self.by.maker;
        let segments = (1..).zip(self.segments);
        let set = Elements::new()
            .text(CONTENT_LABEL, "RESEARCH_ONLY")
            .text(CONTENT_DESCRIPTION, NOTICE)
            .text(
                CONTENT_CREATOR_NAME,
                format!("{}^research use only", maker.program),
            )
            .items(
                SEGMENT_SEQUENCE,
                segments
                    .map(|(number, of)| segment::described(number, of, maker))
                    .collect(),
            );
        // Each segment was marked without regard to the others.
        let overlap = match self.segments.len() {
            1 => "NO",
            _ => "UNDEFINED",
        };
        let set = set.text(SEGMENTS_OVERLAP, overlap);
        match self.frames.kind() {
            SegKind::Binary => set.text(SEGMENTATION_TYPE, "BINARY"),
            SegKind::Fractional => set
                .text(SEGMENTATION_TYPE, "FRACTIONAL")
                .text(SEGMENTATION_FRACTIONAL_TYPE, "PROBABILITY")
                .words(MAXIMUM_FRACTIONAL_VALUE, &[255]),
        }
    }

    /// In whose space it lies, if its source lies in one (PS3.3, C.7.4.1).
    fn space(&self) -> Elements {
        match &self.by.origin.frame_of_reference {
            Some(space) => Elements::new()
                .uid(FRAME_OF_REFERENCE_UID, space)
                .empty(POSITION_REFERENCE_INDICATOR),
            None => Elements::new(),
        }
    }

    /// What is referred to, of which series (PS3.3, C.12.2).
    fn series(&self) -> Elements {
        let source = &self.by.origin.source;
        Elements::new()
            .uid(SERIES_INSTANCE_UID, &source.series)
            .item(REFERENCED_INSTANCE_SEQUENCE, reference::object(source))
    }
}
