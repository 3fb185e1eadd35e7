//! Elements → bytes (PS3.5, 7): Explicit VR Little Endian, in order, each once, every length said and even.

use std::collections::BTreeMap;

use super::error::DicomWriteError;
use super::text::{self, Characters};
use super::vr::Vr;
use crate::uid::Uid;

/// An element's tag, and the kind of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    pub tag: u32,
    pub vr: Vr,
}

/// A data set, or an item of a sequence.
#[derive(Clone, Debug, Default)]
pub(super) struct Elements(BTreeMap<u32, (Vr, Contents)>);

#[derive(Clone, Debug)]
enum Contents {
    /// As they are.
    Bytes(Vec<u8>),
    /// Values of text.
    Texts(Vec<String>),
    Items(Vec<Elements>),
}

const ITEM: u32 = 0xfffe_e000;

impl Elements {
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, attribute: Attribute, contents: Contents) -> Self {
        self.0.insert(attribute.tag, (attribute.vr, contents));
        self
    }

    /// Without a value (type 2).
    pub fn empty(self, attribute: Attribute) -> Self {
        match attribute.vr {
            Vr::Sq => self.items(attribute, Vec::new()),
            _ => self.bytes(attribute, Vec::new()),
        }
    }

    /// Bytes as they are: of another file, or of a picture.
    pub fn bytes(self, attribute: Attribute, bytes: Vec<u8>) -> Self {
        self.with(attribute, Contents::Bytes(bytes))
    }

    pub fn text(self, attribute: Attribute, text: impl Into<String>) -> Self {
        self.texts(attribute, [text])
    }

    pub fn texts<T: Into<String>>(
        self,
        attribute: Attribute,
        texts: impl IntoIterator<Item = T>,
    ) -> Self {
        let texts = texts.into_iter().map(Into::into).collect();
        self.with(attribute, Contents::Texts(texts))
    }

    pub fn uid(self, attribute: Attribute, uid: &Uid) -> Self {
        self.text(attribute, uid.as_str())
    }

    /// Decimal strings.
    pub fn decimals(self, attribute: Attribute, numbers: &[f64]) -> Self {
        let texts = numbers.iter().map(|number| text::decimal(*number));
        self.texts(attribute, texts)
    }

    /// 16 bits.
    pub fn words(self, attribute: Attribute, words: &[u16]) -> Self {
        let bytes = words.iter().flat_map(|word| word.to_le_bytes());
        self.bytes(attribute, bytes.collect())
    }

    /// 32 bits.
    pub fn longs(self, attribute: Attribute, longs: &[u32]) -> Self {
        let bytes = longs.iter().flat_map(|long| long.to_le_bytes());
        self.bytes(attribute, bytes.collect())
    }

    /// Real numbers of 64 bits.
    pub fn double(self, attribute: Attribute, number: f64) -> Self {
        self.bytes(attribute, number.to_le_bytes().to_vec())
    }

    /// 32 bits each.
    pub fn floats(self, attribute: Attribute, numbers: impl Iterator<Item = f32>) -> Self {
        let bytes = numbers.flat_map(f32::to_le_bytes);
        self.bytes(attribute, bytes.collect())
    }

    /// Another element's tag as a value.
    pub fn tag(self, attribute: Attribute, pointed: Attribute) -> Self {
        let halves = [(pointed.tag >> 16) as u16, (pointed.tag & 0xffff) as u16];
        self.words(attribute, &halves)
    }

    pub fn items(self, attribute: Attribute, items: Vec<Self>) -> Self {
        self.with(attribute, Contents::Items(items))
    }

    pub fn item(self, attribute: Attribute, item: Self) -> Self {
        self.items(attribute, vec![item])
    }

    pub fn has(&self, attribute: Attribute) -> bool {
        self.0.contains_key(&attribute.tag)
    }

    /// All of the other's too.
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Appended to these bytes.
    pub fn encode(&self, characters: Characters, out: &mut Vec<u8>) -> Result<(), DicomWriteError> {
        for (tag, (vr, contents)) in &self.0 {
            let value = match contents {
                Contents::Bytes(bytes) => bytes.clone(),
                Contents::Texts(texts) => {
                    let values = texts.iter().map(|text| text::value(text, *vr, characters));
                    values.collect::<Vec<_>>().join("\\").into_bytes()
                }
                Contents::Items(items) => encoded(items, characters)?,
            };
            let length = value.len() + value.len() % 2;
            put_header(Attribute { tag: *tag, vr: *vr }, length as u64, out)?;
            out.extend(&value);
            out.extend((value.len()..length).map(|_| vr.padding()));
        }
        Ok(())
    }
}

