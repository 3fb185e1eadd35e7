//! Why a stream gives no pictures.

use crate::mjpeg::JPEG_BYTES;

/// Why a stream gives no pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// It ended.
    #[error("the other end closed it")]
    Closed,
    /// What came is something else.
    #[error("what comes is neither Y4M nor a stream of JPEGs")]
    Foreign,
    /// A JPEG without an end.
    #[error("a JPEG did not end within {} MiB", JPEG_BYTES >> 20)]
    Endless,
}
