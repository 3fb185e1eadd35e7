//! Measurement reports (PS3.16, TID 1500, in a Comprehensive SR: PS3.3, A.35.3).

mod group;
mod node;

use std::io::Write;

use picture::NOTICE;

pub use self::group::{SrGroup, SrMeasure, SrPlace};
use self::node::{ReportNode, contents};
use super::attributes::*;
use super::authorship::{Authorship, ObjectKind, ObjectName};
use super::codes::{CodedTerm, dcm};
use super::element::Elements;
use super::error::DicomWriteError;
use super::part10::FilePart;
use super::reference;
use super::seg::SegFile;
use crate::origin::ObjectReference;
use crate::uid::Uid;

/// Comprehensive SR Storage.
const CLASS: &str = "1.2.840.10008.5.1.4.1.1.88.33";

const TITLE: CodedTerm<'static> = dcm("126000", "Imaging Measurement Report");
const LANGUAGE: CodedTerm<'static> = dcm("121049", "Language of Content Item and Descendants");
const ENGLISH: CodedTerm<'static> = CodedTerm::new("en-US", "RFC5646", "English (United States)");
const OBSERVER_TYPE: CodedTerm<'static> = dcm("121005", "Observer Type");
const DEVICE: CodedTerm<'static> = dcm("121007", "Device");
const DEVICE_UID: CodedTerm<'static> = dcm("121012", "Device Observer UID");
const DEVICE_NAME: CodedTerm<'static> = dcm("121013", "Device Observer Name");
const DEVICE_MAKER: CodedTerm<'static> = dcm("121014", "Device Observer Manufacturer");
const DEVICE_MODEL: CodedTerm<'static> = dcm("121015", "Device Observer Model Name");
const PROCEDURE: CodedTerm<'static> = dcm("121058", "Procedure reported");
const IMAGING: CodedTerm<'static> = CodedTerm::new("363679005", "SCT", "Imaging procedure");
const MEASUREMENTS: CodedTerm<'static> = dcm("126010", "Imaging Measurements");
const EVALUATIONS: CodedTerm<'static> =
    CodedTerm::new("C0034375", "UMLS", "Qualitative Evaluations");
const COMMENT: CodedTerm<'static> = dcm("121106", "Comment");

/// What was measured of a segmentation's masks.
#[derive(Clone, Copy, Debug)]
pub struct SrFile<'a> {
    /// What it is called.
    pub name: &'a ObjectName,
    /// Whether it refers to that segmentation, which is then to be had too; of outlines it need not.
    pub refers: bool,
    /// Whose masks they are: whom they are of and by what they were made is in it.
    pub seg: &'a SegFile<'a>,
    /// One for each mask that was measured; none if nothing was found.
    pub groups: &'a [SrGroup<'a>],
    /// What is to be known beside: why there are no millimetres, what is doubted. The notice comes first by itself.
    pub remarks: &'a [&'a str],
}

impl SrFile<'_> {
    /// What others refer to it by.
    #[must_use]
    pub fn reference(&self) -> ObjectReference {
        self.name.reference(CLASS)
    }

    /// Writes it as a file (PS3.10), Explicit VR Little Endian.
    ///
    /// # Errors
    /// See [`DicomWriteError`]: a group must be of a frame that the segmentation has, its values finite.
    pub fn write(&self, out: &mut impl Write) -> Result<(), DicomWriteError> {
        let by = &self.seg.by;
        let kind = ObjectKind {
            class: CLASS,
            modality: "SR",
            about: "Measurements.",
        };
        let root = Elements::new()
            .text(VALUE_TYPE, "CONTAINER")
            .code(CONCEPT_NAME_CODE_SEQUENCE, TITLE);
        let set = (by.elements(self.name, &kind))
            .and(self.document())
            .and(root)
            .and(contents(Some("1500"), self.tree(by)?));
        FilePart {
            class: CLASS,
            instance: &self.name.instance,
            set: &set,
            characters: by.characters(),
            pixels: None,
        }
        .write(out)
    }

    /// What kind of document it is, and what it draws on (PS3.3, C.17.1, C.17.2).
    fn document(&self) -> Elements {
        let origin = self.seg.by.origin;
        let series = |object: &ObjectReference| {
            Elements::new()
                .uid(SERIES_INSTANCE_UID, &object.series)
                .item(REFERENCED_SOP_SEQUENCE, reference::object(object))
        };
        let seg = self.refers.then(|| series(&self.seg.reference()));
        let series = [series(&origin.source)].into_iter().chain(seg);
        let evidence = Elements::new()
            .uid(STUDY_INSTANCE_UID, &origin.study)
            .items(REFERENCED_SERIES_SEQUENCE, series.collect());
        Elements::new()
            .empty(REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE)
            .empty(PERFORMED_PROCEDURE_CODE_SEQUENCE)
            .text(COMPLETION_FLAG, "COMPLETE")
            // Nobody has looked at it.
            .text(VERIFICATION_FLAG, "UNVERIFIED")
            .text(PRELIMINARY_FLAG, "PRELIMINARY")
            .item(CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, evidence)
    }

    /// TID 1500.
    fn tree(&self, by: &Authorship<'_>) -> Result<Vec<Elements>, DicomWriteError> {
        let maker = &by.maker;
        let weights = Uid::of_digest(&[b"weights ", maker.model_sha256.as_bytes()]);
        let mut items = vec![
            ReportNode::qualifies(LANGUAGE).code(ENGLISH),
            ReportNode::observer(OBSERVER_TYPE).code(DEVICE),
            ReportNode::observer(DEVICE_UID).uid(&weights),
            ReportNode::observer(DEVICE_NAME).text(maker.program),
            ReportNode::observer(DEVICE_MAKER).text(maker.program),
            ReportNode::observer(DEVICE_MODEL).text(maker.model),
            ReportNode::qualifies(PROCEDURE).code(IMAGING),
        ];
        let tracked = |number: u32| self.name.instance.of_part(&format!("group {number}"));
        let groups: Result<Vec<_>, _> = (1..)
            .zip(self.groups)
            .map(|(number, group)| group.node(self.seg, &tracked(number)))
            .collect();
        let groups = groups?;
        if !groups.is_empty() {
            items.push(ReportNode::contains(MEASUREMENTS).container(None, groups));
        }
        let remarks = std::iter::once(&NOTICE).chain(self.remarks);
        let remarks = remarks.map(|remark| ReportNode::contains(COMMENT).text(remark));
        items.push(ReportNode::contains(EVALUATIONS).container(None, remarks.collect()));
        Ok(items)
    }
}
