//! A [`Picture`] → [`Opened`]: a file is decoded, within time and within the memory of all pictures together; on the
//! engine's reader threads beforehand, if it came by the queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use picture::frame::{
    self, Decoded, FileInfo, Frame, FrameError, FrameLimits, PixelRect, Stop, Undecoded,
};

use picture::scale::Scale;
use picture::segmenter::{EngineError, Job, Lease, Memory, Picture, ReadFile, ReceivedFile};

use crate::options::EngineOptions;

/// Bytes of a pixel in a [`Frame`].
const FRAME_BYTES: u64 = 3;
/// Bytes of a pixel in a [`picture::mask::Mask`].
const MASK_BYTES: u64 = 1;

/// Bytes that decoding a large picture takes: of some five million pixels, whose decoding takes a tenth of a second.
const LARGE: u64 = 16 << 20;

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
pub(crate) struct Reading {
    pub limits: FrameLimits,
    /// Most time that decoding may take.
    timeout: Option<Duration>,
    /// What all pictures share; `None`: as much as they take.
    memory: Option<Memory>,
}

impl Reading {
    /// Within what a picture may cost, and no more than that.
    pub(super) fn within(limits: FrameLimits) -> Self {
        Self {
            limits,
            timeout: None,
            memory: None,
        }
    }

    /// An engine's, all of whose pictures share their memory.
    pub(crate) fn of_engine(options: &EngineOptions) -> Self {
        Self {
            limits: options.limits,
            timeout: Some(options.decode_timeout),
            memory: Some(Memory::new(options.picture_budget)),
        }
    }

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
        let beside = beside(region, masks);
        let opened = match picture {
            Picture::File(file) => self.decode(file, stop, beside)?.into(),
            Picture::Undecoded(file) => self.decode(&**file, stop, beside)?.into(),
            Picture::Read(file) => (**file).clone().into(),
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

    /// Whether decoding a picture may take long, by its header.
    pub(crate) fn is_large(&self, picture: &Picture) -> bool {
        let need = match picture {
            Picture::File(file) => file.need(&self.limits),
            Picture::Undecoded(file) => (**file).need(),
            Picture::Frame(_) | Picture::Read(_) => Ok(0),
        };
        // What cannot be read is found out soon.
        need.is_ok_and(|need| need > LARGE)
    }

    /// A job's picture, decoded.
    ///
    /// # Errors
    /// It is refused, or the job given up.
    pub(crate) fn read(&self, job: &Job) -> Result<Picture, EngineError> {
        job.stop.check()?;
        let beside = beside(job.region, 1);
        let read = |file| Picture::Read(Box::new(file));
        match &job.picture {
            Picture::File(file) => self.decode(file, &job.stop, beside).map(read),
            Picture::Undecoded(file) => self.decode(&**file, &job.stop, beside).map(read),
            known @ (Picture::Frame(_) | Picture::Read(_)) => Ok(known.clone()),
        }
    }

    /// Decodes a file; what is made of it, `beside` it for each of its pixels, has its memory in the same share.
    fn decode(
        &self,
        file: &(impl Coded + ?Sized),
        stop: &Stop,
        beside: u64,
    ) -> Result<ReadFile, EngineError> {
        let started = Instant::now();
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
        Ok(ReadFile {
            frame: Arc::new(frame),
            file,
            lease,
            took: started.elapsed(),
        })
    }
}

/// Bytes for each pixel of a picture, beside the picture itself: `masks` masks, and where a region is looked at, that over
/// again, with masks of its own.
fn beside(region: Option<PixelRect>, masks: usize) -> u64 {
    let parts = region.map_or(1, |_| 2);
    let each = MASK_BYTES * masks as u64 + FRAME_BYTES;
    parts * each - FRAME_BYTES
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

impl From<ReadFile> for Opened {
    fn from(read: ReadFile) -> Self {
        let ReadFile {
            frame, file, lease, ..
        } = read;
        Self {
            frame,
            part: None,
            scale: Scale::Unknown,
            file: Some(file),
            lease,
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
