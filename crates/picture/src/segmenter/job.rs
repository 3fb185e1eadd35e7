use std::sync::Arc;
use std::time::Duration;

use crate::frame::{FileInfo, Frame, PixelRect, Stop, Undecoded};
use crate::scale::Scale;

use super::ask::Ask;
use super::memory::Lease;

/// A picture, as it comes.
#[derive(Clone, Debug)]
pub enum Picture {
    /// Undecoded, so that waiting costs no pixels.
    File(ReceivedFile),
    /// The same, of another reader's.
    Undecoded(Arc<dyn Undecoded>),
    /// Decoded, as a camera's: its memory is its owner's.
    Frame(Arc<Frame>),
    /// A file that has been decoded.
    Read(Box<ReadFile>),
}

impl Picture {
    /// Whether it is to be decoded.
    #[must_use]
    pub fn is_coded(&self) -> bool {
        matches!(self, Self::File(_) | Self::Undecoded(_))
    }

    /// How long decoding has taken so far.
    #[must_use]
    pub fn decoding_took(&self) -> Duration {
        match self {
            Self::Read(file) => file.took,
            Self::File(_) | Self::Undecoded(_) | Self::Frame(_) => Duration::ZERO,
        }
    }
}

/// A decoded file.
#[derive(Clone, Debug)]
pub struct ReadFile {
    /// Its picture.
    pub frame: Arc<Frame>,
    /// What it said of itself.
    pub file: FileInfo,
    /// Its share of the memory of all pictures, and that of what will be made of it.
    pub lease: Lease,
    /// How long decoding took.
    pub took: Duration,
}

/// A picture file as received.
#[derive(Clone, Debug)]
pub struct ReceivedFile {
    /// The whole of it.
    pub bytes: Vec<u8>,
    /// Which of its pages, from 1; `None`: the first.
    pub page: Option<u32>,
}

impl From<Vec<u8>> for Picture {
    /// A file's first page.
    fn from(bytes: Vec<u8>) -> Self {
        Self::File(ReceivedFile { bytes, page: None })
    }
}

/// One picture to segment.
#[derive(Clone, Debug)]
pub struct Job {
    /// The picture.
    pub picture: Picture,
    /// How large its pixels are.
    pub scale: Scale,
    /// The part of it to look at, in the upright picture's pixels; `None`: all of it.
    pub region: Option<PixelRect>,
    /// What to do with it.
    pub ask: Ask,
    /// When to give it up.
    pub stop: Stop,
}
