//! File meta information (PS3.10, 7.1): what a file is, before the data set that it holds.

use std::io::Read;

use dicom::{IMPLEMENTATION, Uid};

use crate::ae::AeTitle;

const PREAMBLE: usize = 128;
const MARK: &[u8; 4] = b"DICM";
/// Most bytes of meta information: it names a file and no more.
const MOST_META: u32 = 64 * 1024;

const GROUP: u16 = 0x0002;
const LENGTH: u16 = 0x0000;
const VERSION: u16 = 0x0001;
const CLASS: u16 = 0x0002;
const INSTANCE: u16 = 0x0003;
const SYNTAX: u16 = 0x0010;
const IMPLEMENTATION_CLASS: u16 = 0x0012;
const IMPLEMENTATION_VERSION: u16 = 0x0013;
const SOURCE: u16 = 0x0016;

/// What a file says of itself before its data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileMeta {
    pub class: Uid,
    pub instance: Uid,
    pub syntax: Uid,
}

/// Why a file is none that can be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetaError {
    #[error("it is no DICOM file, or its meta information is damaged")]
    NotPart10,
    #[error("it cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

impl FileMeta {
    /// Reads up to the data set, and leaves the file there.
    pub fn read(file: &mut impl Read) -> Result<Self, MetaError> {
        let mut start = [0; PREAMBLE + MARK.len() + 12];
        fill(file, &mut start)?;
        let (mark, length) = start[PREAMBLE..].split_at(MARK.len());
        // (0002,0000) UL, 4 bytes: always the first, and it says where the data set begins.
        let expected = [2, 0, 0, 0, b'U', b'L', 4, 0];
        let (Some(length), true) = (
            length.last_chunk(),
            mark == MARK && length.starts_with(&expected),
        ) else {
            return Err(MetaError::NotPart10);
        };
        let length = u32::from_le_bytes(*length);
        if length > MOST_META {
            return Err(MetaError::NotPart10);
        }
        let mut meta = vec![0; length as usize];
        fill(file, &mut meta)?;
        let uid = |wanted| find(&meta, wanted).ok_or(MetaError::NotPart10);
        Ok(Self {
            class: uid(CLASS)?,
            instance: uid(INSTANCE)?,
            syntax: uid(SYNTAX)?,
        })
    }

    /// All that stands before the data set; `source` is who sent it.
    pub fn bytes(&self, source: &AeTitle) -> Vec<u8> {
        let mut meta = Vec::new();
        put(VERSION, *b"OB", &[0, 1], &mut meta);
        put(CLASS, *b"UI", self.class.as_str().as_bytes(), &mut meta);
        put(
            INSTANCE,
            *b"UI",
            self.instance.as_str().as_bytes(),
            &mut meta,
        );
        put(SYNTAX, *b"UI", self.syntax.as_str().as_bytes(), &mut meta);
        put(
            IMPLEMENTATION_CLASS,
            *b"UI",
            IMPLEMENTATION.as_bytes(),
            &mut meta,
        );
        put(
            IMPLEMENTATION_VERSION,
            *b"SH",
            dicom::IMPLEMENTATION_VERSION.as_bytes(),
            &mut meta,
        );
        put(SOURCE, *b"AE", source.as_str().as_bytes(), &mut meta);
        let mut bytes = vec![0; PREAMBLE];
        bytes.extend(MARK);
        put(
            LENGTH,
            *b"UL",
            &(meta.len() as u32).to_le_bytes(),
            &mut bytes,
        );
        bytes.extend(meta);
        bytes
    }
}

fn fill(file: &mut impl Read, room: &mut [u8]) -> Result<(), MetaError> {
    file.read_exact(room).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => MetaError::NotPart10,
        _ => error.into(),
    })
}

/// A UID among elements of group 2, explicit and little-endian (PS3.5, 7.1.2).
fn find(mut meta: &[u8], wanted: u16) -> Option<Uid> {
    while let Some((&[g0, g1, e0, e1, v0, v1, l0, l1], rest)) = meta.split_first_chunk() {
        if u16::from_le_bytes([g0, g1]) != GROUP {
            return None;
        }
        let (length, rest) = match &[v0, v1] {
            b"OB" | b"UN" | b"UT" | b"OW" | b"SQ" => {
                let (length, rest) = rest.split_first_chunk()?;
                (u32::from_le_bytes(*length) as usize, rest)
            }
            _ => (usize::from(u16::from_le_bytes([l0, l1])), rest),
        };
        let (value, rest) = rest.split_at_checked(length)?;
        if u16::from_le_bytes([e0, e1]) == wanted {
            let text = str::from_utf8(value).ok()?;
            return Uid::new(text.trim_end_matches(['\0', ' ']));
        }
        meta = rest;
    }
    None
}

fn put(element: u16, vr: [u8; 2], value: &[u8], into: &mut Vec<u8>) {
    let odd = value.len() % 2;
    let length = value.len() + odd;
    into.extend(GROUP.to_le_bytes());
    into.extend(element.to_le_bytes());
    into.extend(vr);
    match &vr {
        b"OB" => {
            into.extend([0; 2]);
            into.extend((length as u32).to_le_bytes());
        }
        _ => into.extend((length as u16).to_le_bytes()),
    }
    into.extend(value);
    let filling = if &vr == b"UI" { 0 } else { b' ' };
    into.extend(&[filling][..odd]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_the_data_set_is_left() {
        let uid = |text| Uid::new(text).unwrap();
        let meta = FileMeta {
            class: uid("1.2.840.10008.5.1.4.1.1.6.1"),
            instance: uid("1.2.3"),
            syntax: uid("1.2.840.10008.1.2.1"),
        };
        let mut file = meta.bytes(&AeTitle::new("US1").unwrap());
        file.extend(b"data set");
        let mut rest = file.as_slice();
        assert_eq!(FileMeta::read(&mut rest).unwrap(), meta);
        assert_eq!(rest, b"data set");
        for end in 0..file.len() - 8 {
            let read = FileMeta::read(&mut &file[..end]);
            assert!(matches!(read, Err(MetaError::NotPart10)), "{end}");
        }
        // A length that lies.
        file[140..144].copy_from_slice(&u32::MAX.to_le_bytes());
        let read = FileMeta::read(&mut file.as_slice());
        assert!(matches!(read, Err(MetaError::NotPart10)));
        assert!(dicom::IMPLEMENTATION_VERSION.len() <= 16);
    }
}
