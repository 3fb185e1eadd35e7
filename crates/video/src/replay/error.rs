//! Why something cannot be replayed.

use std::path::PathBuf;

use picture::frame::Format;

use crate::source::SourceError;

/// Why a path cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A FIFO, a device, a socket.
    #[error("'{}' is neither a file nor a folder; a FIFO is read as a pipe instead", .0.display())]
    NotAFile(PathBuf),
    /// Another kind of file.
    #[error("'{}' is no video that is read here (Y4M, motion JPEG in AVI, GIF, DICOM) and no picture ({})", .0.display(), Format::names_in_words())]
    Foreign(PathBuf),
    /// A folder without pictures.
    #[error("'{}' has no pictures", .0.display())]
    NoPictures(PathBuf),
    /// A file none of whose pictures could be read.
    #[error("no picture of it can be read")]
    NothingReadable,
    /// A file that ends within a picture.
    #[error("it ends within a picture")]
    Cut,
    /// Too many bytes for a picture.
    #[error("'{}' has {bytes} bytes, too many for a picture", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
}

pub(super) fn unusable(error: impl std::error::Error + Send + Sync + 'static) -> SourceError {
    SourceError::Unusable(error.into())
}

/// A file that is not there, or cannot be read now.
pub(super) fn lost(error: std::io::Error) -> SourceError {
    SourceError::Lost(error.into())
}