fn encoded(items: &[Elements], characters: Characters) -> Result<Vec<u8>, DicomWriteError> {
    let mut value = Vec::new();
    for item in items {
        let start = value.len();
        put_tag(ITEM, &mut value);
        value.extend([0; 4]);
        item.encode(characters, &mut value)?;
        let length = value.len() - start - 8;
        let length = u32::try_from(length).map_err(|_| DicomWriteError::TooLarge)?;
        value[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
    }
    Ok(value)
}

fn put_tag(tag: u32, out: &mut Vec<u8>) {
    out.extend(((tag >> 16) as u16).to_le_bytes());
    out.extend(((tag & 0xffff) as u16).to_le_bytes());
}

/// Tag, kind and length (PS3.5, 7.1.2).
pub(super) fn put_header(
    attribute: Attribute,
    length: u64,
    out: &mut Vec<u8>,
) -> Result<(), DicomWriteError> {
    put_tag(attribute.tag, out);
    out.extend(attribute.vr.name());
    if attribute.vr.is_long() {
        // One of all ones would mean that it is not said.
        let length = u32::try_from(length).ok().filter(|of| *of != u32::MAX);
        out.extend([0; 2]);
        out.extend(length.ok_or(DicomWriteError::TooLarge)?.to_le_bytes());
    } else {
        let length = u16::try_from(length).map_err(|_| DicomWriteError::TooLarge)?;
        out.extend(length.to_le_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Attribute = Attribute {
        tag: 0x0010_0020,
        vr: Vr::Lo,
    };
    const EARLIER: Attribute = Attribute {
        tag: 0x0008_1140,
        vr: Vr::Sq,
    };
    const UID: Attribute = Attribute {
        tag: 0x0008_0018,
        vr: Vr::Ui,
    };

    #[test]
    fn elements_come_in_order_and_even() {
        let inner = Elements::new().text(UID, "1.2.3");
        let set = Elements::new().text(LATER, "abc").item(EARLIER, inner);
        let mut out = Vec::new();
        set.encode(Characters::Unicode, &mut out).unwrap();
        let expected: &[&[u8]] = &[
            b"\x08\x00\x40\x11SQ\0\0\x16\0\0\0",
            b"\xfe\xff\x00\xe0\x0e\0\0\0",
            b"\x08\x00\x18\x00UI\x06\x001.2.3\0",
            b"\x10\x00\x20\x00LO\x04\x00abc ",
        ];
        assert_eq!(out, expected.concat());
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        let text = "x".repeat(70_000);
        let long = Attribute {
            vr: Vr::Sh,
            ..LATER
        };
        let mut out = Vec::new();
        let set = Elements::new().bytes(long, text.into_bytes());
        assert!(matches!(
            set.encode(Characters::Ascii, &mut out),
            Err(DicomWriteError::TooLarge)
        ));
        let pixels = Attribute {
            tag: 0x7fe0_0010,
            vr: Vr::Ob,
        };
        for (length, good) in [
            (1 << 32, false),
            (u64::from(u32::MAX), false),
            (u64::from(u32::MAX) - 1, true),
        ] {
            assert_eq!(
                put_header(pixels, length, &mut out).is_ok(),
                good,
                "{length}"
            );
        }
    }
}
