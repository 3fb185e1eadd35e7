//! Secondary captures (PS3.3, A.8): pictures for people.

use std::io::Write;

use picture::NOTICE;
use picture::frame::Frame;
use picture::scale::PixelSize;

use super::attributes::*;
use super::authorship::{Authorship, ObjectKind, ObjectName};
use super::element::Elements;
use super::error::DicomWriteError;
use super::part10::FilePart;
use super::reference;
use crate::origin::{ObjectReference, SECONDARY_CAPTURE};

/// What a capture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureOf {
    /// A mask drawn over this frame of the source, from 0.
    Overlay(u32),
    /// The source itself, which was no DICOM file: [`ObjectName::of_source`] names it.
    Source,
}

/// A picture as an object: an overlay, or a picture that others refer to as their source.
#[derive(Clone, Copy, Debug)]
pub struct CaptureFile<'a> {
    /// Whom it is of, and by what it was made.
    pub by: Authorship<'a>,
    /// What it is called.
    pub name: &'a ObjectName,
    /// What it shows.
    pub of: CaptureOf,
    /// The picture: for an overlay, with the notice drawn into it as [`picture::render`] does.
    pub picture: &'a Frame,
    /// Whether text that says who it is of is drawn into it; `None` if nobody knows. The notice is no such text. Where identity is
    /// removed, somebody must have seen that it is not.
    pub burned_in: Option<bool>,
    /// How large its pixels are, if they are of that size everywhere.
    pub pixel: Option<PixelSize>,
}

impl CaptureFile<'_> {
    /// What others refer to it by.
    #[must_use]
    pub fn reference(&self) -> ObjectReference {
        self.name.reference(SECONDARY_CAPTURE)
    }

    /// Writes it as a file (PS3.10), Explicit VR Little Endian, in 8-bit RGB.
    ///
    /// # Errors
    /// See [`DicomWriteError`].
    pub fn write(&self, out: &mut impl Write) -> Result<(), DicomWriteError> {
        // That it is removed says the whole study, and of the pixels too (PS3.3, C.7.1.1).
        if self.by.origin.is_removed() && self.burned_in != Some(false) {
            return Err(DicomWriteError::MayShowIdentity);
        }
        let [columns, rows] = self.picture.size().map(u16::try_from);
        let too_large = |_| DicomWriteError::TooLarge;
        let kind = ObjectKind {
            class: SECONDARY_CAPTURE,
            modality: "OT",
            about: match self.of {
                CaptureOf::Overlay(_) => "Overlay.",
                CaptureOf::Source => "Picture.",
            },
        };
        let set = (self.by.elements(self.name, &kind))
            .and(self.by.image())
            .empty(LATERALITY)
            .text(CONVERSION_TYPE, "WSD")
            .texts(IMAGE_TYPE, ["DERIVED", "SECONDARY"])
            .words(SAMPLES_PER_PIXEL, &[3])
            .text(PHOTOMETRIC_INTERPRETATION, "RGB")
            .words(PLANAR_CONFIGURATION, &[0])
            .words(ROWS, &[rows.map_err(too_large)?])
            .words(COLUMNS, &[columns.map_err(too_large)?])
            .words(BITS_ALLOCATED, &[8])
            .words(BITS_STORED, &[8])
            .words(HIGH_BIT, &[7])
            .words(PIXEL_REPRESENTATION, &[0])
            .and(self.derivation())
            .and(self.known());
        FilePart {
            class: SECONDARY_CAPTURE,
            instance: &self.name.instance,
            set: &set,
            characters: self.by.characters(),
            pixels: Some(self.picture.rgb()),
        }
        .write(out)
    }

    /// Of what it was made, and how.
    fn derivation(&self) -> Elements {
        let (origin, model) = (self.by.origin, self.by.maker.model);
        match self.of {
            CaptureOf::Source => Elements::new(),
            CaptureOf::Overlay(frame) => Elements::new()
                .text(
                    DERIVATION_DESCRIPTION,
                    format!("Overlay of a mask by {model}. {NOTICE}"),
                )
                .item(
                    SOURCE_IMAGE_SEQUENCE,
                    reference::source(&origin.source, origin.frame_number(frame)),
                ),
        }
    }

    /// What is said only if it is known.
    fn known(&self) -> Elements {
        let set = match self.burned_in {
            Some(true) => Elements::new().text(BURNED_IN_ANNOTATION, "YES"),
            Some(false) => Elements::new().text(BURNED_IN_ANNOTATION, "NO"),
            None => Elements::new(),
        };
        match self.pixel.map(PixelSize::mm) {
            // From row to row, then from column to column (PS3.3, 10.7.1.3).
            Some([across, down]) => set.decimals(PIXEL_SPACING, &[down, across]),
            None => set,
        }
    }
}
