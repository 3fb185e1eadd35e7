//! Which format a file is of, by its first bytes and never by its name.

use super::error::FrameError;
use super::foreign;
use super::format::Format;

impl Format {
    /// The format of a file's bytes.
    ///
    /// # Errors
    /// [`FrameError::Empty`], [`FrameError::Foreign`], [`FrameError::UnknownFormat`].
    pub fn of(bytes: &[u8]) -> Result<Self, FrameError> {
        if bytes.is_empty() {
            return Err(FrameError::Empty);
        }
        Self::beginning(bytes).ok_or_else(|| foreign::refusal(bytes))
    }
}
