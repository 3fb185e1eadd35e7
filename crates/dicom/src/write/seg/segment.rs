//! What is marked, and by which algorithm (PS3.3, C.8.20.2, table 10-19).

use picture::NOTICE;

use crate::write::attributes::*;
use crate::write::authorship::ObjectMaker;
use crate::write::codes::{CodedTerm, dcm};
use crate::write::element::Elements;

/// What a segmentation marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkedSegment<'a> {
    /// In words: "fetal head".
    pub label: &'a str,
    /// Category (PS3.16, CID 7150): [`terms::ANATOMICAL`](crate::terms::ANATOMICAL),
    /// [`terms::ABNORMAL`](crate::terms::ABNORMAL).
    pub category: CodedTerm<'a>,
    /// Type (PS3.16, CID 7151).
    pub kind: CodedTerm<'a>,
    /// Where it is, if the type does not say.
    pub anatomy: Option<CodedTerm<'a>>,
}

/// PS3.16, CID 7162.
const FAMILY: CodedTerm<'static> = dcm("123110", "Artificial Intelligence");

/// As an item of the Segment Sequence; numbers count from 1.
pub(super) fn described(
    number: u16,
    segment: &MarkedSegment<'_>,
    maker: &ObjectMaker<'_>,
) -> Elements {
    let item = Elements::new()
        .words(SEGMENT_NUMBER, &[number])
        .text(SEGMENT_LABEL, segment.label)
        .text(SEGMENT_DESCRIPTION, format!("{}. {NOTICE}", segment.label))
        .text(SEGMENT_ALGORITHM_TYPE, "AUTOMATIC")
        .text(SEGMENT_ALGORITHM_NAME, maker.model)
        .code(SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, segment.category)
        .code(SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, segment.kind)
        .item(
            SEGMENTATION_ALGORITHM_IDENTIFICATION_SEQUENCE,
            algorithm(maker),
        );
    match segment.anatomy {
        Some(anatomy) => item.code(ANATOMIC_REGION_SEQUENCE, anatomy),
        None => item,
    }
}

/// The weights are the version: the same name may have others tomorrow.
fn algorithm(maker: &ObjectMaker<'_>) -> Elements {
    Elements::new()
        .code(ALGORITHM_FAMILY_CODE_SEQUENCE, FAMILY)
        .text(ALGORITHM_NAME, maker.model)
        .text(ALGORITHM_VERSION, maker.model_sha256)
        .text(
            ALGORITHM_PARAMETERS,
            format!("program={} {}", maker.program, maker.version),
        )
}
