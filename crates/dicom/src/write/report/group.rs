//! What was measured of one mask (PS3.16, TID 1410).

use super::node::Node;
use super::{SrFile, dcm};
use crate::write::codes::Coded;
use crate::write::element::Elements;
use crate::write::error::DicomWriteError;

/// A measurement: [`terms::AREA`](crate::terms::AREA) and the like, in [`terms::MM2`](crate::terms::MM2) and the like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SrMeasure<'a> {
    /// What was measured.
    pub of: Coded<'a>,
    /// How much of it.
    pub value: f64,
    /// In which unit (UCUM).
    pub unit: Coded<'a>,
}

/// What was measured of one mask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SrGroup<'a> {
    /// Its segment, from 1.
    pub segment: u16,
    /// Its frame of the source, from 0.
    pub source: u32,
    /// The measurements.
    pub measures: &'a [SrMeasure<'a>],
}

const TRACKING: Coded<'static> = dcm("112039", "Tracking Identifier");
const TRACKING_UID: Coded<'static> = dcm("112040", "Tracking Unique Identifier");
const CATEGORY: Coded<'static> = Coded::new("276214006", "SCT", "Finding category");
const FINDING: Coded<'static> = dcm("121071", "Finding");
const SITE: Coded<'static> = Coded::new("363698007", "SCT", "Finding Site");
const ALGORITHM: Coded<'static> = dcm("111001", "Algorithm Name");
const VERSION: Coded<'static> = dcm("111003", "Algorithm Version");
const MASK: Coded<'static> = dcm("121214", "Referenced Segmentation Frame");
const PICTURE: Coded<'static> = dcm("121233", "Source Image for Segmentation");

impl SrGroup<'_> {
    /// As the report's group of this number.
    pub(super) fn node(&self, number: usize, report: &SrFile<'_>) -> Result<Elements, DicomWriteError> {
        let seg = report.seg;
        let (by, described) = (&seg.by, usize::from(self.segment).checked_sub(1));
        let segment = described.and_then(|of| seg.segments.get(of));
        let segment = segment.ok_or(DicomWriteError::NoSuchSegment(self.segment))?;
        let frame = seg.frames.number_of(self.segment, self.source);
        let frame = frame.ok_or(DicomWriteError::NoSuchFrame(self.source))?;
        if self.measures.iter().any(|measure| !measure.value.is_finite()) {
            return Err(DicomWriteError::NotFinite);
        }
        let tracked = report.name.instance.of_part(&format!("group {number}"));
        let shown = self.source.saturating_add(1);
        let mut items = vec![
            Node::observer(TRACKING).text(&format!("{}, frame {shown}", segment.label)),
            Node::observer(TRACKING_UID).uid(&tracked),
            Node::contains(CATEGORY).code(segment.category),
            Node::contains(FINDING).code(segment.kind),
        ];
        items.extend(segment.anatomy.map(|of| Node::qualifies(SITE).code(of)));
        items.extend([
            Node::qualifies(ALGORITHM).text(by.maker.model),
            Node::qualifies(VERSION).text(by.maker.model_sha256),
        ]);
        let measures = self.measures.iter();
        items.extend(measures.map(|of| Node::contains(of.of).number(of.value, of.unit)));
        let origin = by.origin;
        items.extend([
            // A frame is of one segment: which, its number need not say again (PS3.3, table 10-3).
            Node::contains(MASK).image(&seg.reference(), Some(frame)),
            Node::contains(PICTURE).image(&origin.source, origin.frame_number(self.source)),
        ]);
        let group = Node::contains(dcm("125007", "Measurement Group"));
        Ok(group.container(Some("1410"), items))
    }
}
