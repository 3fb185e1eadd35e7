//! In place of what is left out without the feature `files`. Nothing is read and nothing made: none of these but an error
//! ever comes to be, which the compiler knows, so that what would be done with them goes too.

use std::convert::Infallible;
use std::io::{Error, ErrorKind, Read, Seek};
use std::path::PathBuf;

use picture::frame::{FrameError, FrameLimits};
use picture::report::Form;
use picture::segmenter::Segmentation;

use crate::error::DicomError;
use crate::identity::Identity;

/// A DICOM file.
#[derive(Debug)]
pub(crate) struct DicomFile(pub(crate) Infallible);

impl DicomFile {
    /// # Errors
    /// [`DicomError::LeftOut`].
    pub fn of_bytes(_: Vec<u8>, _: FrameLimits) -> Result<Self, DicomError> {
        Err(DicomError::LeftOut)
    }
}

/// The file that an answer would be of.
#[derive(Clone, Debug)]
pub(crate) struct AnswerSource;

impl AnswerSource {
    pub(crate) fn of_bytes(_: &[u8], _: Identity) -> Self {
        Self
    }
}

/// By whom objects would be made.
#[derive(Clone, Debug)]
pub struct AnswerMaker(Infallible);

impl AnswerMaker {
    /// No one.
    ///
    /// # Errors
    /// Always.
    pub fn of_process(_: &'static str, _: &'static str, _: u64) -> std::io::Result<Self> {
        Err(Error::new(ErrorKind::Unsupported, DicomError::LeftOut))
    }
}

/// An object.
#[derive(Debug)]
pub struct DicomAnswer(Infallible);

/// Why there is none.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum AnswerError {}

impl From<AnswerError> for FrameError {
    fn from(error: AnswerError) -> Self {
        match error {}
    }
}

impl DicomAnswer {
    pub(crate) fn of(_: Form, maker: AnswerMaker, _: AnswerSource) -> Option<Self> {
        match maker.0 {}
    }

    /// Takes in a result.
    ///
    /// # Errors
    /// None.
    pub fn add(&mut self, _: u32, _: Segmentation) -> Result<(), AnswerError> {
        match self.0 {}
    }

    /// The object.
    ///
    /// # Errors
    /// None.
    pub fn finish(self) -> Result<Vec<u8>, AnswerError> {
        match self.0 {}
    }
}

/// The files that a DICOMDIR names.
///
/// # Errors
/// [`DicomError::LeftOut`].
pub fn listed_files(_: impl Read + Seek) -> Result<Option<Vec<PathBuf>>, DicomError> {
    Err(DicomError::LeftOut)
}
