//! A [`Picture`] → [`Opened`]: a file is decoded, within time and within the memory of all pictures together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use picture::frame::{
    self, Decoded, FileInfo, Frame, FrameError, FrameLimits, PixelRect, Stop, Undecoded,
};

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
    /// The part of it to look at; `None`: all of it.
    pub region: Option<PixelRect>,
    /// When to give it up, on its whole way.
    pub stop: Stop,
}

impl<'a> From<&'a Picture> for Subject<'a> {
    /// Of no scale, however long it takes.
    fn from(picture: &'a Picture) -> Self {
        Self {
            picture,
            scale: &Scale::Unknown,
            region: None,
            stop: Stop::never(),
        }
    }
}

impl<'a> From<&'a Job> for Subject<'a> {
    fn from(job: &'a Job) -> Self {
        Self {
            picture: &job.picture,
            scale: &job.scale,
            region: job.region,
            stop: job.stop.clone(),
        }
    }
}

/// A decoded picture, and its share of the memory.
pub(super) struct Opened {
    pub frame: Arc<Frame>,
    /// What the network is to look at, and where in the frame that is; `None`: all of it.
    pub part: Option<(PixelRect, Frame)>,
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
            region,
            ref stop,
        } = *subject;
        stop.check()?;
        // Each part of a picture is at most the picture over again, with masks of its own.
        let parts = region.map_or(1, |_| 2);
        let each = MASK_BYTES * masks as u64 + FRAME_BYTES;
        let beside = parts * each - FRAME_BYTES;
        let opened = match picture {
            Picture::File(file) => self.decode(file, stop, beside)?,
            Picture::Undecoded(file) => self.decode(&**file, stop, beside)?,
            Picture::Frame(frame) => Opened::from(frame.clone()),
        };
        let part = match region {
            Some(region) => Some((region, region.cut(&opened.frame)?)),
            None => None,
        };
        let scale = scale.clone();
        Ok(Opened {
            scale,
            part,
            ..opened
        })
    }

    /// Decodes a file; what is made of it, `beside` it for each of its pixels, has its memory in the same share.
    fn decode(
        &self,
        file: &(impl Coded + ?Sized),
        stop: &Stop,
        beside: u64,
    ) -> Result<Opened, EngineError> {
        let mut lease = match &self.memory {
            Some(memory) => {
                let need = file.need(&self.limits)?;
                // The frame is part of the need, so that what lies beside is at most this share of it.
                memory.reserve(need + need / FRAME_BYTES * beside, stop)?
            }
            None => Lease::default(),
        };
        let deadline = self.timeout.map(|timeout| Instant::now() + timeout);
        let until = deadline.map_or_else(|| stop.clone(), |at| stop.no_later_than(at));
        let decoded = file.read(&self.limits, &until);
        let Decoded { frame, file } = decoded.map_err(|error| match (error, stop.check()) {
            // Not the decoding took too long, but the whole job.
            (FrameError::Stopped(_), Err(stopped)) => EngineError::GivenUp(stopped),
            (error, _) => error.into(),
        })?;
        let pixels = u64::from(frame.width()) * u64::from(frame.height());
        lease.shrink(pixels * (FRAME_BYTES + beside));
        Ok(Opened {
            frame: Arc::new(frame),
            part: None,
            scale: Scale::Unknown,
            file: Some(file),
            lease,
        })
    }
}

/// What comes undecoded.
trait Coded {
    fn need(&self, limits: &FrameLimits) -> Result<u64, FrameError>;
    fn read(&self, limits: &FrameLimits, stop: &Stop) -> Result<Decoded, FrameError>;
}

impl Coded for ReceivedFile {
    fn need(&self, limits: &FrameLimits) -> Result<u64, FrameError> {
        frame::need(&self.bytes, self.page, limits)
    }

    fn read(&self, limits: &FrameLimits, stop: &Stop) -> Result<Decoded, FrameError> {
        frame::read_file(&self.bytes, self.page, limits, stop)
    }
}

/// Whoever brings it has been told the limits.
impl Coded for dyn Undecoded {
    fn need(&self, _: &FrameLimits) -> Result<u64, FrameError> {
        Undecoded::need(self)
    }

    fn read(&self, _: &FrameLimits, stop: &Stop) -> Result<Decoded, FrameError> {
        Undecoded::read(self, stop)
    }
}

impl Opened {
    /// What the network looks at.
    pub(super) fn looked_at(&self) -> &Frame {
        self.part.as_ref().map_or(&self.frame, |(_, part)| part)
    }

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
            part: None,
            scale: Scale::Unknown,
            file: None,
            lease: Lease::default(),
        }
    }
}
