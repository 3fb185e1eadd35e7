//! A [`Picture`] → [`Opened`]: a file is decoded, within time and within the memory of all pictures together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use picture::frame::{self, Decoded, FileInfo, Frame, FrameError, FrameLimits, Stop};

use picture::scale::Scale;
use picture::segmenter::{EngineError, Job, Lease, Memory, Picture, ReceivedFile};

/// Bytes of a pixel in a [`Frame`].
const FRAME_BYTES: u64 = 3;
/// Bytes of a pixel in a [`picture::mask::Mask`].
const MASK_BYTES: u64 = 1;

/// A picture to be segmented, and until when.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// The picture.
    pub picture: &'a Picture,
    /// How large its pixels are.
    pub scale: &'a Scale,
    /// When to give it up, on its whole way.
    pub stop: Stop,
}

impl<'a> From<&'a Picture> for Subject<'a> {
    /// Of no scale, however long it takes.
    fn from(picture: &'a Picture) -> Self {
        Self {
            picture,
            scale: &Scale::Unknown,
            stop: Stop::never(),
        }
    }
}

impl<'a> From<&'a Job> for Subject<'a> {
    fn from(job: &'a Job) -> Self {
        Self {
            picture: &job.picture,
            scale: &job.scale,
            stop: job.stop.clone(),
        }
    }
}

/// A decoded picture, and its share of the memory.
pub(super) struct Opened {
    pub frame: Arc<Frame>,
    pub scale: Scale,
    /// `None` of one that came without a file.
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
    /// Opens a picture of which `masks` masks will be made.
    ///
    /// # Errors
    /// The picture is refused, or given up.
    pub(super) fn open(&self, subject: &Subject<'_>, masks: usize) -> Result<Opened, EngineError> {
        let Subject {
            picture,
            scale,
            ref stop,
        } = *subject;
        stop.check()?;
        let opened = match picture {
            Picture::File(file) => self.decode(file, stop, masks)?,
            Picture::Frame(frame) => Opened::from(frame.clone()),
        };
        let scale = scale.clone();
        Ok(Opened { scale, ..opened })
    }

    /// Decodes a file; its masks' memory is part of its share.
    fn decode(
        &self,
        file: &ReceivedFile,
        stop: &Stop,
        masks: usize,
    ) -> Result<Opened, EngineError> {
        let ReceivedFile { bytes, page } = file;
        let page = *page;
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
        Ok(Opened {
            frame: Arc::new(frame),
            scale: Scale::Unknown,
            file: Some(file),
            lease,
        })
    }
}

impl Opened {
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

impl From<Arc<Frame>> for Opened {
    /// One that came without a file, in memory of its owner's.
    fn from(frame: Arc<Frame>) -> Self {
        Self {
            frame,
            scale: Scale::Unknown,
            file: None,
            lease: Lease::default(),
        }
    }
}
