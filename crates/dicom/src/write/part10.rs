//! A file (PS3.10, 7): preamble, meta information, data set, and pixels at its end.

use std::io::Write;

use super::attributes::*;
use super::element::{Elements, put_header};
use super::error::DicomWriteError;
use super::text::Characters;
use crate::uid::Uid;

/// Explicit VR Little Endian.
const SYNTAX: &str = "1.2.840.10008.1.2.1";
/// Implementation Class UID of this program (PS3.7, D.3.3.2); made once of a random UUID (PS3.5, B.2).
pub const IMPLEMENTATION: &str = "2.25.20117031648940543079333805287163765185";
/// Its Implementation Version Name, of sixteen characters at most.
pub const IMPLEMENTATION_VERSION: &str = concat!("ESPMEDSAM ", env!("CARGO_PKG_VERSION"));

/// An object, ready to be written.
pub(super) struct FilePart<'a> {
    pub class: &'a str,
    pub instance: &'a Uid,
    pub set: &'a Elements,
    pub characters: Characters,
    /// Of a picture.
    pub pixels: Option<&'a [u8]>,
}

impl FilePart<'_> {
    pub fn write(&self, out: &mut impl Write) -> Result<(), DicomWriteError> {
        let mut rest = Vec::new();
        Elements::new()
            .bytes(META_VERSION, vec![0, 1])
            .text(MEDIA_SOP_CLASS_UID, self.class)
            .uid(MEDIA_SOP_INSTANCE_UID, self.instance)
            .text(TRANSFER_SYNTAX_UID, SYNTAX)
            .text(IMPLEMENTATION_CLASS_UID, IMPLEMENTATION)
            .text(IMPLEMENTATION_VERSION_NAME, IMPLEMENTATION_VERSION)
            .encode(self.characters, &mut rest)?;
        let mut bytes = vec![0; 128];
        bytes.extend(b"DICM");
        Elements::new()
            .longs(META_LENGTH, &[rest.len() as u32])
            .encode(self.characters, &mut bytes)?;
        bytes.extend(rest);
        self.set.encode(self.characters, &mut bytes)?;
        let Some(pixels) = self.pixels else {
            return Ok(out.write_all(&bytes)?);
        };
        let odd = pixels.len() % 2;
        put_header(PIXEL_DATA, (pixels.len() + odd) as u64, &mut bytes)?;
        out.write_all(&bytes)?;
        out.write_all(pixels)?;
        Ok(out.write_all(&[0][..odd])?)
    }
}
