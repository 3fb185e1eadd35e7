//! Spacings of whole pictures (PS3.3, 10.7, C.7.6.16.2.1, C.8.11.4).

use picture::scale::{PixelSize, Scale};

use super::told::{DicomScale, ScaleNote, ScaleSource};
use crate::data::{DataSet, Tag};
use crate::layout::SampleLayout;

pub(super) fn scale(set: &DataSet, layout: &SampleLayout) -> DicomScale {
    let (pixel, source) = match found(set, layout) {
        Ok(found) => found,
        Err(note) => return DicomScale::unknown(note),
    };
    if let Some([vertical, horizontal]) = aspect(set) {
        let [across, down] = pixel.mm();
        let (stated, measured) = (vertical / horizontal, down / across);
        if (stated / measured - 1.0).abs() > 0.01 {
            return DicomScale::unknown(ScaleNote::Contradiction);
        }
    }
    let notes = match source {
        ScaleSource::Detector => vec![magnified(set)],
        ScaleSource::ScannedFilm => vec![ScaleNote::OnFilm],
        // The same as the detector's: nobody has corrected it (PS3.3, 10.7.1.3).
        ScaleSource::PixelSpacing if read(set, Tag::IMAGER_PIXEL_SPACING) == Ok(Some(pixel)) => {
            vec![magnified(set)]
        }
        _ => Vec::new(),
    };
    DicomScale {
        scale: Scale::Uniform(pixel),
        source: Some(source),
        notes,
    }
}

fn magnified(set: &DataSet) -> ScaleNote {
    let factor = set
        .number(Tag::MAGNIFICATION)
        .filter(|factor| *factor > 0.0);
    ScaleNote::Magnified { factor }
}

fn found(set: &DataSet, layout: &SampleLayout) -> Result<(PixelSize, ScaleSource), ScaleNote> {
    if let Some(pixel) = measures(set, layout)? {
        return Ok((pixel, ScaleSource::PixelMeasures));
    }
    for (tag, source) in [
        (Tag::PIXEL_SPACING, ScaleSource::PixelSpacing),
        (Tag::NOMINAL_SCANNED_SPACING, ScaleSource::ScannedFilm),
        (Tag::IMAGER_PIXEL_SPACING, ScaleSource::Detector),
    ] {
        if let Some(pixel) = read(set, tag)? {
            return Ok((pixel, source));
        }
    }
    Err(ScaleNote::Unsaid)
}

/// What functional groups say: the same for every frame, or nothing is believed.
fn measures(set: &DataSet, layout: &SampleLayout) -> Result<Option<PixelSize>, ScaleNote> {
    let of = |group: &DataSet| match group.items(Tag::PIXEL_MEASURES).first() {
        Some(measures) => read(measures, Tag::PIXEL_SPACING),
        None => Ok(None),
    };
    let shared = set.items(Tag::SHARED_GROUPS).first().map_or(Ok(None), of)?;
    let frames = set.items(Tag::FRAME_GROUPS);
    let mut common = shared;
    let mut any = shared.is_some();
    for (number, group) in frames.iter().enumerate() {
        let own = of(group)?.or(shared);
        any |= own.is_some();
        if number == 0 {
            common = own;
        }
        if own != common {
            return Err(ScaleNote::FramesDisagree);
        }
    }
    // Frames that are said nothing of.
    let left_out = !frames.is_empty() && frames.len() != layout.frames as usize;
    match any && left_out && shared.is_none() {
        true => Err(ScaleNote::FramesDisagree),
        false => Ok(common),
    }
}

/// Row spacing, column spacing: how far it is down to the next row, and across to the next column.
fn read(set: &DataSet, tag: Tag) -> Result<Option<PixelSize>, ScaleNote> {
    if set.bytes(tag).is_none() {
        return Ok(None);
    }
    match set.numbers(tag)[..] {
        [down, across] => PixelSize::new([across, down]).map(Some),
        _ => return Err(ScaleNote::Contradiction),
    }
    .map_err(|_| ScaleNote::Contradiction)
}

fn aspect(set: &DataSet) -> Option<[f64; 2]> {
    match set.numbers(Tag::ASPECT_RATIO)[..] {
        [vertical, horizontal] if vertical > 0.0 && horizontal > 0.0 => {
            Some([vertical, horizontal])
        }
        _ => None,
    }
}
