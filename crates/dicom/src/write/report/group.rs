//! What was measured of one mask (PS3.16, TID 1410).

use super::node::{PICTURE, ReportNode};
use crate::uid::Uid;
use crate::write::attributes::CONTENT_SEQUENCE;
use crate::write::codes::{CodedTerm, dcm};
use crate::write::element::Elements;
use crate::write::error::DicomWriteError;
use crate::write::seg::SegFile;

/// A measurement: [`terms::AREA`](crate::terms::AREA) and the like, in [`terms::MM2`](crate::terms::MM2) and the like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SrMeasure<'a> {
    /// What was measured.
    pub of: CodedTerm<'a>,
    /// How much of it.
    pub value: f64,
    /// One standard deviation of that, where it is known.
    pub plus_minus: Option<f64>,
    /// In which unit (UCUM) both are.
    pub unit: CodedTerm<'a>,
}

/// What the measurements of a group are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SrPlace<'a> {
    /// The mask, as the segmentation has it.
    Mask,
    /// What lies within this outline: corners x, y from the picture's top left corner, px; the last joins the first.
    Outline(&'a [[u32; 2]]),
}

impl SrPlace<'_> {
    /// Most corners of an outline: an element of numbers holds 2¹⁶ - 2 bytes (PS3.5, 7.1.2), and the first comes twice.
    pub const MOST_CORNERS: usize = 0xfffe / 8 - 1;
}

/// What was measured of one mask, or of one of its regions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SrGroup<'a> {
    /// Its segment, from 1.
    pub segment: u16,
    /// Its frame of the source, from 0.
    pub source: u32,
    /// What was measured.
    pub place: SrPlace<'a>,
    /// The measurements.
    pub measures: &'a [SrMeasure<'a>],
}

const TRACKING: CodedTerm<'static> = dcm("112039", "Tracking Identifier");
const TRACKING_UID: CodedTerm<'static> = dcm("112040", "Tracking Unique Identifier");
const CATEGORY: CodedTerm<'static> = CodedTerm::new("276214006", "SCT", "Finding category");
const FINDING: CodedTerm<'static> = dcm("121071", "Finding");
const SITE: CodedTerm<'static> = CodedTerm::new("363698007", "SCT", "Finding Site");
const ALGORITHM: CodedTerm<'static> = dcm("111001", "Algorithm Name");
const VERSION: CodedTerm<'static> = dcm("111003", "Algorithm Version");
/// PS3.16, CID 225.
const UNCERTAINTY: CodedTerm<'static> =
    CodedTerm::new("371884006", "SCT", "+/-, range of measurement uncertainty");
const MASK: CodedTerm<'static> = dcm("121214", "Referenced Segmentation Frame");
const OUTLINE: CodedTerm<'static> = dcm("111030", "Image Region");

impl SrMeasure<'_> {
    /// As TID 300 has it, with how sure it is by TID 310.
    fn node(&self) -> Elements {
        let number = ReportNode::contains(self.of).number(self.value, self.unit);
        let sure = |range| ReportNode::property(UNCERTAINTY).number(range, self.unit);
        match self.plus_minus.map(sure) {
            Some(sure) => number.items(CONTENT_SEQUENCE, vec![sure]),
            None => number,
        }
    }
}

impl SrGroup<'_> {
    /// As a group of the report; `tracked` is what it may be followed by.
    pub(super) fn node(
        &self,
        seg: &SegFile<'_>,
        tracked: &Uid,
    ) -> Result<Elements, DicomWriteError> {
        let (by, described) = (&seg.by, usize::from(self.segment).checked_sub(1));
        let segment = described.and_then(|of| seg.segments.get(of));
        let segment = segment.ok_or(DicomWriteError::NoSuchSegment(self.segment))?;
        let frame = seg.frames.number_of(self.segment, self.source);
        let frame = frame.ok_or(DicomWriteError::NoSuchFrame(self.source))?;
        if matches!(self.place, SrPlace::Outline(corners) if corners.len() > SrPlace::MOST_CORNERS)
        {
            return Err(DicomWriteError::TooLarge);
        }
        if self
            .measures
            .iter()
            .any(|of| !of.value.is_finite() || !of.plus_minus.unwrap_or(0.0).is_finite())
        {
            return Err(DicomWriteError::NotFinite);
        }
        let shown = self.source.saturating_add(1);
        let mut items = vec![
            ReportNode::observer(TRACKING).text(&format!("{}, frame {shown}", segment.label)),
            ReportNode::observer(TRACKING_UID).uid(tracked),
            ReportNode::contains(CATEGORY).code(segment.category),
            ReportNode::contains(FINDING).code(segment.kind),
        ];
        items.extend(
            segment
                .anatomy
                .map(|of| ReportNode::qualifies(SITE).code(of)),
        );
        items.extend([
            ReportNode::qualifies(ALGORITHM).text(by.maker.model),
            ReportNode::qualifies(VERSION).text(by.maker.model_sha256),
        ]);
        let measures = self.measures.iter();
        items.extend(measures.map(|of| of.node()));
        let origin = by.origin;
        let (source, shown) = (&origin.source, origin.frame_number(self.source));
        match self.place {
            SrPlace::Mask => items.extend([
                // A frame is of one segment: which, its number need not say again (PS3.3, table 10-3).
                ReportNode::contains(MASK).image(&seg.reference(), Some(frame)),
                ReportNode::contains(PICTURE).image(source, shown),
            ]),
            SrPlace::Outline(corners) => {
                items.push(ReportNode::contains(OUTLINE).outline(corners, source, shown));
            }
        }
        let group = ReportNode::contains(dcm("125007", "Measurement Group"));
        Ok(group.container(Some("1410"), items))
    }
}
