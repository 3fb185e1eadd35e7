//! Why there is no object.

use picture::frame::{FileFault, FrameError, OtherFile};
use picture::mask::MaskError;
use picture::render::RenderError;

use crate::error::DicomError;
use crate::write::DicomWriteError;

/// Why a result is not given out as a DICOM object.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] DicomWriteError),
    /// Its source does not say what the object would have to say.
    #[error(transparent)]
    Source(#[from] DicomError),
    /// A fault of this program.
    #[error(transparent)]
    Mask(#[from] MaskError),
    /// A fault of this program.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A fault of this program: a form that is no object.
    #[error("{0} is no DICOM object")]
    NoObject(&'static str),
    /// Of several frames, in a form that is of one.
    #[error("a capture is of one frame; ask for frames one by one")]
    OneFrame,
    /// More masks than may be held at once.
    #[error(
        "the masks of so many frames take more than the {} MiB that they may take; ask for fewer at once",
        limit >> 20
    )]
    TooMuch {
        /// Bytes.
        limit: u64,
    },
}

/// For doors, whose errors are those of pictures.
impl From<AnswerError> for FrameError {
    fn from(error: AnswerError) -> Self {
        let fault = match error {
            AnswerError::Source(error) => return error.into(),
            AnswerError::OneFrame
            | AnswerError::TooMuch { .. }
            | AnswerError::Write(DicomWriteError::MayShowIdentity | DicomWriteError::TooLarge) => {
                FileFault::Asked
            }
            AnswerError::Write(_)
            | AnswerError::Mask(_)
            | AnswerError::Render(_)
            | AnswerError::NoObject(_) => FileFault::NotWritten,
        };
        OtherFile::new(fault, error).into()
    }
}
