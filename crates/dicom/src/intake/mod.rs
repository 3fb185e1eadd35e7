//! A file as a door takes it in: a picture file as it is, DICOM opened and what is asked of it settled. Each of its pictures
//! is decoded in its turn.

#[cfg(feature = "files")]
mod frames;
#[cfg(not(feature = "files"))]
mod no_frames;

use std::str::FromStr;

use picture::frame::{BadRect, FrameError, FrameLimits, PixelRect};
use picture::report::Form;
use picture::scale::Scale;
use picture::segmenter::{Picture, ReceivedFile};

#[cfg(not(feature = "files"))]
use crate::absent::{AnswerMaker, AnswerSource, DicomAnswer, DicomFile};
#[cfg(feature = "files")]
use crate::answer::{AnswerMaker, AnswerSource, DicomAnswer};
use crate::error::DicomError;
#[cfg(feature = "files")]
use crate::file::DicomFile;
use crate::identity::Identity;
use crate::magic::is_dicom;
use crate::selection::FrameSelection;
use crate::window::GreyWindow;

/// What is asked of a picture file, whatever it is, besides a mask.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntakeWish {
    /// The modality, as the manifest has it; `None`: what a DICOM file says.
    pub modality: Option<String>,
    /// The page of a TIFF, from 1; `None`: the first.
    pub page: Option<u32>,
    /// The frames of a DICOM file; `None`: the first.
    pub frames: Option<FrameSelection>,
    /// Which grey values of a DICOM file are shown; `None`: as it says.
    pub window: Option<GreyWindow>,
    /// The part to look at; `None`: all of it.
    pub region: Option<AskedRegion>,
    /// How large pixels are. What is told by hand is what is meant, whatever the file says.
    pub scale: Scale,
    /// Whether DICOM objects will be made of it ([`TakenFile::answer`]), and whether they say who it is of.
    pub objects: Option<Identity>,
}

/// A part of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedRegion {
    /// By its place.
    Rect(PixelRect),
    /// The ultrasound region of this number, from 1 (PS3.3, C.8.5.5).
    Number(u32),
}

/// A file taken in: the pictures that it is, and what goes with them.
#[derive(Debug)]
pub struct TakenFile {
    /// One of a picture file; of DICOM one for each frame that was asked for, in that order.
    pub pictures: Vec<TakenPicture>,
    /// How large pixels are.
    pub scale: Scale,
    /// The part to look at.
    pub region: Option<PixelRect>,
    /// The manifest's name for what a DICOM file says that it is, where that is safe to say.
    pub suggested_modality: Option<&'static str>,
    source: Option<AnswerSource>,
}

/// A picture of a file.
#[derive(Clone, Debug)]
pub struct TakenPicture {
    /// To be decoded in its turn.
    pub picture: Picture,
    /// Which frame of a DICOM file it is, from 0.
    pub frame: Option<u32>,
}

impl TakenFile {
    /// Takes a file in, with `most` frames at most. Of DICOM the header is read; no pixel is decoded.
    ///
    /// # Errors
    /// [`FileFault::Asked`](picture::frame::FileFault::Asked) where the wish is not for such a file; what the header alone tells.
    pub fn of(
        bytes: Vec<u8>,
        wish: &IntakeWish,
        limits: FrameLimits,
        most: u32,
    ) -> Result<Self, FrameError> {
        if bytes.is_empty() {
            return Err(FrameError::Empty);
        }
        let source = (wish.objects).map(|identity| AnswerSource::of_bytes(&bytes, identity));
        let taken = match is_dicom(&bytes) {
            true => Self::of_dicom(DicomFile::of_bytes(bytes, limits)?, wish, most, source)?,
            false => Self {
                source,
                ..Self::of_picture(bytes, wish)?
            },
        };
        Ok(taken)
    }

    /// A DICOM object of the results of its pictures; `None` if no objects were wished for.
    #[must_use]
    pub fn answer(&self, form: Form, maker: AnswerMaker) -> Option<DicomAnswer> {
        let source = self.source.clone()?;
        DicomAnswer::of(form, maker, source)
    }

    fn of_picture(bytes: Vec<u8>, wish: &IntakeWish) -> Result<Self, DicomError> {
        let region = match wish.region {
            Some(AskedRegion::Rect(rect)) => Ok(Some(rect)),
            Some(AskedRegion::Number(_)) => Err("a region by its number"),
            None => Ok(None),
        };
        let asked = [
            (wish.frames.is_some(), "frames"),
            (wish.window.is_some(), "a window"),
        ];
        let asked = asked.into_iter().find(|(asked, _)| *asked);
        match (asked, region) {
            (Some((_, what)), _) | (None, Err(what)) => Err(DicomError::OfDicomAlone(what)),
            (None, Ok(region)) => Ok(Self {
                pictures: vec![TakenPicture {
                    picture: Picture::File(ReceivedFile {
                        bytes,
                        page: wish.page,
                    }),
                    frame: None,
                }],
                scale: wish.scale.clone(),
                region,
                suggested_modality: None,
                source: None,
            }),
        }
    }
}

impl FromStr for AskedRegion {
    type Err = BadRect;

    /// "10,20,300,200": x, y, width, height; "2": the second ultrasound region.
    fn from_str(text: &str) -> Result<Self, BadRect> {
        match text.parse() {
            Ok(number) if number > 0 => Ok(Self::Number(number)),
            _ => text.parse().map(Self::Rect),
        }
    }
}
