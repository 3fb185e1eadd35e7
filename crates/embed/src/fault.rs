//! What can go wrong, in few kinds.

use engine::manifest::ManifestError;
use engine::model::ModelError;
use picture::frame::{FileFault, FrameError, OtherFile, Stopped};
use picture::render::RenderError;
use picture::segmenter::EngineError;
use video::convert::RawError;

macro_rules! faults {
    ($($(#[doc = $about:literal])+ $fault:ident $name:literal;)*) => {
        /// A kind of fault. Its name is part of the interface and never changes its meaning; where the HTTP API has the
        /// same problem, it has the same name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum GuestFault { $($(#[doc = $about])+ $fault,)* }

        impl GuestFault {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$fault,)*];

            /// Its name.
            #[must_use]
            pub fn name(self) -> &'static str { match self { $(Self::$fault => $name,)* } }
        }
    };
}

faults! {
    /// The caller's: an argument is missing, or says what cannot be.
    BadArgument "bad-argument";
    /// No file was given.
    EmptyPicture "empty-picture";
    /// The bytes are no picture.
    NotAPicture "not-a-picture";
    /// A picture of a kind that is not read.
    UnsupportedPicture "unsupported-picture";
    /// The picture is truncated or damaged.
    DamagedPicture "damaged-picture";
    /// It has too many pixels.
    PictureTooLarge "picture-too-large";
    /// It has too few.
    PictureTooSmall "picture-too-small";
    /// Decoding it takes too long.
    TooMuchWork "too-much-work";
    /// The file has no such page.
    NoSuchPage "no-such-page";
    /// The region is no part of the picture.
    BadRegion "bad-region";
    /// No such modality.
    UnknownModality "unknown-modality";
    /// No such model.
    UnknownModel "unknown-model";
    /// The modality was to be chosen, and these models have no guard to do so.
    NoGuard "no-guard";
    /// The picture does not look like its modality: there is no mask.
    ModalityMismatch "modality-mismatch";
    /// All places are taken: try again.
    QueueFull "queue-full";
    /// There are as many live sources as may be.
    TooManySources "too-many-sources";
    /// The models folder is missing, damaged or of another kind.
    ModelUnusable "model-unusable";
    /// The models are still loading.
    NotReady "not-ready";
    /// A thread does not come back.
    EngineStuck "engine-stuck";
    /// It took longer than it was given.
    TimedOut "timed-out";
    /// A live frame was too old when its turn came.
    Stale "stale";
    /// There is no live answer that was not taken yet.
    NoMask "no-mask";
    /// A JPEG cannot hold the picture.
    TooLongForJpeg "too-long-for-jpeg";
    /// It has ended.
    Stopped "stopped";
    /// A fault of this library.
    Internal "internal";
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", fault.name())]
pub struct GuestError {
    /// Its kind.
    pub fault: GuestFault,
    /// What happened this time, for people.
    pub message: String,
}

impl GuestFault {
    /// This fault, with what happened this time.
    #[must_use]
    pub fn because(self, message: impl Into<String>) -> GuestError {
        GuestError {
            fault: self,
            message: message.into(),
        }
    }

    fn of_frame(error: &FrameError) -> Self {
        match error {
            FrameError::Empty => Self::EmptyPicture,
            FrameError::UnknownFormat => Self::NotAPicture,
            FrameError::Unsupported(_) | FrameError::Foreign { .. } => Self::UnsupportedPicture,
            FrameError::Corrupt(_) => Self::DamagedPicture,
            FrameError::TooLarge { .. } | FrameError::TooMuchMemory { .. } => Self::PictureTooLarge,
            FrameError::TooSmall { .. } => Self::PictureTooSmall,
            FrameError::NoSuchPage { .. } => Self::NoSuchPage,
            FrameError::Stopped(Stopped::Late) => Self::TooMuchWork,
            FrameError::Stopped(Stopped::Cancelled) => Self::Stopped,
            FrameError::Other(OtherFile { fault, .. }) => match fault {
                FileFault::NoPicture => Self::NotAPicture,
                FileFault::NotRead => Self::UnsupportedPicture,
                FileFault::Damaged => Self::DamagedPicture,
                FileFault::NoSuchFrame => Self::NoSuchPage,
                FileFault::Asked => Self::BadArgument,
                FileFault::NotWritten => Self::Internal,
            },
            FrameError::BadSamples { .. } => Self::Internal,
        }
    }

    fn of_engine(error: &EngineError) -> Self {
        match error {
            EngineError::Frame(frame) => Self::of_frame(frame),
            EngineError::Region(_) => Self::BadRegion,
            EngineError::UnknownModality { .. } => Self::UnknownModality,
            EngineError::UnknownModel { .. } => Self::UnknownModel,
            EngineError::NoGuard => Self::NoGuard,
            EngineError::ModalityMismatch { .. } => Self::ModalityMismatch,
            EngineError::TwoModels { .. } => Self::BadArgument,
            EngineError::Overloaded { .. } => Self::QueueFull,
            EngineError::TooManyLanes { .. } => Self::TooManySources,
            EngineError::Stale { .. } => Self::Stale,
            EngineError::NotReady => Self::NotReady,
            EngineError::Model(_) => Self::ModelUnusable,
            EngineError::Stuck(_) => Self::EngineStuck,
            EngineError::GivenUp(Stopped::Late) => Self::TimedOut,
            EngineError::GivenUp(Stopped::Cancelled) | EngineError::Stopped => Self::Stopped,
            EngineError::Internal(_) => Self::Internal,
        }
    }
}

impl From<EngineError> for GuestError {
    fn from(error: EngineError) -> Self {
        GuestFault::of_engine(&error).because(error.to_string())
    }
}

impl From<FrameError> for GuestError {
    fn from(error: FrameError) -> Self {
        EngineError::from(error).into()
    }
}

impl From<ModelError> for GuestError {
    fn from(error: ModelError) -> Self {
        EngineError::from(error).into()
    }
}

impl From<ManifestError> for GuestError {
    fn from(error: ManifestError) -> Self {
        ModelError::from(error).into()
    }
}

impl From<RawError> for GuestError {
    fn from(error: RawError) -> Self {
        match error {
            RawError::Size(error) => error.into(),
            RawError::Plane { .. } => GuestFault::BadArgument.because(error.to_string()),
        }
    }
}

impl From<RenderError> for GuestError {
    fn from(error: RenderError) -> Self {
        let fault = match error {
            RenderError::TooLongForJpeg { .. } => GuestFault::TooLongForJpeg,
            _ => GuestFault::Internal,
        };
        fault.because(error.to_string())
    }
}
