//! Tables of values (PS3.3, C.7.6.3.1.5, C.11.1.1.1, C.11.2.1.1): how many entries, the value of the first, bits of each.

use crate::data::{DataSet, Tag};
use crate::error::DicomError;

/// What a table's descriptor says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TableShape {
    pub entries: usize,
    pub first: i32,
    pub bits: u32,
}

impl TableShape {
    pub fn of(set: &DataSet, tag: Tag, signed: bool) -> Result<Self, DicomError> {
        let [entries, first, bits] = set.words(tag)[..] else {
            return Err(DicomError::Damaged("a table does not say how long it is"));
        };
        Ok(Self {
            // 65536 does not fit.
            entries: if entries == 0 {
                1 << 16
            } else {
                entries.into()
            },
            first: match signed {
                true => first.cast_signed().into(),
                false => first.into(),
            },
            bits: bits.into(),
        })
    }

    /// Where a value's entry is: the first for those below, the last for those above.
    pub fn place(self, value: i32) -> usize {
        let last = self.entries - 1;
        usize::try_from(value - self.first).unwrap_or(0).min(last)
    }
}

/// A table that grey values go through.
pub(super) struct GreyTable {
    shape: TableShape,
    entries: Vec<u16>,
}

impl GreyTable {
    /// Of a sequence's first item, if there is one.
    pub fn of(set: &DataSet, sequence: Tag, signed: bool) -> Result<Option<Self>, DicomError> {
        let Some(item) = set.items(sequence).first() else {
            return Ok(None);
        };
        let shape = TableShape::of(item, Tag::LUT_DESCRIPTOR, signed)?;
        let data = item.bytes(Tag::LUT_DATA).unwrap_or_default();
        let entries: Vec<u16> = match data.len() / 2 >= shape.entries {
            true => item.to_words(data),
            // A byte for each, where that is enough.
            false if shape.bits <= 8 => data.iter().map(|v| u16::from(*v)).collect(),
            false => Vec::new(),
        };
        if entries.len() < shape.entries || !(8..=16).contains(&shape.bits) {
            return Err(DicomError::Damaged(
                "a table of grey values is shorter than it says",
            ));
        }
        Ok(Some(Self { shape, entries }))
    }

    pub fn value(&self, value: i32) -> u16 {
        self.entries[self.shape.place(value)]
    }

    /// The greatest value that its bits can have.
    pub fn most(&self) -> f64 {
        f64::from((1_u32 << self.shape.bits) - 1)
    }
}
