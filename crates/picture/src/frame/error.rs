//! Why bytes did not become a picture.

use std::error::Error;
use std::sync::Arc;

use super::format::Format;
use super::stop::Stopped;

/// Why bytes did not become a [`super::Frame`]. The words are for people who sent a picture: no library's are among them.
/// What a library said is the error's source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// No bytes at all.
    #[error("the picture is empty (0 bytes)")]
    Empty,
    /// The first bytes match no format known here.
    #[error(
        "not a picture this program reads: expected {}",
        Format::names_in_words()
    )]
    UnknownFormat,
    /// A known format that is not read here.
    #[error("this is {format}, which is not read here; {advice}")]
    Foreign {
        /// Its name, with article: "a PDF document".
        format: &'static str,
        /// What to do: "save the page as PNG".
        advice: &'static str,
    },
    /// A format that is read, but a variant that is refused (CMYK JPEG, say).
    #[error(transparent)]
    Unsupported(Refusal),
    /// A known format whose data is cut short or damaged.
    #[error(transparent)]
    Corrupt(Damage),
    /// The header claims more pixels than allowed; nothing was allocated.
    #[error(
        "the picture is {width}x{height} = {pixels} pixels, more than the {limit} allowed (`image.max_pixels`)"
    )]
    TooLarge {
        /// Width in the header.
        width: u32,
        /// Height in the header.
        height: u32,
        /// Width × height.
        pixels: u64,
        /// [`super::FrameLimits::max_pixels`].
        limit: u64,
    },
    /// A side shorter than [`super::FrameLimits::min_side`].
    #[error("the picture is {width}x{height}, each side must have at least {min_side} pixels")]
    TooSmall {
        /// Width in the header.
        width: u32,
        /// Height in the header.
        height: u32,
        /// [`super::FrameLimits::min_side`].
        min_side: u32,
    },
    /// Decoding it would take more than [`super::FrameLimits::max_memory`]; nothing was allocated.
    #[error("decoding the picture needs {} MiB, more than the {} MiB allowed (`image.max_memory_mib`)", need.div_ceil(1 << 20), limit >> 20)]
    TooMuchMemory {
        /// Bytes needed.
        need: u64,
        /// [`super::FrameLimits::max_memory`].
        limit: u64,
    },
    /// A page that the file does not have.
    #[error("there is no page {asked}; the file has {pages}")]
    NoSuchPage {
        /// What was asked for, from 1.
        asked: u32,
        /// Pages in the file.
        pages: u32,
    },
    /// Samples that do not fill the size stated with them.
    #[error("{found} samples are no picture of {width}x{height} pixels with 3 samples each")]
    BadSamples {
        /// Width as stated.
        width: u32,
        /// Height as stated.
        height: u32,
        /// Samples given.
        found: u64,
    },
    /// A file that another crate reads gave no picture.
    #[error(transparent)]
    Other(#[from] OtherFile),
    /// Given up before it was decoded.
    #[error("decoding was given up: {0}")]
    Stopped(#[from] Stopped),
}

/// What about a picture is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unsupported picture: {what}")]
pub struct Refusal {
    what: String,
    source: Option<Cause>,
}

/// What is missing or wrong in a picture's file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the picture is truncated or damaged: {what}")]
pub struct Damage {
    what: String,
    source: Option<Cause>,
}

/// Why a file that another crate reads gave no picture: in that one's words, which are for people too.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct OtherFile {
    /// What kind of fault it is.
    pub fault: FileFault,
    words: String,
    source: Option<Cause>,
}

/// What is wrong with a file, for who has to tell kinds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFault {
    /// It holds no picture.
    NoPicture,
    /// It is of a kind that is not read.
    NotRead,
    /// It is cut short or damaged.
    Damaged,
    /// It has no such frame.
    NoSuchFrame,
    /// It does not have, or does not allow, what was asked of it.
    Asked,
    /// What was to be made of it could not be: a fault of this program.
    NotWritten,
}

impl OtherFile {
    /// With the error that it stems from, whose words are taken.
    pub fn new(fault: FileFault, error: impl Error + Send + Sync + 'static) -> Self {
        Self {
            fault,
            words: error.to_string(),
            source: Some(Cause(Arc::new(error))),
        }
    }
}

/// A library's error. Refusals in the same words are equal, whatever it was.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
struct Cause(Arc<dyn Error + Send + Sync>);

impl PartialEq for Cause {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Cause {}

/// A picture cut short or damaged.
pub(super) fn damaged(what: impl Into<String>) -> FrameError {
    FrameError::Corrupt(Damage {
        what: what.into(),
        source: None,
    })
}

/// A variant that is not read.
pub(super) fn unsupported(what: impl Into<String>) -> FrameError {
    FrameError::Unsupported(Refusal {
        what: what.into(),
        source: None,
    })
}

impl FrameError {
    /// What is [`damaged`] or [`unsupported`], by what a library said.
    pub(super) fn because(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        if let Self::Unsupported(Refusal { source, .. }) | Self::Corrupt(Damage { source, .. }) =
            &mut self
        {
            *source = Some(Cause(Arc::new(cause)));
        }
        self
    }
}
