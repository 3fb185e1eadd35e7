//! Objects out: segmentations (PS3.3, A.51), measurement reports (PS3.16, TID 1500), secondary captures (PS3.3, A.8).

mod attributes;
mod authorship;
mod capture;
mod codes;
mod element;
mod error;
mod part10;
mod reference;
mod report;
mod seg;
mod text;
mod vr;

pub use self::authorship::{Authorship, ObjectMaker, ObjectName};
pub use self::capture::{CaptureFile, CaptureOf};
pub use self::codes::{CodedTerm, terms};
pub use self::error::DicomWriteError;
pub use self::part10::{IMPLEMENTATION, IMPLEMENTATION_VERSION};
pub use self::report::{SrFile, SrGroup, SrMeasure, SrPlace};
pub use self::seg::{MarkedSegment, SegFile, SegFrames, SegKind};
