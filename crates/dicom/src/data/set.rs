//! What was read of a data set.

use super::tag::Tag;
use crate::error::DicomError;

/// Elements of one data set, or of one item of a sequence.
#[derive(Default)]
pub(crate) struct DataSet {
    pub big_endian: bool,
    elements: Vec<(Tag, Kept)>,
}

pub(crate) enum Kept {
    Plain(Vec<u8>),
    Items(Vec<DataSet>),
}

impl DataSet {
    pub fn new(big_endian: bool) -> Self {
        Self {
            big_endian,
            elements: Vec::new(),
        }
    }

    /// Takes an element in. There is one of each, so that there are never more than tags that are read.
    pub fn add(&mut self, tag: Tag, value: Kept) -> Result<(), DicomError> {
        if self.find(tag).is_some() {
            return Err(DicomError::Damaged("it says the same thing twice"));
        }
        self.elements.push((tag, value));
        Ok(())
    }

    fn find(&self, tag: Tag) -> Option<&Kept> {
        let found = self.elements.iter().find(|(own, _)| *own == tag);
        found.map(|(_, value)| value)
    }

    /// A value's bytes; an empty one is none.
    pub fn bytes(&self, tag: Tag) -> Option<&[u8]> {
        match self.find(tag) {
            Some(Kept::Plain(bytes)) if !bytes.is_empty() => Some(bytes),
            _ => None,
        }
    }

    /// A sequence's items.
    pub fn items(&self, tag: Tag) -> &[Self] {
        match self.find(tag) {
            Some(Kept::Items(items)) => items,
            _ => &[],
        }
    }

    /// Overlays (PS3.3, C.9.2) that it has.
    pub fn overlays(&self) -> usize {
        let overlay = |tag: Tag| tag.0 & 0xff01_ffff == Tag::OVERLAY_ROWS.0;
        self.elements
            .iter()
            .filter(|(tag, _)| overlay(*tag))
            .count()
    }

    /// The values of a text, without what it is padded with.
    pub fn texts(&self, tag: Tag) -> impl Iterator<Item = &str> {
        let text = self
            .bytes(tag)
            .map(|bytes| str::from_utf8(bytes).unwrap_or_default());
        let values = text.into_iter().flat_map(|text| text.split('\\'));
        values.map(|value| value.trim_matches(|c: char| c == '\0' || c.is_whitespace()))
    }

    /// The first value of a text.
    pub fn text(&self, tag: Tag) -> Option<&str> {
        self.texts(tag).next().filter(|text| !text.is_empty())
    }

    /// The values of a decimal or integer string (DS, IS), as many as are numbers; none if one is not finite.
    pub fn numbers(&self, tag: Tag) -> Vec<f64> {
        let numbers: Option<Vec<f64>> = (self.texts(tag))
            .map(|text| text.parse().ok().filter(|v: &f64| v.is_finite()))
            .collect();
        numbers.unwrap_or_default()
    }

    /// The first of [`DataSet::numbers`].
    pub fn number(&self, tag: Tag) -> Option<f64> {
        self.numbers(tag).first().copied()
    }

    /// 16-bit values (US, SS, OW).
    pub fn words(&self, tag: Tag) -> Vec<u16> {
        self.bytes(tag)
            .map_or_else(Vec::new, |bytes| self.to_words(bytes))
    }

    pub fn to_words(&self, bytes: &[u8]) -> Vec<u16> {
        let word = match self.big_endian {
            true => u16::from_be_bytes,
            false => u16::from_le_bytes,
        };
        bytes.as_chunks().0.iter().map(|pair| word(*pair)).collect()
    }

    /// The first 16-bit value.
    pub fn word(&self, tag: Tag) -> Option<u16> {
        let bytes = self.bytes(tag)?.first_chunk()?;
        Some(match self.big_endian {
            true => u16::from_be_bytes(*bytes),
            false => u16::from_le_bytes(*bytes),
        })
    }

    /// A 32-bit value (UL, SL).
    pub fn long(&self, tag: Tag) -> Option<u32> {
        let bytes = self.bytes(tag)?.first_chunk()?;
        Some(match self.big_endian {
            true => u32::from_be_bytes(*bytes),
            false => u32::from_le_bytes(*bytes),
        })
    }

    /// A 64-bit real number (FD).
    pub fn double(&self, tag: Tag) -> Option<f64> {
        let bytes = self.bytes(tag)?.first_chunk()?;
        Some(match self.big_endian {
            true => f64::from_be_bytes(*bytes),
            false => f64::from_le_bytes(*bytes),
        })
    }
}
