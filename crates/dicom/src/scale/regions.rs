//! Ultrasound regions (PS3.3, C.8.5.5): a screen's parts, each with its own units.

use picture::scale::{PixelSize, Scale, ScaledRegion};

use super::told::{DicomScale, ScaleNote, ScaleSource};
use crate::data::{DataSet, Tag};
use crate::layout::SampleLayout;

/// Physical units: centimetres (C.8.5.5.1.15).
const CENTIMETRES: u16 = 3;
/// Spatial format: two-dimensional; data type: tissue (C.8.5.5.1.1, C.8.5.5.1.2).
const TWO_DIMENSIONAL: u16 = 1;
const TISSUE: u16 = 1;

pub(super) fn scale(regions: &[DataSet], layout: &SampleLayout) -> DicomScale {
    let mut notes = Vec::new();
    let mut scaled = Vec::with_capacity(regions.len());
    for (number, region) in (1..).zip(regions) {
        let Some(place) = place(region, layout) else {
            return DicomScale::unknown(ScaleNote::RegionsOfAnother);
        };
        let pixel = size(region).map_err(|note| notes.push(note(number))).ok();
        scaled.push(ScaledRegion { place, pixel });
    }
    DicomScale {
        scale: Scale::Regions(scaled),
        source: Some(ScaleSource::UltrasoundRegions),
        notes,
    }
}

/// First pixel and last, of which the picture must have both; many machines state the one after the last.
fn place(region: &DataSet, layout: &SampleLayout) -> Option<[u32; 4]> {
    let side = |first, last, length: u32| {
        let (first, last) = (region.long(first)?, region.long(last)?);
        let last = if last == length { length - 1 } else { last };
        (first <= last && last < length).then(|| (first, last - first + 1))
    };
    let (x, width) = side(Tag::REGION_MIN_X, Tag::REGION_MAX_X, layout.columns)?;
    let (y, height) = side(Tag::REGION_MIN_Y, Tag::REGION_MAX_Y, layout.rows)?;
    Some([x, y, width, height])
}

fn size(region: &DataSet) -> Result<PixelSize, fn(usize) -> ScaleNote> {
    let is = |tag, expected| region.word(tag) == Some(expected);
    if !is(Tag::REGION_SPATIAL_FORMAT, TWO_DIMENSIONAL) || !is(Tag::REGION_DATA_TYPE, TISSUE) {
        return Err(ScaleNote::NotTissue);
    }
    if !is(Tag::REGION_UNITS_X, CENTIMETRES) || !is(Tag::REGION_UNITS_Y, CENTIMETRES) {
        return Err(ScaleNote::NotCentimetres);
    }
    // Negative ones count from the other side.
    let mm = |tag| region.double(tag).map(|delta| delta.abs() * 10.0);
    let mm = (mm(Tag::REGION_DELTA_X)).zip(mm(Tag::REGION_DELTA_Y));
    let size = mm.and_then(|(x, y)| PixelSize::new([x, y]).ok());
    size.ok_or(ScaleNote::NoDelta)
}
