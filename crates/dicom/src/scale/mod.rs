//! How large pixels are, where the file says it and nothing in it speaks against it (see `docs/dicom.md`).

mod regions;
mod spacing;
mod told;

use crate::data::{DataSet, Tag};
use crate::layout::SampleLayout;

pub use self::told::{DicomScale, ScaleNote, ScaleSource};

/// Of a file.
pub(crate) fn of(set: &DataSet, layout: &SampleLayout) -> DicomScale {
    match set.items(Tag::ULTRASOUND_REGIONS) {
        [] => spacing::scale(set, layout),
        regions => regions::scale(regions, layout),
    }
}
