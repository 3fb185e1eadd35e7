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

#[cfg(test)]
mod tests {
    use picture::frame::{FileFault, FrameError, FrameLimits};

    use super::*;
    use crate::identity::Identity;

    #[test]
    fn dicom_is_known_and_refused_and_pictures_are_taken_in() {
        let limits = FrameLimits {
            max_pixels: 1 << 20,
            min_side: 16,
            max_memory: 16 << 20,
        };
        let wish = IntakeWish {
            objects: Some(Identity::Removed),
            ..IntakeWish::default()
        };
        let of = |bytes: &[u8]| TakenFile::of(bytes.to_vec(), &wish, limits, 1);
        let dicom = [&[0; 128][..], b"DICM", &[0; 64]].concat();
        let refused = of(&dicom).unwrap_err();
        assert!(
            refused.to_string().contains("built without DICOM"),
            "{refused}"
        );
        let FrameError::Other(refused) = refused else {
            panic!("{refused}");
        };
        assert_eq!(refused.fault, FileFault::NotRead);
        let taken = of(b"\x89PNG\r\n\x1a\n").unwrap();
        assert_eq!(taken.pictures.len(), 1);
    }
}
