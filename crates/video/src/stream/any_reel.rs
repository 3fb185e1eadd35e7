//! Which kind of stream it is.

use picture::frame::{Frame, FrameLimits};

use super::jpeg_reel::JpegReel;
use super::reel::{Reel, feed};
use super::y4m_reel::Y4mReel;
use crate::source::{Encoding, SourceError};
use crate::y4m::Y4M_MAGIC;

/// A stream of either kind, told apart by its first bytes.
pub(crate) enum AnyReel {
    /// Not told yet.
    Unknown {
        bytes: [u8; Y4M_MAGIC.len()],
        held: usize,
        limits: FrameLimits,
    },
    Known(Box<dyn Reel>),
}

impl AnyReel {
    pub fn new(limits: FrameLimits) -> Self {
        Self::Unknown {
            bytes: [0; Y4M_MAGIC.len()],
            held: 0,
            limits,
        }
    }
}

impl Reel for AnyReel {
    fn room(&mut self) -> &mut [u8] {
        match self {
            Self::Unknown { bytes, held, .. } => &mut bytes[*held..],
            Self::Known(reel) => reel.room(),
        }
    }

    fn filled(&mut self, count: usize) -> Result<(), SourceError> {
        match self {
            Self::Known(reel) => reel.filled(count),
            Self::Unknown {
                bytes,
                held,
                limits,
            } => {
                *held = (*held + count).min(bytes.len());
                let begun = &bytes[..*held];
                let mut reel: Box<dyn Reel> = match Y4M_MAGIC.starts_with(begun) {
                    true if *held < Y4M_MAGIC.len() => return Ok(()),
                    true => Box::new(Y4mReel::new(*limits)),
                    false => Box::new(JpegReel::new(*limits)),
                };
                let fed = feed(&mut *reel, begun);
                *self = Self::Known(reel);
                fed
            }
        }
    }

    fn finish(&mut self) {
        if let Self::Known(reel) = self {
            reel.finish();
        }
    }

    fn came(&self) -> u64 {
        match self {
            Self::Unknown { .. } => 0,
            Self::Known(reel) => reel.came(),
        }
    }

    fn take(&mut self, canvas: &mut Frame) -> Result<Encoding, SourceError> {
        match self {
            Self::Unknown { .. } => Err(SourceError::TimedOut),
            Self::Known(reel) => reel.take(canvas),
        }
    }
}
