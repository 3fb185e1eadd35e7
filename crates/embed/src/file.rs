//! Picture files, DICOM among them, and the DICOM objects that are made of what was found in them.

use dicom::{AnswerMaker, AskedRegion, FrameSelection, Identity, IntakeWish, TakenFile};
use picture::report::Form;
use picture::segmenter::{Modality, Segmentation};

use crate::fault::{GuestError, GuestFault};
use crate::guest::{Guest, GuestWish};

/// What is asked of a file besides.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileWish {
    /// The frame of a DICOM file, from 0; `None`: the first.
    pub frame: Option<u32>,
    /// Whether objects that are made of it say who it is of.
    pub identity: Identity,
}

/// What DICOM objects are made of besides a mask: the file that it is of. Holds the file's bytes if it is DICOM.
#[derive(Debug)]
pub struct FileObjects {
    file: TakenFile,
    frame: u32,
    /// Bytes of masks.
    most: u64,
}

impl Guest {
    /// The mask of a picture file, or of a frame of a DICOM file, whose own millimetres hold unless some are told. On the
    /// engine's threads; the caller's waits.
    ///
    /// # Errors
    /// As [`Guest::segment`].
    pub fn segment_file(
        &self,
        bytes: Vec<u8>,
        wish: &GuestWish,
        of: FileWish,
    ) -> Result<(Segmentation, FileObjects), GuestError> {
        let intake = IntakeWish {
            modality: match &wish.ask.modality {
                Modality::Named(name) => Some(name.clone()),
                Modality::Auto => None,
            },
            frames: of.frame.map(FrameSelection::one),
            region: wish.region.map(AskedRegion::Rect),
            scale: wish.pixel.into(),
            objects: Some(of.identity),
            ..IntakeWish::default()
        };
        let limits = self.limits();
        let mut file = TakenFile::of(bytes, &intake, limits, 1)?;
        let taken = file.pictures.pop();
        let taken =
            taken.ok_or_else(|| GuestFault::Internal.because("a file without a picture"))?;
        let found = self.answer(taken.picture, file.scale.clone(), wish)?;
        let objects = FileObjects {
            file,
            frame: taken.frame.unwrap_or(0),
            most: limits.max_memory,
        };
        Ok((found, objects))
    }
}

impl FileObjects {
    /// The object of that form, as a file (PS3.10). Made twice it is the same one: its names are made of the file's bytes.
    ///
    /// # Errors
    /// [`GuestFault::BadArgument`]: the form is none of DICOM's. What the file does not say that the object would have to.
    pub fn object(&self, form: Form, found: Segmentation) -> Result<Vec<u8>, GuestError> {
        let version = env!("CARGO_PKG_VERSION");
        let maker = AnswerMaker::of_process("espmedsam", version, self.most)
            .map_err(|error| GuestFault::Internal.because(error.to_string()))?;
        let no_object = || GuestFault::BadArgument.because("no form of a DICOM object");
        let mut answer = self.file.answer(form, maker).ok_or_else(no_object)?;
        let made = answer.add(self.frame, found).and_then(|()| answer.finish());
        made.map_err(|error| picture::frame::FrameError::from(error).into())
    }
}
