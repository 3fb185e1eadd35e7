//! DICOM files in, frame by frame (PS3.5, PS3.10): a picture, its scale, and what the file says of itself. And out: what was
//! found on it, as a segmentation ([`SegFile`]), its measurements ([`SrFile`]) and a picture of it ([`CaptureFile`]).
//!
//! [`DicomFile`] opens a file by its header and decodes one frame at a time. Of the header only the elements of one list are
//! read, and none of a person: names, dates and numbers are stepped over, and what comes out is looked up in lists. Who it is of
//! is read when an object is to say it ([`Identity::Kept`]), and goes nowhere else.
//! Knows no network, no model and no protocol.
//!
//! Research use only. Not for clinical use.

mod answer;
mod codec;
mod colour;
mod data;
mod directory;
mod error;
mod facts;
mod file;
mod intake;
mod layout;
mod modality;
mod origin;
mod places;
mod scale;
mod selection;
mod syntax;
mod timing;
mod uid;
mod window;
mod write;

pub use answer::{AnswerError, AnswerMaker, DicomAnswer, NamingSecret};
pub use colour::ybr_to_rgb;
pub use data::Bytes;
pub use directory::listed_files;
pub use error::DicomError;
pub use facts::DicomFacts;
pub use file::{DicomFile, FrameWish, is_dicom};
pub use intake::{AskedRegion, IntakeWish, TakenFile, TakenPicture};
pub use layout::Photometric;
pub use origin::{DicomOrigin, Identity, LossyCoding, ObjectReference};
pub use scale::{DicomScale, ScaleNote, ScaleSource};
pub use selection::{BadSelection, FrameSelection};
pub use syntax::TransferSyntax;
pub use timing::Timing;
pub use uid::{References, Uid, Uids};
pub use window::{BadWindow, GreyWindow, ShownAs};
pub use write::{
    Authorship, CaptureFile, CaptureOf, CodedTerm, DicomWriteError, IMPLEMENTATION,
    IMPLEMENTATION_VERSION, MarkedSegment, ObjectMaker, ObjectName, SegFile, SegFrames, SegKind,
    SrFile, SrGroup, SrMeasure, SrPlace, terms,
};
