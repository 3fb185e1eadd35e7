//! What every object says: whom it is of, who made it, and that it is for research (PS3.3, C.7.1 to C.7.5, C.12.1).

use std::time::SystemTime;

use picture::NOTICE;
use picture::utc::Utc;

use super::attributes::*;
use super::codes::{CodedTerm, dcm};
use super::element::Elements;
use super::text::Characters;
use crate::origin::{DicomOrigin, ObjectReference, Person};
use crate::uid::{Uid, Uids};

/// The program and the model that made an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectMaker<'a> {
    /// The program's name.
    pub program: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The model's name in the manifest.
    pub model: &'a str,
    /// SHA-256 (hex) that names the exact weights.
    pub model_sha256: &'a str,
}

/// What the objects of one answer share.
#[derive(Clone, Copy, Debug)]
pub struct Authorship<'a> {
    /// Whom and what they are of.
    pub origin: &'a DicomOrigin,
    /// By what they were made.
    pub maker: ObjectMaker<'a>,
    /// When. It is written in UTC, without saying so: an offset would be taken for that of the source's times too. Left out
    /// where identity is removed.
    pub written: SystemTime,
}

/// What one object is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// Series Instance UID.
    pub series: Uid,
    /// Which of the study's series, for people.
    pub series_number: u32,
    /// SOP Instance UID.
    pub instance: Uid,
    /// Which of the series' objects, for people; from 1.
    pub number: u32,
}

impl ObjectName {
    /// Of the only object of a new series.
    #[must_use]
    pub fn new(series_number: u32, uids: &mut Uids) -> Self {
        Self {
            series: uids.make(),
            series_number,
            instance: uids.make(),
            number: 1,
        }
    }

    /// The one by which [`DicomOrigin::of_picture`] refers to its picture; `None` of a DICOM file, which exists already.
    #[must_use]
    pub fn of_source(origin: &DicomOrigin, series_number: u32) -> Option<Self> {
        matches!(origin.person, Person::Unsaid).then(|| Self {
            series: origin.source.series.clone(),
            series_number,
            instance: origin.source.instance.clone(),
            number: 1,
        })
    }

    pub(super) fn reference(&self, class: &'static str) -> ObjectReference {
        ObjectReference {
            class: Uid::fixed(class),
            series: self.series.clone(),
            instance: self.instance.clone(),
        }
    }
}

/// What kind of object it is.
pub(super) struct ObjectKind {
    pub class: &'static str,
    pub modality: &'static str,
    /// What it is, for people: a sentence.
    pub about: &'static str,
}

/// A moment that says nothing (PS3.15, E.1.1: a dummy value): where one has to stand, and none may.
const NO_MOMENT: [&str; 2] = ["19000101", "000000"];
const UNICODE: &str = "ISO_IR 192";
const BASIC_PROFILE: CodedTerm<'static> =
    dcm("113100", "Basic Application Confidentiality Profile");

impl Authorship<'_> {
    /// In which characters their texts are: those of the source, if something of it is taken along.
    pub(super) fn characters(&self) -> Characters {
        let Person::Kept(personal) = &self.origin.person else {
            return Characters::Unicode;
        };
        let said = personal
            .iter()
            .find(|(tag, _)| tag.0 == SPECIFIC_CHARACTER_SET.tag);
        match said {
            Some((_, bytes)) if bytes.trim_ascii() == UNICODE.as_bytes() => Characters::Unicode,
            _ => Characters::Ascii,
        }
    }

    /// Date and time (DA, TM).
    fn moment(&self) -> [String; 2] {
        if self.origin.is_removed() {
            return NO_MOMENT.map(str::to_owned);
        }
        let text = Utc::new(self.written).basic();
        let text = text.trim_end_matches('Z').split_once('T');
        text.map(|(date, time)| [date.to_owned(), time.to_owned()])
            .unwrap_or_default()
    }

    /// The modules of patient, study, series, equipment and SOP.
    pub(super) fn elements(&self, name: &ObjectName, kind: &ObjectKind) -> Elements {
        let [date, time] = self.moment();
        let set = Elements::new()
            .text(SOP_CLASS_UID, kind.class)
            .uid(SOP_INSTANCE_UID, &name.instance)
            .text(INSTANCE_NUMBER, name.number.to_string())
            .text(CONTENT_DATE, date.as_str())
            .text(CONTENT_TIME, time.as_str())
            .uid(STUDY_INSTANCE_UID, &self.origin.study)
            .uid(SERIES_INSTANCE_UID, &name.series)
            .text(SERIES_NUMBER, name.series_number.to_string())
            .text(MODALITY, kind.modality)
            .text(SERIES_DESCRIPTION, format!("{} {NOTICE}", kind.about))
            .text(MANUFACTURER, self.maker.program)
            .text(MANUFACTURER_MODEL_NAME, self.maker.program)
            .text(SOFTWARE_VERSIONS, self.maker.version)
            // Of the equipment that counts here, the weights; of the device it would lead to who owns it.
            .text(
                DEVICE_SERIAL_NUMBER,
                self.maker.model_sha256.get(..16).unwrap_or("0"),
            );
        let set = match self.origin.is_removed() {
            true => set,
            false => set
                .text(INSTANCE_CREATION_DATE, date)
                .text(INSTANCE_CREATION_TIME, time),
        };
        set.and(self.identity())
    }

    /// Whom it is of, or that this was taken away.
    fn identity(&self) -> Elements {
        let mut set = [
            STUDY_DATE,
            STUDY_TIME,
            ACCESSION_NUMBER,
            REFERRING_PHYSICIAN_NAME,
            PATIENT_NAME,
            PATIENT_ID,
            PATIENT_BIRTH_DATE,
            PATIENT_SEX,
            STUDY_ID,
        ]
        .into_iter()
        .fold(Elements::new(), Elements::empty);
        if self.characters() == Characters::Unicode {
            set = set.text(SPECIFIC_CHARACTER_SET, UNICODE);
        }
        for (tag, bytes) in self.origin.personal() {
            if let Some(attribute) = of_tag(tag.0) {
                set = set.bytes(attribute, bytes.clone());
            }
        }
        // A source may have said how by a code alone, which is not taken along.
        if set.has(PATIENT_IDENTITY_REMOVED) && !set.has(DEIDENTIFICATION_METHOD) {
            set = set.text(DEIDENTIFICATION_METHOD, "As the source's was");
        }
        match self.origin.is_removed() {
            false => set,
            true => set
                .text(PATIENT_IDENTITY_REMOVED, "YES")
                .text(
                    DEIDENTIFICATION_METHOD,
                    "Nothing of the source's header was taken along",
                )
                .code(DEIDENTIFICATION_METHOD_CODE_SEQUENCE, BASIC_PROFILE)
                .text(LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED, "REMOVED"),
        }
    }

    /// What a picture says beside its pixels (PS3.3, C.7.6.1).
    pub(super) fn image(&self) -> Elements {
        let set = Elements::new().empty(PATIENT_ORIENTATION);
        let Some(lossy) = self.origin.lossy else {
            return set.text(LOSSY_IMAGE_COMPRESSION, "00");
        };
        let set = set.text(LOSSY_IMAGE_COMPRESSION, "01");
        let set = match lossy.ratio {
            Some(ratio) => set.decimals(LOSSY_IMAGE_COMPRESSION_RATIO, &[ratio]),
            None => set,
        };
        match lossy.method {
            Some(method) => set.text(LOSSY_IMAGE_COMPRESSION_METHOD, method),
            None => set,
        }
    }
}
