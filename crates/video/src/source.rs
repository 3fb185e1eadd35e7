//! What a source of video is: opened, asked for one picture after the other, opened anew when it is lost.

use std::sync::Arc;
use std::time::Instant;

use picture::frame::{Frame, FrameError, FrameLimits};
use picture::segmenter::{Cause, Clock};
use serde::{Deserialize, Serialize};

use crate::convert::RawError;
use crate::placement::Placement;

/// What every source is made with.
#[derive(Clone, Debug)]
pub struct SourceContext {
    /// Tells when pictures came, and waits for them where the source itself does not.
    pub clock: Arc<dyn Clock>,
    /// What a picture may cost.
    pub limits: FrameLimits,
}

/// Opens a source, again and again: what is unplugged comes back as a new [`Source`].
pub trait Opener: std::fmt::Debug + Send + Sync {
    /// Opens it. Blocks for a few seconds at most.
    ///
    /// # Errors
    /// [`SourceError::Lost`] if it is not there now, [`SourceError::Unusable`] if trying again is no use.
    fn open(&self) -> Result<Box<dyn Source>, SourceError>;

    /// What it is, for people: "phantom", "/dev/video0".
    fn label(&self) -> String;
}

/// Gives one picture after the other. It is owned by one thread; whoever opened it closes it by dropping it.
pub trait Source: Send {
    /// Writes the next picture into `canvas` (reshaped to its size; its old pixels are nobody's), and waits for it no
    /// longer than until then. Pictures that came while nobody asked may be left out, oldest first: the answer is the
    /// newest that the source has.
    ///
    /// # Errors
    /// [`SourceError`]. Whether it can be asked again says [`SourceError::is_final`]. The canvas is then nobody's.
    fn next(&mut self, canvas: &mut Frame, until: Instant) -> Result<Shot, SourceError>;
}

/// What is known of a picture beside its pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shot {
    /// The source's own count of it, from 0: a gap is a picture that never reached us.
    pub sequence: u64,
    /// When it was taken, or came in, if the source does not say; by the clock that the source was made with.
    pub captured: Instant,
    /// How it came.
    pub encoding: Encoding,
    /// Where it lies in the room; `None` where the source does not say.
    pub placement: Option<Placement>,
}

/// How a source's pictures come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// 8-bit RGB, interleaved.
    Rgb,
    /// 8-bit grey.
    Grey,
    /// 4:2:2, interleaved Y U Y V.
    Yuyv,
    /// 4:2:0, a plane of Y and one of interleaved U V.
    Nv12,
    /// Three planes, Y U V, as Y4M has them (4:2:0, 4:2:2 or 4:4:4).
    Planar,
    /// A JPEG for each picture.
    Jpeg,
    /// A picture file for each, or a GIF's or a DICOM file's.
    File,
}

/// Why there is no next picture.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// None came in time. The source may be asked again.
    #[error("no picture came in time")]
    TimedOut,
    /// One came that is none, or only a part of one. The source may be asked again.
    #[error("a picture could not be read: {0}")]
    Garbage(#[source] Cause),
    /// The device is there and says that nothing is connected to it. The source may be asked again.
    #[error("the device has no signal")]
    NoSignal,
    /// It is gone: unplugged, closed by the other end, or not there yet. Opening it anew may help.
    #[error("the source is lost: {0}")]
    Lost(#[source] Cause),
    /// It is over, as a file is. Opening it anew begins at its start.
    #[error("the source has ended")]
    Ended,
    /// It can never be used as it was asked for: not a format that is known, not a file. Opening it anew is no use.
    #[error("the source cannot be used: {0}")]
    Unusable(#[source] Cause),
}

impl SourceError {
    /// Whether the source has to be opened anew.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::TimedOut | Self::Garbage(_) | Self::NoSignal => false,
            Self::Lost(_) | Self::Ended | Self::Unusable(_) => true,
        }
    }
}

/// What came is no picture.
impl From<FrameError> for SourceError {
    fn from(error: FrameError) -> Self {
        Self::Garbage(error.into())
    }
}

/// Samples that are no picture.
impl From<RawError> for SourceError {
    fn from(error: RawError) -> Self {
        Self::Garbage(error.into())
    }
}
