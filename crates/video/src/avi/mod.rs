//! Motion JPEG in AVI (Microsoft's AVI RIFF reference): a file that every player shows, one JPEG for each picture. Written is AVI 1.0;
//! read is also what OpenDML adds for long recordings.

mod read;
mod write;

#[cfg(test)]
mod tests;

pub use read::{AviError, AviReader};
pub use write::AviWriter;

/// Whether a file begins as an AVI does.
#[must_use]
pub fn is_avi(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"AVI ")
}
