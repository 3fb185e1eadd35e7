//! Why a stream is none that is read here.

use picture::frame::FrameError;

/// The longest line that is read, end included: those that programs write are shorter by far.
pub const Y4M_LINE: usize = 1024;

/// Why a stream is none that is read here.
#[derive(Debug, thiserror::Error)]
pub enum Y4mError {
    /// It begins otherwise.
    #[error("not a Y4M stream: it does not begin with 'YUV4MPEG2 '")]
    NotY4m,
    /// A line does not end.
    #[error("a Y4M line has more than {Y4M_LINE} bytes")]
    LongLine,
    /// The stream ends within its first line.
    #[error("the Y4M stream ends within its header")]
    Cut,
    /// A parameter that makes no sense.
    #[error("the Y4M header says '{0}', which cannot be")]
    Parameter(String),
    /// No size.
    #[error("the Y4M header has no {0}")]
    Missing(&'static str),
    /// Its size is not allowed.
    #[error(transparent)]
    Size(#[from] FrameError),
    /// Two half pictures of different times in one.
    #[error(
        "the Y4M stream is interlaced, which is not read here; deinterlace it first ('ffmpeg -vf yadif')"
    )]
    Interlaced,
    /// Samples of other layouts or depths.
    #[error("Y4M of '{0}' is not read here; ask for 8 bits in 4:2:0 ('ffmpeg -pix_fmt yuv420p')")]
    Colours(String),
    /// Where a picture should begin there is something else.
    #[error("a Y4M picture does not begin with 'FRAME'")]
    NoFrame,
}
