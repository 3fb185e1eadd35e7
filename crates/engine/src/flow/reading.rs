//! Bytes of a picture file → [`Picture`], within time and within the memory of all pictures together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use picture::frame::{self, Decoded, FileInfo, Frame, FrameError, FrameLimits, Stop};

use picture::segmenter::{EngineError, Lease, Memory};

/// Bytes of a pixel in a [`Frame`].
const FRAME_BYTES: u64 = 3;
/// Bytes of a pixel in a [`picture::mask::Mask`].
const MASK_BYTES: u64 = 1;

/// A picture file, which of its pages to read, and until when.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// The file.
    pub bytes: &'a [u8],
    /// From 1; `None`: the first.
    pub page: Option<u32>,
    /// When to give it up, on its whole way.
    pub stop: Stop,
}

impl<'a> From<&'a [u8]> for Source<'a> {
    /// The first page, however long it takes.
    fn from(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            page: None,
            stop: Stop::never(),
        }
    }
}

/// A decoded picture, and its share of the memory.
pub(super) struct Picture {
    pub frame: Arc<Frame>,
    pub file: Option<FileInfo>,
    pub lease: Lease,
}

/// How picture files are read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub limits: FrameLimits,
    /// Most time that decoding may take.
    pub timeout: Option<Duration>,
    /// What all pictures share; `None`: as much as they take.
    pub memory: Option<Memory>,
}

impl Reading {
    /// Decodes a picture of which `masks` masks will be made: their memory is part of its share.
    ///
    /// # Errors
    /// The picture is refused, or given up.
    pub(super) fn read(&self, source: &Source<'_>, masks: usize) -> Result<Picture, EngineError> {
        let Source {
            bytes,
            page,
            ref stop,
        } = *source;
        stop.check()?;
        let masks = MASK_BYTES * masks as u64;
        let mut lease = match &self.memory {
            Some(memory) => {
                let need = frame::need(bytes, page, &self.limits)?;
                // The frame is part of the need, so that the masks are at most this share of it.
                memory.reserve(need + need / FRAME_BYTES * masks, stop)?
            }
            None => Lease::default(),
        };
        let deadline = self.timeout.map(|timeout| Instant::now() + timeout);
        let until = deadline.map_or_else(|| stop.clone(), |at| stop.no_later_than(at));
        let decoded = frame::read_file(bytes, page, &self.limits, &until);
        let Decoded { frame, file } = decoded.map_err(|error| match (error, stop.check()) {
            // Not the decoding took too long, but the whole job.
            (FrameError::Stopped(_), Err(stopped)) => EngineError::GivenUp(stopped),
            (error, _) => error.into(),
        })?;
        let pixels = u64::from(frame.width()) * u64::from(frame.height());
        lease.shrink(pixels * (FRAME_BYTES + masks));
        Ok(Picture {
            frame: Arc::new(frame),
            file: Some(file),
            lease,
        })
    }
}

impl Picture {
    /// An error that knows of the file's other pages.
    pub(super) fn told(&self, error: EngineError) -> EngineError {
        let several = self.file.as_ref().filter(|file| file.pages > 1);
        match error {
            EngineError::ModalityMismatch { asked, check, .. } => EngineError::ModalityMismatch {
                asked,
                check,
                pages: several.map(|file| [file.page, file.pages]),
            },
            other => other,
        }
    }
}

impl From<Arc<Frame>> for Picture {
    /// One that came without a file, in memory of its owner's.
    fn from(frame: Arc<Frame>) -> Self {
        Self {
            frame,
            file: None,
            lease: Lease::default(),
        }
    }
}
