//! A message's body: its content, and from header version 2 on what else is said of it.

use crate::crc::crc64;
use crate::fault::IgtlFault;
use crate::fields::IgtlFields;
use crate::header::{HeaderVersion, IGTL_HEADER, IgtlHeader, IgtlStamp};
use crate::name::{DeviceName, TypeName};

/// Bytes of the extended header that is known; a longer one is of a later version, and what it adds is passed over.
const EXTENDED: u16 = 12;
/// Bytes of an entry in the index of metadata.
const ENTRY: usize = 8;
/// Encodings of a value, as IANA numbers them (MIBenum): this one for all.
const UTF_8: u16 = 106;

/// A body that is whole and that its header told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageBody<'a> {
    /// The message's number, as its sender counts; 0 without an extended header.
    pub id: u32,
    /// What the message is there for.
    pub content: &'a [u8],
    /// Where in the body that begins.
    pub at: usize,
    /// What else is said.
    pub metadata: Metadata<'a>,
}

/// Keys and values beside a message's content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metadata<'a> {
    index: &'a [u8],
    texts: &'a [u8],
}

impl<'a> MessageBody<'a> {
    /// Takes a body apart.
    ///
    /// # Errors
    /// [`IgtlFault::Length`] where it is not as long as its header says, or its parts are longer than it; [`IgtlFault::Crc`];
    /// [`IgtlFault::Short`].
    pub fn read(header: &IgtlHeader, body: &'a [u8]) -> Result<Self, IgtlFault> {
        if body.len() as u64 != header.length {
            return Err(IgtlFault::Length {
                what: "a body",
                expected: header.length,
                found: body.len() as u64,
            });
        }
        let found = crc64(body);
        if found != header.crc {
            return Err(IgtlFault::Crc {
                stated: header.crc,
                found,
            });
        }
        match header.version {
            HeaderVersion::One => Ok(Self {
                id: 0,
                content: body,
                at: 0,
                metadata: Metadata::default(),
            }),
            HeaderVersion::Two => Self::extended(body),
        }
    }

    fn extended(body: &'a [u8]) -> Result<Self, IgtlFault> {
        let mut fields = IgtlFields::of("an extended header", body);
        let length = fields.u16()?;
        let (index, texts, id) = (fields.u16()?, fields.u32()?, fields.u32()?);
        if length < EXTENDED {
            return Err(IgtlFault::Length {
                what: "an extended header",
                expected: length.into(),
                found: EXTENDED.into(),
            });
        }
        fields.slice(usize::from(length - EXTENDED))?;
        let rest = fields.rest();
        let behind = u64::from(index) + u64::from(texts);
        let Some(content) = (rest.len() as u64).checked_sub(behind) else {
            return Err(IgtlFault::Length {
                what: "metadata",
                expected: behind,
                found: rest.len() as u64,
            });
        };
        let (content, behind) = rest.split_at(content as usize);
        let (index, texts) = behind.split_at(index.into());
        Ok(Self {
            id,
            content,
            at: length.into(),
            metadata: Metadata::read(index, texts)?,
        })
    }
}

impl<'a> Metadata<'a> {
    /// Checked once: what is read of it later is there.
    fn read(index: &'a [u8], texts: &'a [u8]) -> Result<Self, IgtlFault> {
        // Who says nothing may leave the count out as well.
        if index.is_empty() && texts.is_empty() {
            return Ok(Self::default());
        }
        let mut fields = IgtlFields::of("metadata", index);
        let count = usize::from(fields.u16()?);
        let index = fields.slice(count * ENTRY)?;
        let metadata = Self { index, texts };
        let said: u64 = metadata.lengths().map(|(key, value)| key + value).sum();
        match said <= texts.len() as u64 {
            true => Ok(metadata),
            false => Err(IgtlFault::Length {
                what: "metadata",
                expected: said,
                found: texts.len() as u64,
            }),
        }
    }

    /// Of keys and values.
    fn lengths(&self) -> impl Iterator<Item = (u64, u64)> + 'a {
        self.index.as_chunks::<ENTRY>().0.iter().map(|entry| {
            let [k, l, _, _, a, b, c, d] = *entry;
            (
                u16::from_be_bytes([k, l]).into(),
                u32::from_be_bytes([a, b, c, d]).into(),
            )
        })
    }

    /// Keys and values, as they came: most are ASCII or UTF-8.
    pub fn pairs(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut texts = self.texts;
        self.lengths().map_while(move |(key, value)| {
            let (key, rest) = texts.split_at_checked(key as usize)?;
            let (value, rest) = rest.split_at_checked(value as usize)?;
            texts = rest;
            Some((key, value))
        })
    }
}

/// A message to be sent.
#[derive(Clone, Copy, Debug)]
pub struct OutMessage<'a> {
    /// Of its header. By version 1 nothing is said beside the content.
    pub version: HeaderVersion,
    /// Its type.
    pub kind: TypeName,
    /// Whose it is.
    pub device: DeviceName,
    /// When that was so.
    pub stamp: IgtlStamp,
    /// Its number.
    pub id: u32,
    /// What else is said, keys and values; what is too long for its field is cut.
    pub metadata: &'a [(&'a str, &'a str)],
}

impl OutMessage<'_> {
    /// Adds it to `out`, with the content that is written there.
    pub fn write(&self, out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
        let begin = out.len();
        out.extend([0; IGTL_HEADER]);
        let body = out.len();
        match self.version {
            HeaderVersion::One => content(out),
            HeaderVersion::Two => {
                let pairs: Vec<_> = self.metadata.iter().take(MOST_PAIRS).map(cut).collect();
                let index = 2 + pairs.len() * ENTRY;
                let texts: usize = pairs
                    .iter()
                    .map(|(key, value)| key.len() + value.len())
                    .sum();
                out.extend(EXTENDED.to_be_bytes());
                out.extend((index as u16).to_be_bytes());
                out.extend((texts as u32).to_be_bytes());
                out.extend(self.id.to_be_bytes());
                content(out);
                out.extend((pairs.len() as u16).to_be_bytes());
                for (key, value) in &pairs {
                    out.extend((key.len() as u16).to_be_bytes());
                    out.extend(UTF_8.to_be_bytes());
                    out.extend((value.len() as u32).to_be_bytes());
                }
                for (key, value) in pairs {
                    out.extend([key, value].concat());
                }
            }
        }
        let header = IgtlHeader {
            version: self.version,
            kind: self.kind,
            device: self.device,
            stamp: self.stamp,
            length: (out.len() - body) as u64,
            crc: crc64(&out[body..]),
        };
        out[begin..body].copy_from_slice(&header.bytes());
    }
}

/// So many pairs at most: their index's length is said in 16 bits.
const MOST_PAIRS: usize = 1024;
/// Longest key and value that are sent.
const MOST_TEXT: usize = u16::MAX as usize;

fn cut<'a>((key, value): &(&'a str, &'a str)) -> (&'a [u8], &'a [u8]) {
    let whole = |text: &'a str| &text.as_bytes()[..text.floor_char_boundary(MOST_TEXT)];
    (whole(key), whole(value))
}

#[cfg(test)]
mod tests;
