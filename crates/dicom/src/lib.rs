//! DICOM files in, frame by frame (PS3.5, PS3.10): a picture, its scale, and what the file says of itself. And out: what was
//! found on it, as a segmentation ([`SegFile`]), its measurements ([`SrFile`]) and a picture of it ([`CaptureFile`]).
//!
//! [`DicomFile`] opens a file by its header and decodes one frame at a time. Of the header only the elements of one list are
//! read, and none of a person: names, dates and numbers are stepped over, and what comes out is looked up in lists. Who it is of
//! is read when an object is to say it ([`Identity::Kept`]), and goes nowhere else.
//! Knows no network, no model and no protocol.
//!
//! Doors take every file in through [`TakenFile`], DICOM or not. Without the feature `files` that is all there is: picture files
//! are taken in as ever, DICOM is known for what it is and refused by name ([`DicomError::LeftOut`]), and no object is made.
//!
//! Research use only. Not for clinical use.

// What is linked to there may be left out.
#![cfg_attr(not(feature = "files"), allow(rustdoc::broken_intra_doc_links))]

#[cfg(not(feature = "files"))]
mod absent;
mod error;
mod identity;
mod intake;
mod magic;
mod selection;
mod window;

#[cfg(feature = "files")]
mod answer;
#[cfg(feature = "files")]
mod codec;
#[cfg(feature = "files")]
mod colour;
#[cfg(feature = "files")]
mod data;
#[cfg(feature = "files")]
mod directory;
#[cfg(feature = "files")]
mod facts;
#[cfg(feature = "files")]
mod file;
#[cfg(feature = "files")]
mod layout;
#[cfg(feature = "files")]
mod modality;
#[cfg(feature = "files")]
mod origin;
#[cfg(feature = "files")]
mod places;
#[cfg(feature = "files")]
mod scale;
#[cfg(feature = "files")]
mod syntax;
#[cfg(feature = "files")]
mod timing;
#[cfg(feature = "files")]
mod uid;
#[cfg(feature = "files")]
mod write;

#[cfg(not(feature = "files"))]
pub use absent::{AnswerError, AnswerMaker, DicomAnswer, listed_files};
pub use error::DicomError;
pub use identity::Identity;
pub use intake::{AskedRegion, IntakeWish, TakenFile, TakenPicture};
pub use magic::is_dicom;
pub use selection::{BadSelection, FrameSelection};
pub use window::{BadWindow, GreyWindow, ShownAs};

#[cfg(feature = "files")]
pub use self::{
    answer::{AnswerError, AnswerMaker, DicomAnswer, NamingSecret},
    colour::ybr_to_rgb,
    data::Bytes,
    directory::listed_files,
    facts::DicomFacts,
    file::{DicomFile, FrameWish},
    layout::Photometric,
    origin::{DicomOrigin, LossyCoding, ObjectReference},
    scale::{DicomScale, ScaleNote, ScaleSource},
    syntax::TransferSyntax,
    timing::Timing,
    uid::{References, Uid, Uids},
    write::{
        Authorship, CaptureFile, CaptureOf, CodedTerm, DicomWriteError, IMPLEMENTATION,
        IMPLEMENTATION_VERSION, MarkedSegment, ObjectMaker, ObjectName, SegFile, SegFrames,
        SegKind, SrFile, SrGroup, SrMeasure, SrPlace, terms,
    },
};
