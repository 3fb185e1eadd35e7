//! Coded terms (PS3.3, 8; PS3.16).

use super::attributes::*;
use super::element::{Attribute, Elements};

/// A coded term: what stands for something in every language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodedTerm<'a> {
    /// "39607008"
    pub value: &'a str,
    /// Who gave it: "SCT" (SNOMED CT), "DCM" (PS3.16), "UCUM", "LN" (LOINC).
    pub scheme: &'a str,
    /// What it means, in English: "Lung". 64 characters at most.
    pub meaning: &'a str,
}

impl<'a> CodedTerm<'a> {
    /// A term.
    #[must_use]
    pub const fn new(value: &'a str, scheme: &'a str, meaning: &'a str) -> Self {
        Self {
            value,
            scheme,
            meaning,
        }
    }

    /// As an item of a code sequence (PS3.3, table 8.8-1).
    pub(super) fn item(self) -> Elements {
        let value = match self.value.chars().count() {
            ..=16 => CODE_VALUE,
            _ => LONG_CODE_VALUE,
        };
        Elements::new()
            .text(value, self.value)
            .text(CODING_SCHEME_DESIGNATOR, self.scheme)
            .text(CODE_MEANING, self.meaning)
    }
}

/// One of PS3.16, D.
pub(super) const fn dcm(value: &'static str, meaning: &'static str) -> CodedTerm<'static> {
    CodedTerm::new(value, "DCM", meaning)
}

impl Elements {
    /// A sequence of this one term.
    pub(super) fn code(self, attribute: Attribute, code: CodedTerm<'_>) -> Self {
        self.item(attribute, code.item())
    }
}

/// What a measurement is of, and its units.
pub mod terms {
    use super::CodedTerm;

    const fn sct(value: &'static str, meaning: &'static str) -> CodedTerm<'static> {
        CodedTerm::new(value, "SCT", meaning)
    }

    const fn ucum(value: &'static str, meaning: &'static str) -> CodedTerm<'static> {
        CodedTerm::new(value, "UCUM", meaning)
    }

    /// PS3.16, CID 7469.
    pub const AREA: CodedTerm<'static> = sct("42798000", "Area");
    /// Of the mask's own outline (PS3.16, CID 7470).
    pub const PERIMETER: CodedTerm<'static> = sct("131191004", "Perimeter");
    /// Of a shape that was fitted: of an ellipse (PS3.16, CID 7470).
    pub const CIRCUMFERENCE: CodedTerm<'static> = sct("74551000", "Circumference");
    /// PS3.16, CID 7470.
    pub const LONG_AXIS: CodedTerm<'static> = sct("103339001", "Long axis");
    /// PS3.16, CID 7470.
    pub const SHORT_AXIS: CodedTerm<'static> = sct("103340004", "Short axis");

    /// Millimetres.
    pub const MM: CodedTerm<'static> = ucum("mm", "millimeter");
    /// Square millimetres.
    pub const MM2: CodedTerm<'static> = ucum("mm2", "square millimeter");
    /// Pixels, of lengths and areas whose millimetres are not known: a unit of no dimension, with a remark.
    pub const PIXELS: CodedTerm<'static> = ucum("{pixels}", "pixels");

    /// A structure of the body as it should be (PS3.16, CID 7150).
    pub const ANATOMICAL: CodedTerm<'static> = sct("91723000", "Anatomical Structure");
    /// Nothing but a place, where nobody says what is there (PS3.16, CID 7150).
    pub const PLACE: CodedTerm<'static> = sct("309825002", "Spatial and Relational Concept");
    /// The type to go with it: of a model that marks many things, or whose manifest has no codes.
    pub const REGION: CodedTerm<'static> = CodedTerm::new("111030", "DCM", "Image Region");
    /// One that should not be there (PS3.16, CID 7150).
    pub const ABNORMAL: CodedTerm<'static> = sct("49755003", "Morphologically Abnormal Structure");
}
