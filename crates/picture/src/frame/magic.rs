//! First bytes that tell what a file is.

/// A kind of file's first bytes, `?` for any.
pub(super) type Magic = &'static [u8];

/// Whether a file begins so.
pub(super) fn begins(bytes: &[u8], magic: Magic) -> bool {
    let mut pairs = magic.iter().zip(bytes);
    bytes.len() >= magic.len() && pairs.all(|(wanted, byte)| *wanted == b'?' || wanted == byte)
}
