//! Elements and sequences (PS3.5, 7): what is wanted of them is kept, the rest is stepped over.
//!
//! A length is believed only as far as the part that it stands in goes; depth and number of elements are bounded. So a file
//! costs no more memory than the values that are kept of it, whatever it claims.

use super::input::ByteInput;
use super::set::{DataSet, Kept};
use super::tag::{Content, Tag};
use crate::error::DicomError;
use crate::syntax::Writing;

/// Most sequences within each other. Enhanced objects have three or four.
const DEEPEST: usize = 32;
/// Most elements of a file.
const MOST_ELEMENTS: u64 = 1 << 20;
/// Most bytes of values that are kept of a picture, with what keeping one costs.
const MOST_KEPT: u64 = 16 << 20;
const COST: u64 = 64;
/// A length that is not said: what is so long ends with a delimiter.
const UNDEFINED: u32 = u32::MAX;

/// Where pixel data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PixelPlace {
    pub start: u64,
    /// `None`: fragments (PS3.5, A.4).
    pub length: Option<u64>,
    /// Whether it is written in 16-bit words.
    pub words: bool,
}

/// What is kept of a data set.
#[derive(Clone, Copy)]
pub(crate) struct ElementWish {
    /// What of an element, if anything.
    pub of: fn(Tag) -> Option<Content>,
    /// Bytes of values at most, with what keeping them costs.
    pub most: u64,
}

pub(crate) struct DataWalk<'a> {
    input: &'a mut ByteInput,
    wish: ElementWish,
    elements: u64,
    kept: u64,
    pub pixels: Option<PixelPlace>,
}

/// Where a data set is: how it is written, where it ends, how deep it lies.
#[derive(Clone, Copy)]
struct SetPart {
    writing: Writing,
    end: u64,
    /// Whether an end of item closes it.
    delimited: bool,
    depth: usize,
    /// Whether anything in it may be kept.
    keep: bool,
}

struct ElementHeader {
    tag: Tag,
    vr: [u8; 2],
    /// `None`: undefined.
    length: Option<u64>,
}

impl<'a> DataWalk<'a> {
    /// Of what a picture needs.
    pub fn new(input: &'a mut ByteInput) -> Self {
        Self::wishing(
            input,
            ElementWish {
                of: Tag::wanted,
                most: MOST_KEPT,
            },
        )
    }

    pub fn wishing(input: &'a mut ByteInput, wish: ElementWish) -> Self {
        Self {
            input,
            wish,
            elements: 0,
            kept: 0,
            pixels: None,
        }
    }

    /// The file meta information (PS3.10, 7.1): group 0002, explicit and little-endian whatever follows.
    pub fn meta(&mut self) -> Result<DataSet, DicomError> {
        let writing = Writing {
            explicit: true,
            big_endian: false,
            deflated: false,
        };
        let part = self.whole(writing);
        let mut set = DataSet::new(false);
        while self.input.at() < part.end {
            let before = self.input.at();
            let tag = self.tag(writing)?;
            if tag.group() != 2 {
                self.input.go_to(before)?;
                break;
            }
            let header = self.header(tag, part)?;
            self.element(&header, part, &mut set)?;
        }
        Ok(set)
    }

    /// The data set, up to its pixels.
    pub fn data_set(&mut self, writing: Writing) -> Result<DataSet, DicomError> {
        self.part(self.whole(writing))
    }

    fn whole(&self, writing: Writing) -> SetPart {
        SetPart {
            writing,
            end: self.input.length(),
            delimited: false,
            depth: 0,
            keep: true,
        }
    }

    fn part(&mut self, part: SetPart) -> Result<DataSet, DicomError> {
        let mut set = DataSet::new(part.writing.big_endian);
        while self.input.at() < part.end {
            let tag = self.tag(part.writing)?;
            if tag == Tag::ITEM_END && part.delimited {
                self.long(part.writing)?;
                return Ok(set);
            }
            if tag.group() == Tag::ITEM.group() {
                return Err(DicomError::Damaged(
                    "a sequence's marker stands outside of one",
                ));
            }
            let header = self.header(tag, part)?;
            if tag == Tag::PIXEL_DATA && part.depth == 0 {
                self.pixels = Some(PixelPlace {
                    start: self.input.at(),
                    length: header.length,
                    words: header.vr == *b"OW" || !part.writing.explicit,
                });
                return Ok(set);
            }
            self.element(&header, part, &mut set)?;
        }
        match part.delimited {
            true => Err(DicomError::Truncated("a sequence")),
            false => Ok(set),
        }
    }

    fn element(
        &mut self,
        header: &ElementHeader,
        part: SetPart,
        set: &mut DataSet,
    ) -> Result<(), DicomError> {
        let tag = header.tag;
        let wanted = (self.wish.of)(tag).filter(|_| part.keep);
        match (header.length, wanted) {
            (Some(length), Some(Content::Plain)) => {
                self.keep(length)?;
                let mut bytes = Vec::new();
                self.input.read(length, &mut bytes)?;
                set.add(tag, Kept::Plain(bytes))
            }
            (Some(length), Some(Content::Sequence)) => {
                let end = self.input.at() + length;
                let items = self.items(SetPart { end, ..part }, false, header)?;
                set.add(tag, Kept::Items(items))
            }
            (Some(length), None) => self.input.skip(length),
            (None, wanted) => {
                if matches!(&header.vr, b"OB" | b"OW") && part.writing.explicit {
                    return self.fragments(part);
                }
                let keep = wanted == Some(Content::Sequence);
                let items = self.items(SetPart { keep, ..part }, true, header)?;
                match keep {
                    true => set.add(tag, Kept::Items(items)),
                    false => Ok(()),
                }
            }
        }
    }

