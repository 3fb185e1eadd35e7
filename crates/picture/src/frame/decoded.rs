//! What a decoder gives.

use serde::Serialize;

use super::error::FrameError;
use super::format::Format;
use super::rgb::Frame;
use super::stop::Stop;

/// A picture that is not decoded yet, of whoever reads what this crate does not (DICOM): as with a picture file, waiting costs
/// no pixels, and what it will take is known before.
pub trait Undecoded: std::fmt::Debug + Send + Sync {
    /// Bytes that [`Undecoded::read`] takes at most, the [`Frame`] included.
    ///
    /// # Errors
    /// What is known of [`FrameError`] before anything is decoded.
    fn need(&self) -> Result<u64, FrameError>;
    /// The picture, until `stop` says otherwise.
    ///
    /// # Errors
    /// See [`FrameError`]. A picture that is cut short is an error, never a frame with missing parts.
    fn read(&self, stop: &Stop) -> Result<Decoded, FrameError>;
}

/// A decoded picture and what its file said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The picture.
    pub frame: Frame,
    /// Its file.
    pub file: FileInfo,
}

/// What a file said of itself, for those who must know what the [`Frame`] was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// Its format.
    pub format: Format,
    /// The page that was read, from 1.
    pub page: u32,
    /// Pages (of a TIFF) or frames (of an animation, of DICOM) in the file.
    pub pages: u32,
    /// Significant bits of a sample as it was understood: 12 for values 0..=4095 in 16 bits, 32 for real numbers.
    pub bits: u8,
    /// Whether it had transparent pixels, which were laid on black.
    pub transparent: bool,
    /// What DICOM says besides; `None` of any other format.
    pub dicom: Option<DicomSaid>,
    /// What to know before trusting what is made of it.
    pub notes: Vec<FileNote>,
}

impl FileInfo {
    /// Of a file of one page that needs nothing said about it.
    #[must_use]
    pub const fn plain(format: Format, bits: u8) -> Self {
        Self {
            format,
            page: 1,
            pages: 1,
            bits,
            transparent: false,
            dicom: None,
            notes: Vec::new(),
        }
    }
}

/// What a DICOM file says of the frame that was read, and how it was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DicomSaid {
    /// The frame that was read, from 0.
    pub frame: u32,
    /// Frames in the file.
    pub frames: u32,
    /// Its modality (0008,0060), if it is one that makes pictures: US, ES.
    pub modality: Option<&'static str>,
    /// Kind of object, by its SOP class, if that is a known one.
    pub kind: Option<&'static str>,
    /// The name of its transfer syntax.
    pub transfer_syntax: &'static str,
    /// What its samples mean (0028,0004).
    pub photometric: &'static str,
    /// How its values became 0 to 255: asked-window, window, table, bits, frame-range or colours.
    pub shown_as: &'static str,
    /// Whether it says that text is drawn into the picture; null if it does not say.
    pub burned_in: Option<bool>,
    /// Overlays that a viewer would draw upon it; they are not drawn here.
    pub overlays: u32,
    /// What millimetres come from: ultrasound-regions, pixel-measures, pixel-spacing, scanned-film or detector; null if
    /// from nothing in the file.
    pub scale: Option<&'static str>,
}

/// What to know of a file before trusting what is made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileNote {
    /// It does not say which value is white: the frame's own least and greatest were taken.
    RangeOfFrame,
    /// It says that text is drawn into the picture, perhaps a name.
    BurnedIn,
    /// So many overlays are not drawn.
    OverlaysLeft(u32),
    /// Height and width of a pixel are in this relation; the picture was not stretched.
    NotSquare([u32; 2]),
    /// Why there are no millimetres, in words that go on from "no millimetres:".
    NoLengths(String),
    /// What to think of its lengths, as a sentence without its point.
    Lengths(String),
    /// The modality was not asked for: it is what the file says.
    ModalityTaken {
        /// As the file has it.
        said: &'static str,
        /// As the manifest has it.
        taken: &'static str,
    },
    /// The file says another modality than was asked for.
    ModalityDiffers {
        /// As the file has it.
        said: &'static str,
        /// As the manifest has that.
        likely: &'static str,
    },
}
