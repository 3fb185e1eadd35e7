//! Palettes (PS3.3, C.7.6.3.1.5, C.7.6.3.1.6, C.7.9): three tables, plain or in segments.

use super::table::TableShape;
use crate::data::{DataSet, Tag};
use crate::error::DicomError;
use crate::layout::SampleLayout;

const SHORT: DicomError = DicomError::Damaged("its palette has fewer colours than it says");
const SEGMENTS: DicomError =
    DicomError::Damaged("the segments of its palette contradict themselves");

/// Red, green and blue: what says how long each table is, the table, the table in segments.
const TABLES: [[Tag; 3]; 3] = [
    [Tag::RED_DESCRIPTOR, Tag::RED_TABLE, Tag::RED_SEGMENTS],
    [Tag::GREEN_DESCRIPTOR, Tag::GREEN_TABLE, Tag::GREEN_SEGMENTS],
    [Tag::BLUE_DESCRIPTOR, Tag::BLUE_TABLE, Tag::BLUE_SEGMENTS],
];

/// The colour of each stored value.
pub(super) fn table(set: &DataSet, layout: &SampleLayout) -> Result<Vec<[u8; 3]>, DicomError> {
    // The three are the same by the standard; a green or blue one that is not would be another picture.
    let shapes = TABLES.map(|[shape, ..]| TableShape::of(set, shape, layout.signed));
    let [shape, green, blue] = shapes;
    let shape = shape?;
    if green? != shape || blue? != shape {
        return Err(DicomError::Damaged(
            "its palette's tables are of different lengths",
        ));
    }
    let [red, green, blue] = TABLES.map(|tags| entries(set, tags, shape));
    let (red, green, blue) = (red?, green?, blue?);
    // Those of 16 bits that all are below 256 have 8 bits, as some machines write them.
    let wide = [&red, &green, &blue]
        .into_iter()
        .any(|table| table.iter().any(|v| *v > 255));
    let byte = |v: u16| if wide { (v >> 8) as u8 } else { v as u8 };
    let colour = |index| {
        let at = shape.place(layout.value(index));
        [red[at], green[at], blue[at]].map(byte)
    };
    Ok((0..1_u32 << layout.stored).map(colour).collect())
}

/// One table, as long as it says.
fn entries(
    set: &DataSet,
    [_, plain, segments]: [Tag; 3],
    shape: TableShape,
) -> Result<Vec<u16>, DicomError> {
    let bytes_each = match shape.bits {
        8 => 1,
        16 => 2,
        _ => {
            return Err(DicomError::Damaged(
                "its palette's colours have neither 8 nor 16 bits",
            ));
        }
    };
    let found = match (set.bytes(plain), set.bytes(segments)) {
        // Colours of 8 bits may still be written in 16 each.
        (Some(bytes), _) if bytes.len() >= 2 * shape.entries => set.to_words(bytes),
        (Some(bytes), _) if bytes_each == 1 => bytes.iter().map(|v| u16::from(*v)).collect(),
        (Some(_), _) => return Err(SHORT),
        (None, Some(bytes)) => {
            let words = match bytes_each {
                1 => bytes.iter().map(|v| u16::from(*v)).collect(),
                _ => set.to_words(bytes),
            };
            let mut table = Vec::with_capacity(shape.entries);
            expand(&words, bytes_each == 1, &mut table, shape.entries)?;
            table
        }
        (None, None) => return Err(DicomError::Damaged("it has no palette")),
    };
    match found.len() >= shape.entries {
        true => Ok(found),
        false => Err(SHORT),
    }
}

/// PS3.3, C.7.9.2: runs of entries, straight lines between them, and repetitions of segments that came before.
fn expand(
    words: &[u16],
    bytes: bool,
    table: &mut Vec<u16>,
    entries: usize,
) -> Result<(), DicomError> {
    let mut at = 0;
    // One word more may be there to make the length even.
    while at + 1 < words.len() && table.len() < entries {
        at = match words.get(at) {
            Some(2) => {
                let (count, from, next) = repetition(words, at, bytes)?;
                // What is repeated lies before: it cannot hold this one, and repeats nothing itself.
                let mut from = from;
                for _ in 0..count {
                    if from >= at || words.get(from) == Some(&2) {
                        return Err(SEGMENTS);
                    }
                    from = segment(words, from, table, entries)?;
                    if table.len() >= entries {
                        break;
                    }
                }
                next
            }
            _ => segment(words, at, table, entries)?,
        };
    }
    Ok(())
}

/// How many segments are repeated, where they begin, and where what follows does.
fn repetition(words: &[u16], at: usize, bytes: bool) -> Result<(u16, usize, usize), DicomError> {
    let word = |offset: usize| words.get(at + offset).copied().ok_or(SEGMENTS);
    let count = word(1)?;
    let (from, length) = match bytes {
        true => {
            let bytes = [word(2)?, word(3)?, word(4)?, word(5)?];
            let place = bytes
                .iter()
                .rev()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (place, 6)
        }
        // In bytes.
        false => ((usize::from(word(3)?) << 16 | usize::from(word(2)?)) / 2, 4),
    };
    Ok((count, from, at + length))
}

/// Appends one segment; where the next begins.
fn segment(
    words: &[u16],
    at: usize,
    table: &mut Vec<u16>,
    entries: usize,
) -> Result<usize, DicomError> {
    let head = words.get(at..at + 2).ok_or(SEGMENTS)?;
    let length = usize::from(head[1]);
    // Whatever goes beyond the table's length means nothing.
    let room = entries - table.len();
    match head[0] {
        0 => {
            let run = words.get(at + 2..at + 2 + length).ok_or(SEGMENTS)?;
            table.extend(run.iter().take(room));
            Ok(at + 2 + length)
        }
        1 => {
            let end = f64::from(*words.get(at + 2).ok_or(SEGMENTS)?);
            let start = f64::from(*table.last().ok_or(SEGMENTS)?);
            let step = (end - start) / length as f64;
            let line = (1..=length).map(|i| match i == length {
                true => end,
                // Ties to even, as others round.
                false => (start + step * i as f64).round_ties_even(),
            });
            table.extend(line.take(room).map(|v| v as u16));
            Ok(at + 3)
        }
        _ => Err(SEGMENTS),
    }
}