    fn items(
        &mut self,
        part: SetPart,
        delimited: bool,
        header: &ElementHeader,
    ) -> Result<Vec<DataSet>, DicomError> {
        let depth = part.depth + 1;
        if depth > DEEPEST {
            return Err(DicomError::TooComplex {
                what: "sequences within sequences",
                limit: DEEPEST as u64,
            });
        }
        // One of unknown kind is written implicitly, whatever lies around it (PS3.5, 6.2.2).
        let writing = match &header.vr {
            b"UN" => Writing {
                explicit: false,
                big_endian: false,
                ..part.writing
            },
            _ => part.writing,
        };
        let mut items = Vec::new();
        while self.input.at() < part.end {
            let (tag, length) = (self.tag(writing)?, self.long(writing)?);
            match tag {
                Tag::ITEM => {}
                Tag::SEQUENCE_END if delimited => return Ok(items),
                _ => {
                    return Err(DicomError::Damaged(
                        "a sequence holds something that is no item",
                    ));
                }
            }
            self.count()?;
            let end = match length {
                UNDEFINED => part.end,
                length => self.input.at() + u64::from(length),
            };
            if end > part.end {
                return Err(DicomError::Truncated("a sequence"));
            }
            let item = self.part(SetPart {
                writing,
                end,
                delimited: length == UNDEFINED,
                depth,
                keep: part.keep,
            })?;
            if part.keep {
                self.keep(0)?;
                items.push(item);
            }
        }
        match delimited {
            true => Err(DicomError::Truncated("a sequence")),
            false => Ok(items),
        }
    }

    /// Steps over the fragments of a picture within the data set, an icon's.
    fn fragments(&mut self, part: SetPart) -> Result<(), DicomError> {
        loop {
            let (tag, length) = (self.tag(part.writing)?, self.long(part.writing)?);
            self.count()?;
            match tag {
                Tag::SEQUENCE_END => return Ok(()),
                Tag::ITEM if u64::from(length) <= part.end.saturating_sub(self.input.at()) => {
                    self.input.skip(length.into())?;
                }
                _ => return Err(DicomError::Truncated("a picture's fragments")),
            }
        }
    }

    fn tag(&mut self, writing: Writing) -> Result<Tag, DicomError> {
        let bytes: [u8; 4] = self.input.array()?;
        let [a, b, c, d] = bytes;
        let [group, number] = match writing.big_endian {
            true => [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])],
            false => [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])],
        };
        Ok(Tag(u32::from(group) << 16 | u32::from(number)))
    }

    fn long(&mut self, writing: Writing) -> Result<u32, DicomError> {
        let bytes = self.input.array()?;
        Ok(match writing.big_endian {
            true => u32::from_be_bytes(bytes),
            false => u32::from_le_bytes(bytes),
        })
    }

    /// What follows the tag (PS3.5, 7.1).
    fn header(&mut self, tag: Tag, part: SetPart) -> Result<ElementHeader, DicomError> {
        self.count()?;
        let writing = part.writing;
        let (vr, length) = match writing.explicit {
            false => (*b"  ", self.long(writing)?),
            true => {
                let [a, b, c, d] = self.input.array()?;
                let vr = [a, b];
                if !vr.iter().all(u8::is_ascii_uppercase) {
                    return Err(DicomError::Damaged("an element has no type"));
                }
                let length = match &vr {
                    b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC"
                    | b"UN" | b"UR" | b"UT" | b"UV" => self.long(writing)?,
                    _ if writing.big_endian => u16::from_be_bytes([c, d]).into(),
                    _ => u16::from_le_bytes([c, d]).into(),
                };
                (vr, length)
            }
        };
        let known = (length != UNDEFINED).then_some(u64::from(length));
        let left = part.end.saturating_sub(self.input.at());
        if known.is_some_and(|length| length > left) {
            return Err(DicomError::Truncated(
                "an element, which claims to be longer than what is left",
            ));
        }
        let long_kind = matches!(&vr, b"SQ" | b"UN" | b"OB" | b"OW" | b"  ");
        if known.is_none() && !long_kind {
            return Err(DicomError::Damaged(
                "an element that must say its length does not",
            ));
        }
        Ok(ElementHeader {
            tag,
            vr,
            length: known,
        })
    }

    fn count(&mut self) -> Result<(), DicomError> {
        self.elements += 1;
        match self.elements <= MOST_ELEMENTS {
            true => Ok(()),
            false => Err(DicomError::TooComplex {
                what: "elements",
                limit: MOST_ELEMENTS,
            }),
        }
    }

    fn keep(&mut self, bytes: u64) -> Result<(), DicomError> {
        self.kept += bytes + COST;
        match self.kept <= self.wish.most {
            true => Ok(()),
            false => Err(DicomError::TooComplex {
                what: "bytes beside its pixels",
                limit: self.wish.most,
            }),
        }
    }
}
