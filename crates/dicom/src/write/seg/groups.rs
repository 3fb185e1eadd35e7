//! What is said of each frame (PS3.3, A.51.5, C.7.6.16, C.7.6.17).
//!
//! Frames are ordered by segment, and by the source's frame: of ultrasound that is a point in time. It has no patient's space to be
//! placed in; where a frame belongs says its source alone. So does how large its pixels are: Pixel Measures would ask for a thickness
//! that a picture does not have (the standard and dciodvfy have none or one above 0, highdicom opens no file without one).

use super::frames::FrameSubject;
use crate::origin::DicomOrigin;
use crate::uid::Uid;
use crate::write::attributes::*;
use crate::write::codes::{CodedTerm, dcm};
use crate::write::element::{Attribute, Elements};
use crate::write::reference;

/// PS3.16, CID 7203.
const SEGMENTATION: CodedTerm<'static> = dcm("113076", "Segmentation");

/// By what frames are ordered.
pub(super) fn dimensions(instance: &Uid) -> Elements {
    let organization = instance.of_part("dimensions");
    let index = |pointer: Attribute, group: Attribute, label: &str| {
        Elements::new()
            .uid(DIMENSION_ORGANIZATION_UID, &organization)
            .tag(DIMENSION_INDEX_POINTER, pointer)
            .tag(FUNCTIONAL_GROUP_POINTER, group)
            .text(DIMENSION_DESCRIPTION_LABEL, label)
    };
    let organizations = Elements::new().uid(DIMENSION_ORGANIZATION_UID, &organization);
    Elements::new()
        .item(DIMENSION_ORGANIZATION_SEQUENCE, organizations)
        .items(
            DIMENSION_INDEX_SEQUENCE,
            vec![
                index(
                    REFERENCED_SEGMENT_NUMBER,
                    SEGMENT_IDENTIFICATION_SEQUENCE,
                    "Segment",
                ),
                index(
                    TEMPORAL_POSITION_INDEX,
                    FRAME_CONTENT_SEQUENCE,
                    "Frame of the source",
                ),
            ],
        )
}

/// Of each frame.
pub(super) fn per_frame(subjects: &[FrameSubject], origin: &DicomOrigin) -> Vec<Elements> {
    let mut positions: Vec<u32> = subjects.iter().map(|subject| subject.source).collect();
    positions.sort_unstable();
    positions.dedup();
    let group = |subject: &FrameSubject| {
        // There is one: they are all in it.
        let position = positions.partition_point(|of| *of < subject.source) + 1;
        let number = subject.source.saturating_add(1);
        let content = Elements::new()
            .longs(
                DIMENSION_INDEX_VALUES,
                &[subject.segment.into(), position as u32],
            )
            .longs(TEMPORAL_POSITION_INDEX, &[number])
            .text(FRAME_LABEL, format!("Frame {number} of the source"));
        let source = reference::source(&origin.source, origin.frame_number(subject.source));
        let derivation = Elements::new()
            .item(SOURCE_IMAGE_SEQUENCE, source)
            .code(DERIVATION_CODE_SEQUENCE, SEGMENTATION);
        let segment = Elements::new().words(REFERENCED_SEGMENT_NUMBER, &[subject.segment]);
        Elements::new()
            .item(FRAME_CONTENT_SEQUENCE, content)
            .item(DERIVATION_IMAGE_SEQUENCE, derivation)
            .item(SEGMENT_IDENTIFICATION_SEQUENCE, segment)
    };
    subjects.iter().map(group).collect()
}
