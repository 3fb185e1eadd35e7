//! What is said of a file. Its texts are looked up in lists, and what is not in them is left out: no name that somebody
//! wrote where a code belongs comes out of here.

use crate::data::{DataSet, Tag};
use crate::layout::{Photometric, SampleLayout};
use crate::syntax::TransferSyntax;
use crate::timing::Timing;

/// What a DICOM file says of itself, without who it is of.
#[derive(Clone, Debug, PartialEq)]
pub struct DicomFacts {
    /// Modality (PS3.3, C.7.3.1.1.1), if it is one that makes pictures.
    pub modality: Option<&'static str>,
    /// Kind of object, by its SOP class, if that is a known one.
    pub kind: Option<&'static str>,
    /// How it is written.
    pub transfer_syntax: TransferSyntax,
    /// Columns and rows.
    pub size: [u32; 2],
    /// Frames.
    pub frames: u32,
    /// What its samples mean.
    pub photometric: Photometric,
    /// Significant bits of a sample.
    pub bits: u32,
    /// Whether samples may be negative.
    pub signed: bool,
    /// How long frames are shown.
    pub timing: Timing,
    /// Whether text that says who it is of is drawn into the picture; `None` if nobody said.
    pub burned_in: Option<bool>,
    /// Overlays (PS3.3, C.9.2) that a viewer would draw upon it and that are not drawn here.
    pub overlays: usize,
    /// Height and width of a pixel in relation, if it is not square by that. The picture is not stretched.
    pub aspect: Option<[u32; 2]>,
}

/// Defined terms.
#[rustfmt::skip]
const MODALITIES: [&str; 31] = [
    "AS", "BI", "CR", "CT", "DG", "DMS", "DX", "ES", "GM", "IO", "IVOCT", "IVUS", "MG", "MR", "NM", "OCT", "OP", "OPT",
    "OT", "PA", "PT", "PX", "RF", "RG", "SC", "SM", "TG", "US", "VL", "XA", "XC",
];

/// SOP classes of pictures (PS3.4, B.5).
const KINDS: [(&str, &str); 22] = [
    ("1.2.840.10008.5.1.4.1.1.1", "Computed Radiography Image"),
    (
        "1.2.840.10008.5.1.4.1.1.1.1",
        "Digital X-Ray Image (for presentation)",
    ),
    (
        "1.2.840.10008.5.1.4.1.1.1.1.1",
        "Digital X-Ray Image (for processing)",
    ),
    (
        "1.2.840.10008.5.1.4.1.1.1.2",
        "Digital Mammography Image (for presentation)",
    ),
    ("1.2.840.10008.5.1.4.1.1.2", "CT Image"),
    (
        "1.2.840.10008.5.1.4.1.1.3.1",
        "Ultrasound Multi-frame Image",
    ),
    (
        "1.2.840.10008.5.1.4.1.1.3",
        "Ultrasound Multi-frame Image (retired)",
    ),
    ("1.2.840.10008.5.1.4.1.1.4", "MR Image"),
    ("1.2.840.10008.5.1.4.1.1.6", "Ultrasound Image (retired)"),
    ("1.2.840.10008.5.1.4.1.1.6.1", "Ultrasound Image"),
    ("1.2.840.10008.5.1.4.1.1.6.2", "Enhanced US Volume"),
    ("1.2.840.10008.5.1.4.1.1.7", "Secondary Capture Image"),
    (
        "1.2.840.10008.5.1.4.1.1.7.2",
        "Multi-frame Grayscale Byte Secondary Capture Image",
    ),
    (
        "1.2.840.10008.5.1.4.1.1.7.3",
        "Multi-frame Grayscale Word Secondary Capture Image",
    ),
    (
        "1.2.840.10008.5.1.4.1.1.7.4",
        "Multi-frame True Color Secondary Capture Image",
    ),
    ("1.2.840.10008.5.1.4.1.1.12.1", "X-Ray Angiographic Image"),
    ("1.2.840.10008.5.1.4.1.1.77.1.1", "VL Endoscopic Image"),
    ("1.2.840.10008.5.1.4.1.1.77.1.2", "VL Microscopic Image"),
    ("1.2.840.10008.5.1.4.1.1.77.1.4", "VL Photographic Image"),
    (
        "1.2.840.10008.5.1.4.1.1.77.1.5.1",
        "Ophthalmic Photography 8 Bit Image",
    ),
    (
        "1.2.840.10008.5.1.4.1.1.77.1.6",
        "VL Whole Slide Microscopy Image",
    ),
    (
        "1.2.840.10008.5.1.4.1.1.77.1.7",
        "Dermoscopic Photography Image",
    ),
];

impl DicomFacts {
    pub(crate) fn of(
        set: &DataSet,
        layout: &SampleLayout,
        transfer_syntax: TransferSyntax,
    ) -> Self {
        let known = |text: &str| MODALITIES.into_iter().find(|known| *known == text);
        let kind = |uid: &str| KINDS.into_iter().find(|(own, _)| *own == uid);
        Self {
            modality: set.text(Tag::MODALITY).and_then(known),
            kind: set
                .text(Tag::SOP_CLASS)
                .and_then(kind)
                .map(|(_, name)| name),
            transfer_syntax,
            size: [layout.columns, layout.rows],
            frames: layout.frames,
            photometric: layout.photometric,
            bits: layout.stored,
            signed: layout.signed,
            timing: Timing::of(set, layout.frames),
            burned_in: match set.text(Tag::BURNED_IN) {
                Some("YES") => Some(true),
                Some("NO") => Some(false),
                _ => None,
            },
            overlays: set.overlays(),
            aspect: aspect(set),
        }
    }
}

/// Pixel Aspect Ratio (PS3.3, C.7.6.3.1.7): vertical, horizontal.
fn aspect(set: &DataSet) -> Option<[u32; 2]> {
    let whole = |v: f64| (1.0..=1e6).contains(&v).then_some(v as u32);
    let [vertical, horizontal] = set.numbers(Tag::ASPECT_RATIO)[..] else {
        return None;
    };
    let ratio = [whole(vertical)?, whole(horizontal)?];
    (ratio[0] != ratio[1]).then_some(ratio)
}
