//! What tells a DICOM file from all others (PS3.10, 7.1).

/// Bytes before "DICM".
pub(crate) const PREAMBLE: usize = 128;

/// Whether these first bytes are a DICOM file's; 132 are enough.
#[must_use]
pub fn is_dicom(start: &[u8]) -> bool {
    start.get(PREAMBLE..PREAMBLE + 4) == Some(b"DICM")
}
