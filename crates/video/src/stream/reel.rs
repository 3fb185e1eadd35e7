//! Bytes of a stream → its pictures, of which the newest is kept.

use picture::frame::Frame;

use crate::placement::Placement;
use crate::source::{Encoding, SourceError};

/// Takes bytes in, keeps the newest picture.
pub(crate) trait Reel: Send {
    /// Where the next bytes are to be put. Never empty; asked for again where none came.
    fn room(&mut self) -> &mut [u8];
    /// So many were put there.
    ///
    /// # Errors
    /// [`SourceError::Garbage`] if the next picture may be whole again, [`SourceError::Unusable`] if none will.
    fn filled(&mut self, count: usize) -> Result<(), SourceError>;
    /// No more will come.
    fn finish(&mut self);
    /// Pictures that came so far, whole or not.
    fn came(&self) -> u64;
    /// Writes the newest into `canvas`.
    ///
    /// # Errors
    /// [`SourceError::Garbage`].
    fn take(&mut self, canvas: &mut Frame) -> Result<Encoding, SourceError>;
    /// Where the picture lies that was taken last; `None` where its bytes do not say.
    fn placement(&self) -> Option<Placement> {
        None
    }
}

/// Gives bytes that were read already.
pub(super) fn feed(reel: &mut (impl Reel + ?Sized), mut bytes: &[u8]) -> Result<(), SourceError> {
    while !bytes.is_empty() {
        let room = reel.room();
        let count = bytes.len().min(room.len());
        room[..count].copy_from_slice(&bytes[..count]);
        bytes = &bytes[count..];
        reel.filled(count)?;
    }
    Ok(())
}
