//! Bytes of a stream → its pictures, of which the newest is kept.

use picture::frame::{Frame, FrameLimits};

use super::jpeg_reel::JpegReel;
use super::y4m_reel::Y4mReel;
use crate::source::{Encoding, SourceError};
use crate::y4m::Y4M_MAGIC;

/// Takes bytes in, keeps the newest picture.
pub(super) trait Reel: Send {
    /// Where the next bytes are to be put. Never empty.
    fn room(&mut self) -> &mut [u8];
    /// So many were put there.
    ///
    /// # Errors
    /// [`SourceError::Garbage`] if the next picture may be whole again, [`SourceError::Unusable`] if none will.
    fn filled(&mut self, count: usize) -> Result<(), SourceError>;
    /// No more will come.
    fn finish(&mut self);
    /// Pictures that came so far, whole or not.
    fn came(&self) -> u64;
    /// Writes the newest into `canvas`.
    ///
    /// # Errors
    /// [`SourceError::Garbage`].
    fn take(&mut self, canvas: &mut Frame) -> Result<Encoding, SourceError>;
}

/// A stream of either kind, told apart by its first bytes.
pub(super) enum AnyReel {
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

/// Gives bytes that were read already.
pub(super) fn feed(reel: &mut (impl Reel + ?Sized), mut bytes: &[u8]) -> Result<(), SourceError> {
    while !bytes.is_empty() {
        let room = reel.room();
        let count = bytes.len().min(room.len());
        room[..count].copy_from_slice(&bytes[..count]);
        bytes = &bytes[count..];
        reel.filled(count)?;
    }
    Ok(())
}
