//! In place of `frames` where DICOM is left out.

use super::{IntakeWish, TakenFile};
use crate::absent::{AnswerSource, DicomFile};
use crate::error::DicomError;

impl TakenFile {
    pub(super) fn of_dicom(
        file: DicomFile,
        _: &IntakeWish,
        _: u32,
        _: Option<AnswerSource>,
    ) -> Result<Self, DicomError> {
        match file.0 {}
    }
}
