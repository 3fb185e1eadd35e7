//! Image file directories and their tags (TIFF 6.0, section 2; BigTIFF).

use crate::frame::error::{FrameError, damaged};
use crate::frame::stop::Stop;

/// Most directories of a file. Beyond it a chain is taken for one without end.
const MAX_PAGES: usize = 16_384;
/// Most tags of a directory; programs write some thirty. Directories may overlap, so that a small file could name many.
const MAX_TAGS: u64 = 1024;
/// NewSubfileType: a smaller version of another page, or its mask, is no page of its own.
const NEW_SUBFILE_TYPE: u16 = 254;
const NOT_A_PAGE: u64 = 0b101;

/// How numbers of a file are written.
#[derive(Clone, Copy, Debug)]
struct Dialect {
    big_endian: bool,
    /// BigTIFF: offsets and counts of 64 bits.
    big: bool,
}

impl Dialect {
    /// An unsigned number of 1, 2, 4 or 8 bytes.
    fn number(self, bytes: &[u8]) -> u64 {
        let put = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        match self.big_endian {
            true => bytes.iter().fold(0, put),
            false => bytes.iter().rev().fold(0, put),
        }
    }

    fn number_at(self, bytes: &[u8], at: u64, length: usize) -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        let slice = bytes.get(at..at.checked_add(length)?)?;
        Some(self.number(slice))
    }

    /// Bytes of an offset.
    fn offset(self) -> usize {
        if self.big { 8 } else { 4 }
    }
}

/// One directory: tags in any order.
#[derive(Clone, Copy)]
pub(super) struct Directory<'a> {
    bytes: &'a [u8],
    dialect: Dialect,
    entries: &'a [u8],
}

/// A tag's numbers, read from the file as they are asked for.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    dialect: Dialect,
    /// Bytes of a number.
    each: usize,
    bytes: &'a [u8],
}

impl<'a> Directory<'a> {
    pub fn big_endian(&self) -> bool {
        self.dialect.big_endian
    }

    /// The file that it is part of.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The unsigned numbers (BYTE, SHORT, LONG, IFD, LONG8) or bytes (UNDEFINED) of a tag; `None` without it.
    ///
    /// # Errors
    /// Values that lie outside the file, or are no such numbers.
    pub fn find(&self, tag: u16) -> Result<Option<Values<'a>>, FrameError> {
        let (dialect, inline) = (self.dialect, self.dialect.offset());
        let entry = self
            .entries
            .chunks_exact(4 + 2 * inline)
            .find(|entry| dialect.number(&entry[..2]) == u64::from(tag));
        let Some(entry) = entry else { return Ok(None) };
        let each = match dialect.number(&entry[2..4]) {
            1 | 7 => 1,
            3 => 2,
            4 | 13 => 4,
            16 | 18 => 8,
            _ => return Err(damaged("a tag of the TIFF is of the wrong type")),
        };
        let outside = || damaged("a tag of the TIFF points outside the file");
        let (count, value) = entry[4..].split_at(inline);
        let length = usize::try_from(dialect.number(count)).ok();
        let length = length
            .and_then(|n| n.checked_mul(each))
            .ok_or_else(outside)?;
        let bytes = match value.get(..length) {
            Some(bytes) => bytes,
            None => {
                let start = usize::try_from(dialect.number(value)).map_err(|_| outside())?;
                let end = start.checked_add(length).ok_or_else(outside)?;
                self.bytes.get(start..end).ok_or_else(outside)?
            }
        };
        Ok(Some(Values {
            dialect,
            each,
            bytes,
        }))
    }

    /// A tag's first number, or what is meant without the tag.
    pub fn number(&self, tag: u16, default: u64) -> Result<u64, FrameError> {
        let values = self.find(tag)?;
        Ok(values.and_then(|values| values.get(0)).unwrap_or(default))
    }

    /// The one number that a tag gives for each sample, or what is meant without the tag.
    ///
    /// # Errors
    /// Numbers that differ.
    pub fn common(&self, tag: u16, default: u64) -> Result<u64, FrameError> {
        let first = self.number(tag, default)?;
        let differs = |values: Values<'_>| values.iter().any(|value| value != first);
        match self.find(tag)?.is_some_and(differs) {
            true => Err(damaged("the TIFF's samples are of different kinds")),
            false => Ok(first),
        }
    }

    fn is_page(&self) -> Result<bool, FrameError> {
        Ok(self.number(NEW_SUBFILE_TYPE, 0)? & NOT_A_PAGE == 0)
    }
}

impl<'a> Values<'a> {
    pub fn len(&self) -> usize {
        self.bytes.len() / self.each
    }

    pub fn get(&self, index: usize) -> Option<u64> {
        let start = index.checked_mul(self.each)?;
        let number = self.bytes.get(start..start.checked_add(self.each)?)?;
        Some(self.dialect.number(number))
    }

    pub fn iter(&self) -> impl Iterator<Item = u64> + 'a {
        let dialect = self.dialect;
        let numbers = self.bytes.chunks_exact(self.each);
        numbers.map(move |number| dialect.number(number))
    }

    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// The pages of a file, in order; smaller versions and masks of a page left out. At least one.
///
/// # Errors
/// A chain of directories that leaves the file or does not end, [`FrameError::Stopped`].
pub(super) fn pages<'a>(bytes: &'a [u8], stop: &Stop) -> Result<Vec<Directory<'a>>, FrameError> {
    let early = || damaged("the TIFF ends early");
    let big_endian = bytes.first() == Some(&b'M');
    let mut dialect = Dialect {
        big_endian,
        big: false,
    };
    dialect.big = dialect.number_at(bytes, 2, 2) == Some(43);
    let (first, count_length) = if dialect.big { (8, 8) } else { (4, 2) };
    let mut next = dialect
        .number_at(bytes, first, dialect.offset())
        .ok_or_else(early)?;
    let mut all = Vec::new();
    let mut seen = 0;
    while next != 0 {
        stop.check()?;
        seen += 1;
        if seen > MAX_PAGES {
            return Err(damaged("the TIFF's chain of pages has no end"));
        }
        let count = dialect
            .number_at(bytes, next, count_length)
            .ok_or_else(early)?;
        if count > MAX_TAGS {
            return Err(damaged(
                "a page of the TIFF has more tags than any program writes",
            ));
        }
        let start = usize::try_from(next)
            .ok()
            .and_then(|at| at.checked_add(count_length));
        let length = usize::try_from(count).ok();
        let length = length.and_then(|n| n.checked_mul(4 + 2 * dialect.offset()));
        let end = start
            .zip(length)
            .and_then(|(start, length)| start.checked_add(length));
        let (start, end) = start.zip(end).ok_or_else(early)?;
        let entries = bytes.get(start..end).ok_or_else(early)?;
        let directory = Directory {
            bytes,
            dialect,
            entries,
        };
        if directory.is_page()? {
            all.push(directory);
        }
        next = dialect
            .number_at(bytes, end as u64, dialect.offset())
            .ok_or_else(early)?;
    }
    match all.is_empty() {
        true => Err(damaged("the TIFF holds no page")),
        false => Ok(all),
    }
}
