//! Why a DICOM file gives no picture.

use std::sync::Arc;

use picture::frame::{FileFault, FrameError, OtherFile, Stopped};

use crate::selection::BadSelection;

/// Why a DICOM file gives no picture. The words are for the people who made it; none of the file's own text is among them.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DicomError {
    /// Not a DICOM file (PS3.10, 7.1): "DICM" does not stand at byte 128.
    #[error("not a DICOM file: it does not have 'DICM' after its first 128 bytes")]
    NotDicom,
    /// A program that was built without the reading of them.
    #[error(
        "this program was built without DICOM (its feature `dicom`); export the picture as PNG"
    )]
    LeftOut,
    /// The file or one of its parts ends before it should.
    #[error("the DICOM file is truncated: it ends within {0}")]
    Truncated(&'static str),
    /// What the file says cannot be.
    #[error("the DICOM file is damaged: {0}")]
    Damaged(&'static str),
    /// More structure than any picture needs.
    #[error("the DICOM file has {what}, more than the {limit} that are read")]
    TooComplex {
        /// "sequences within sequences"
        what: &'static str,
        /// The most.
        limit: u64,
    },
    /// A way of coding pixels that is not read here.
    #[error(
        "the picture is coded as {0}, which is not read here; export it uncompressed, as JPEG, JPEG-LS, JPEG 2000 or RLE"
    )]
    Coding(&'static str),
    /// A transfer syntax that is in no list.
    #[error("the file's transfer syntax is not known here; export it as Explicit VR Little Endian")]
    UnknownSyntax,
    /// Something else that is not read, in words that end a sentence.
    #[error("unsupported DICOM picture: {0}")]
    Unsupported(&'static str),
    /// A report, a plan, a waveform: no picture.
    #[error("the DICOM file holds no picture: it has no pixel data")]
    NoPixels,
    /// A frame that the file does not have.
    #[error("there is no frame {asked}; the file has {frames}, counted from 0")]
    NoSuchFrame {
        /// What was asked for, from 0.
        asked: u32,
        /// Frames in the file.
        frames: u32,
    },
    /// A window is for grey values.
    #[error("a window was asked for, but the picture is in colour")]
    WindowOnColour,
    /// What only a DICOM file has, asked of another.
    #[error("{0} can be asked of a DICOM file alone; this is none")]
    OfDicomAlone(&'static str),
    /// A page, asked of a DICOM file.
    #[error("a DICOM file has frames, counted from 0, and no pages; ask with `frames`")]
    FramesNotPages,
    /// An ultrasound region that the file does not have.
    #[error("there is no ultrasound region {asked}; the file has {regions}, counted from 1")]
    NoSuchRegion {
        /// What was asked for, from 1.
        asked: u32,
        /// Regions in the file.
        regions: usize,
    },
    /// Frames that cannot be had.
    #[error(transparent)]
    Selection(#[from] BadSelection),
    /// The picture's size, memory or JPEG data.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The file could not be read.
    #[error("the DICOM file cannot be read: {0}")]
    Io(#[source] Arc<std::io::Error>),
}

/// For doors, whose errors are those of pictures.
impl From<DicomError> for FrameError {
    fn from(error: DicomError) -> Self {
        let fault = match &error {
            DicomError::Frame(frame) => return frame.clone(),
            DicomError::NotDicom | DicomError::NoPixels => FileFault::NoPicture,
            DicomError::Truncated(_)
            | DicomError::Damaged(_)
            | DicomError::TooComplex { .. }
            | DicomError::Io(_) => FileFault::Damaged,
            DicomError::LeftOut
            | DicomError::Coding(_)
            | DicomError::UnknownSyntax
            | DicomError::Unsupported(_) => FileFault::NotRead,
            DicomError::NoSuchFrame { .. } => FileFault::NoSuchFrame,
            DicomError::Selection(BadSelection::Missing { .. }) => FileFault::NoSuchFrame,
            DicomError::WindowOnColour
            | DicomError::OfDicomAlone(_)
            | DicomError::FramesNotPages
            | DicomError::NoSuchRegion { .. }
            | DicomError::Selection(_) => FileFault::Asked,
        };
        OtherFile::new(fault, error).into()
    }
}

impl From<std::io::Error> for DicomError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Self::Truncated("its data"),
            _ => Self::Io(Arc::new(error)),
        }
    }
}

impl From<Stopped> for DicomError {
    fn from(stopped: Stopped) -> Self {
        Self::Frame(stopped.into())
    }
}
