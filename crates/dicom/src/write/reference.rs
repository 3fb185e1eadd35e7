//! How objects refer to each other (PS3.3, 10.3, 10.8, C.12.2).

use super::attributes::*;
use super::codes::{CodedTerm, dcm};
use super::element::Elements;
use crate::origin::ObjectReference;

/// What a source was to what was made of it.
pub(super) const SOURCE: CodedTerm<'static> =
    dcm("121322", "Source image for image processing operation");

/// The object itself (PS3.3, table 10-11).
pub(super) fn object(reference: &ObjectReference) -> Elements {
    Elements::new()
        .uid(REFERENCED_SOP_CLASS_UID, &reference.class)
        .uid(REFERENCED_SOP_INSTANCE_UID, &reference.instance)
}

/// A frame of it, from 1; `None`: it has one frame, of which the standard says nothing.
pub(super) fn frame(reference: &ObjectReference, frame: Option<u32>) -> Elements {
    match frame {
        Some(frame) => object(reference).text(REFERENCED_FRAME_NUMBER, frame.to_string()),
        None => object(reference),
    }
}

/// As the source of a picture.
pub(super) fn source(reference: &ObjectReference, number: Option<u32>) -> Elements {
    frame(reference, number)
        .text(SPATIAL_LOCATIONS_PRESERVED, "YES")
        .code(PURPOSE_OF_REFERENCE_CODE_SEQUENCE, SOURCE)
}
