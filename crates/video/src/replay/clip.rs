//! What is replayed, whatever file it comes from.

use std::time::Duration;

use picture::frame::Frame;

use crate::source::{Encoding, SourceError};

/// How long a picture is shown where nobody says it: 25 a second.
pub const UNSAID: Duration = Duration::from_millis(40);

/// Recorded pictures, one after the other.
pub(super) trait Clip: Send {
    /// Goes to the next picture, at first to the first: how long it is shown. `None` after the last.
    ///
    /// # Errors
    /// What is damaged: the rest of the clip cannot be read then.
    fn advance(&mut self) -> Result<Option<Duration>, SourceError>;
    /// Writes the picture that it is at, once.
    ///
    /// # Errors
    /// [`SourceError::Garbage`]; the next may be whole.
    fn show(&mut self, canvas: &mut Frame) -> Result<Encoding, SourceError>;
    /// Back before the first.
    ///
    /// # Errors
    /// [`SourceError::Lost`].
    fn rewind(&mut self) -> Result<(), SourceError>;
}
