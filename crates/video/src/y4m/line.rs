//! The lines between raw samples.

use super::error::{Y4M_LINE, Y4mError};

/// What a stream begins with.
pub const Y4M_MAGIC: &[u8] = b"YUV4MPEG2 ";

/// What each picture begins with.
const FRAME: &[u8] = b"FRAME";

/// How many bytes a picture's own line takes, its end included; `None` if `bytes` do not reach so far.
///
/// # Errors
/// [`Y4mError::NoFrame`] if it is none. Its parameters (`Ip`, `X...`) are passed over.
pub fn frame_line(bytes: &[u8]) -> Result<Option<usize>, Y4mError> {
    let (known, begun) = (bytes.len().min(FRAME.len()), bytes.get(FRAME.len()));
    if bytes[..known] != FRAME[..known] || begun.is_some_and(|next| !b" \n".contains(next)) {
        return Err(Y4mError::NoFrame);
    }
    match line(bytes) {
        Some(line) => Ok(Some(line.len() + 1)),
        None if bytes.len() < Y4M_LINE => Ok(None),
        None => Err(Y4mError::LongLine),
    }
}

/// Up to the line's end; `None` if that is not among the first [`Y4M_LINE`] bytes.
pub(super) fn line(bytes: &[u8]) -> Option<&[u8]> {
    let bytes = &bytes[..bytes.len().min(Y4M_LINE)];
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some(&bytes[..end])
}
