//! What became of objects.

use std::fmt;

use picture::frame::{FileFault, FrameError};
use picture::segmenter::EngineError;

use crate::hold::Ended;

macro_rules! fates {
    ($(#[doc = $about:literal] $fate:ident $name:literal)*) => {
        /// What became of an object that was taken in. An object without an answer is removed: its sender has it, and a device
        /// keeps no patient's picture longer than it needs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ObjectFate {
            $(#[doc = $about] $fate,)*
        }

        impl ObjectFate {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$fate),*];

            /// In a word, for logs and figures.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$fate => $name,)*
                }
            }

            /// As a sentence, for people.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self {
                    $(Self::$fate => $about.trim_ascii(),)*
                }
            }
        }
    };
}

fates! {
    /// Its answers are in the outbox.
    Answered "answered"
    /// Its answers were made before, and are not sent twice.
    AnsweredBefore "answered-before"
    /// Nothing was found on any of its frames.
    NothingFound "nothing-found"
    /// It does not say that it is of a modality that is segmented here.
    OtherModality "other-modality"
    /// The models do not have its modality, or cannot be used for it.
    NoModel "no-model"
    /// It plainly does not look like what it says it is.
    Mismatch "modality-mismatch"
    /// It holds no picture.
    NoPicture "no-picture"
    /// Its way of writing a picture is not read here.
    NotRead "not-read"
    /// It is truncated or damaged.
    Damaged "damaged"
    /// It is larger, has more frames or takes longer than is allowed.
    TooLarge "too-large"
    /// No object can be made of what was found.
    NotWritten "not-written"
    /// A fault of this program.
    Fault "fault"
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// In a word.
    pub fate: ObjectFate,
    /// In words; nothing of what the file says is among them.
    pub words: String,
}

/// Why work on an object came to no answer.
#[derive(Debug)]
pub enum WorkStop {
    /// There is none.
    Unanswered(Unanswered),
    /// It is not known yet: who works is to end.
    Ended,
}

impl From<Ended> for WorkStop {
    fn from(_: Ended) -> Self {
        Self::Ended
    }
}

impl<U: Into<Unanswered>> From<U> for WorkStop {
    fn from(unanswered: U) -> Self {
        Self::Unanswered(unanswered.into())
    }
}

impl Unanswered {
    pub fn new(fate: ObjectFate, words: impl fmt::Display) -> Self {
        Self {
            fate,
            words: words.to_string(),
        }
    }
}

impl From<ObjectFate> for Unanswered {
    fn from(fate: ObjectFate) -> Self {
        Self::new(fate, fate.about())
    }
}

impl From<FrameError> for Unanswered {
    fn from(error: FrameError) -> Self {
        let fate = match &error {
            FrameError::Empty | FrameError::UnknownFormat => ObjectFate::NoPicture,
            FrameError::Foreign { .. }
            | FrameError::Unsupported(_)
            | FrameError::TooSmall { .. } => ObjectFate::NotRead,
            FrameError::Corrupt(_)
            | FrameError::BadSamples { .. }
            | FrameError::NoSuchPage { .. } => ObjectFate::Damaged,
            FrameError::TooLarge { .. }
            | FrameError::TooMuchMemory { .. }
            | FrameError::Stopped(_) => ObjectFate::TooLarge,
            FrameError::Other(other) => match other.fault {
                FileFault::NoPicture => ObjectFate::NoPicture,
                FileFault::NotRead => ObjectFate::NotRead,
                FileFault::Damaged | FileFault::NoSuchFrame => ObjectFate::Damaged,
                // All frames are asked for, and nothing else.
                FileFault::Asked => ObjectFate::TooLarge,
                FileFault::NotWritten => ObjectFate::NotWritten,
            },
        };
        Self::new(fate, error)
    }
}

impl From<EngineError> for Unanswered {
    fn from(error: EngineError) -> Self {
        let fate = match error {
            EngineError::Frame(error) => return error.into(),
            EngineError::UnknownModality { .. }
            | EngineError::UnknownModel { .. }
            | EngineError::NoGuard
            | EngineError::Model(_) => ObjectFate::NoModel,
            EngineError::ModalityMismatch { .. } => ObjectFate::Mismatch,
            EngineError::GivenUp(_) => ObjectFate::TooLarge,
            _ => ObjectFate::Fault,
        };
        Self::new(fate, error)
    }
}
