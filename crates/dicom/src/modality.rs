//! Which of the models' modalities a file's own is, where that is safe to say.

use crate::data::{DataSet, Tag};

/// DICOM's modality, what its body part must be (empty: no matter), and the model's name for it. What may be many things (an
/// endoscope's picture, a photograph) needs its body part said; a chest is what a radiograph is taken for if it says nothing.
#[rustfmt::skip]
const SUGGESTED: [(&str, &[&str], &str); 9] = [
    ("US", &[], "ultrasound"),
    ("DX", &["", "CHEST", "LUNG", "THORAX"], "x-ray"),
    ("CR", &["", "CHEST", "LUNG", "THORAX"], "x-ray"),
    ("OP", &["RETINA", "EYE", ""], "fundus"),
    ("ES", &["COLON", "RECTUM", "SIGMOID", "CECUM", "ANUSRECTUMSIGMD"], "colonoscopy"),
    ("GM", &[], "microscopy"),
    ("SM", &[], "microscopy"),
    ("DMS", &[], "dermoscopy"),
    ("XC", &["SKIN"], "dermoscopy"),
];

pub(crate) fn suggested(set: &DataSet) -> Option<&'static str> {
    let (own, part) = (
        set.text(Tag::MODALITY)?,
        set.text(Tag::BODY_PART).unwrap_or(""),
    );
    let found = SUGGESTED.iter().find(|(modality, parts, _)| {
        *modality == own && (parts.is_empty() || parts.contains(&part))
    });
    found.map(|(.., name)| *name)
}
