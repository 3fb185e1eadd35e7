//! What functions give back.

use std::ffi::{CStr, CString};
use std::sync::LazyLock;

use embed::GuestFault;

use crate::last_error::text;

/// How a call went. Numbers keep their meaning; a later version may add some. espmedsam_code_name gives the name, which is that
/// of the HTTP API's problem where it has the same.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EspmedsamCode {
    /// As asked.
    Ok = 0,
    /// A missing pointer, a size that cannot be, a number that is none of its list.
    BadArgument = 1,
    /// No file was given.
    EmptyPicture = 2,
    /// The bytes are no picture.
    NotAPicture = 3,
    /// A picture of a kind that is not read.
    UnsupportedPicture = 4,
    /// The picture is truncated or damaged.
    DamagedPicture = 5,
    /// The picture has too many pixels.
    PictureTooLarge = 6,
    /// The picture has too few pixels.
    PictureTooSmall = 7,
    /// Decoding the picture takes too long.
    TooMuchWork = 8,
    /// The file has no such page.
    NoSuchPage = 9,
    /// The region is no part of the picture.
    BadRegion = 10,
    /// No such modality.
    UnknownModality = 11,
    /// No such model.
    UnknownModel = 12,
    /// The modality was "auto", and these models have no guard to choose it.
    NoGuard = 13,
    /// The picture does not look like its modality: there is no mask.
    ModalityMismatch = 14,
    /// All places are taken: try again.
    QueueFull = 15,
    /// There are as many live sources as may be.
    TooManySources = 16,
    /// The models folder is missing, damaged or of another kind.
    ModelUnusable = 17,
    /// The models are still loading.
    NotReady = 18,
    /// A thread of the library does not come back.
    EngineStuck = 19,
    /// It took longer than it was given.
    TimedOut = 20,
    /// A live frame was too old when its turn came: no mask was made of it.
    Stale = 21,
    /// There is no live answer that was not taken yet. Not an error.
    NoMask = 22,
    /// A JPEG cannot hold the picture.
    TooLongForJpeg = 23,
    /// The library is ending.
    Stopped = 24,
    /// A fault of this library; it can be used on.
    Internal = 25,
}

impl EspmedsamCode {
    /// The number of a kind of fault.
    #[must_use]
    pub fn of(fault: GuestFault) -> Self {
        match fault {
            GuestFault::BadArgument => Self::BadArgument,
            GuestFault::EmptyPicture => Self::EmptyPicture,
            GuestFault::NotAPicture => Self::NotAPicture,
            GuestFault::UnsupportedPicture => Self::UnsupportedPicture,
            GuestFault::DamagedPicture => Self::DamagedPicture,
            GuestFault::PictureTooLarge => Self::PictureTooLarge,
            GuestFault::PictureTooSmall => Self::PictureTooSmall,
            GuestFault::TooMuchWork => Self::TooMuchWork,
            GuestFault::NoSuchPage => Self::NoSuchPage,
            GuestFault::BadRegion => Self::BadRegion,
            GuestFault::UnknownModality => Self::UnknownModality,
            GuestFault::UnknownModel => Self::UnknownModel,
            GuestFault::NoGuard => Self::NoGuard,
            GuestFault::ModalityMismatch => Self::ModalityMismatch,
            GuestFault::QueueFull => Self::QueueFull,
            GuestFault::TooManySources => Self::TooManySources,
            GuestFault::ModelUnusable => Self::ModelUnusable,
            GuestFault::NotReady => Self::NotReady,
            GuestFault::EngineStuck => Self::EngineStuck,
            GuestFault::TimedOut => Self::TimedOut,
            GuestFault::Stale => Self::Stale,
            GuestFault::NoMask => Self::NoMask,
            GuestFault::TooLongForJpeg => Self::TooLongForJpeg,
            GuestFault::Stopped => Self::Stopped,
            GuestFault::Internal => Self::Internal,
        }
    }
}

/// The name of a code other than 0, as C reads it.
pub(crate) fn name(code: i32) -> Option<&'static CStr> {
    static NAMES: LazyLock<Vec<(i32, CString)>> = LazyLock::new(|| {
        let all = GuestFault::ALL.iter();
        all.map(|fault| (EspmedsamCode::of(*fault) as i32, text(fault.name())))
            .collect()
    });
    let named = NAMES.iter().find(|(number, _)| *number == code);
    named.map(|(_, name)| name.as_c_str())
}
