//! Where each frame's bytes are (PS3.5, 8.2 and A.4).

use std::ops::Range;

use crate::data::{ByteInput, DataSet, PixelPlace, Tag};
use crate::error::DicomError;
use crate::layout::SampleLayout;
use crate::syntax::Coding;

/// Most fragments of a file: an hour of video in one each.
const MOST_FRAGMENTS: usize = 1 << 18;

pub(crate) enum FramePlaces {
    /// One after the other from here on, all of one length.
    Native { start: u64, bytes: u64 },
    /// Fragments, and with which of them each frame begins.
    Fragments {
        fragments: Vec<(u64, u32)>,
        first: Vec<u32>,
    },
}

impl FramePlaces {
    pub fn of(
        set: &DataSet,
        layout: &SampleLayout,
        coding: Coding,
        place: PixelPlace,
        input: &mut ByteInput,
    ) -> Result<Self, DicomError> {
        match (coding, place.length) {
            (Coding::Native, Some(length)) => native(layout, place.start, length),
            (Coding::Native, None) => Err(DicomError::Damaged(
                "its pixels are in fragments, but its transfer syntax has none",
            )),
            (_, Some(_)) => Err(DicomError::Damaged(
                "its pixels are not in fragments, as its transfer syntax has them",
            )),
            (_, None) => {
                input.go_to(place.start)?;
                encapsulated(set, layout.frames, input)
            }
        }
    }

    /// Of all so many frames.
    pub fn bytes(&self, frames: u32) -> u64 {
        match self {
            Self::Native { bytes, .. } => u64::from(frames).saturating_mul(*bytes),
            Self::Fragments { fragments, .. } => {
                fragments.iter().map(|(_, length)| u64::from(*length)).sum()
            }
        }
    }

    /// The pieces of a frame, and their length together.
    pub fn frame(&self, frame: u32) -> (Vec<(u64, u32)>, u64) {
        match self {
            Self::Native { start, bytes } => (
                vec![(start + u64::from(frame) * bytes, *bytes as u32)],
                *bytes,
            ),
            Self::Fragments { fragments, first } => {
                let at = |frame: usize| first.get(frame).map_or(fragments.len(), |at| *at as usize);
                let own: Range<usize> = at(frame as usize)..at(frame as usize + 1);
                let pieces = fragments.get(own).unwrap_or_default().to_vec();
                let bytes = pieces.iter().map(|(_, length)| u64::from(*length)).sum();
                (pieces, bytes)
            }
        }
    }
}

fn native(layout: &SampleLayout, start: u64, length: u64) -> Result<FramePlaces, DicomError> {
    let bytes = layout.native();
    let all = bytes.checked_mul(layout.frames.into());
    if bytes > u64::from(u32::MAX) || all.is_none_or(|all| all > length) {
        return Err(DicomError::Truncated(
            "its pixels: there are fewer than its header says",
        ));
    }
    Ok(FramePlaces::Native { start, bytes })
}

fn encapsulated(
    set: &DataSet,
    frames: u32,
    input: &mut ByteInput,
) -> Result<FramePlaces, DicomError> {
    let table = item(input)?.ok_or(DicomError::Damaged("it has no table of its frames"))?;
    let mut offsets = Vec::new();
    if u64::from(table.1) > 4 * MOST_FRAGMENTS as u64 {
        return Err(too_many());
    }
    input.read(table.1.into(), &mut offsets)?;
    let origin = input.at();
    let mut fragments = Vec::new();
    while let Some(fragment) = item(input)? {
        if fragments.len() == MOST_FRAGMENTS {
            return Err(too_many());
        }
        fragments.push(fragment);
        input.skip(fragment.1.into())?;
    }
    let frames = frames as usize;
    let first = if frames == 1 {
        vec![0]
    } else if frames == fragments.len() {
        // Each has one at least: there is no other way, whatever a table says.
        (0..frames as u32).collect()
    } else if frames > fragments.len() {
        return Err(DicomError::Truncated(
            "its frames: there are fewer than its header says",
        ));
    } else {
        let long = set.bytes(Tag::EXTENDED_OFFSETS);
        let offsets: Vec<u64> = match long {
            Some(long) => (long.as_chunks().0.iter())
                .map(|b| u64::from_le_bytes(*b))
                .collect(),
            None => (offsets.as_chunks().0.iter())
                .map(|b| u32::from_le_bytes(*b).into())
                .collect(),
        };
        begins(&offsets, frames, origin, &fragments)?
    };
    if fragments.is_empty() {
        return Err(DicomError::Truncated("its pixels: it has none"));
    }
    Ok(FramePlaces::Fragments { fragments, first })
}

/// Which fragment each frame begins with, by offsets of the fragments' items from the first one.
fn begins(
    offsets: &[u64],
    frames: usize,
    origin: u64,
    fragments: &[(u64, u32)],
) -> Result<Vec<u32>, DicomError> {
    let wrong = DicomError::Damaged("it does not say which of its fragments make up which frame");
    if offsets.len() != frames || offsets.first() != Some(&0) {
        return Err(wrong);
    }
    let mut first: Vec<u32> = Vec::with_capacity(frames);
    for offset in offsets {
        // Past the item's tag and length.
        let start = origin.checked_add(*offset).and_then(|at| at.checked_add(8));
        let found = start.and_then(|start| {
            let found = fragments.binary_search_by_key(&start, |(at, _)| *at);
            u32::try_from(found.ok()?).ok()
        });
        match found {
            Some(found) if first.last().is_none_or(|last| found > *last) => first.push(found),
            _ => return Err(wrong),
        }
    }
    Ok(first)
}

/// The next item's place and length; `None` at the end of the sequence. Always little-endian.
fn item(input: &mut ByteInput) -> Result<Option<(u64, u32)>, DicomError> {
    let [a, b, c, d, length @ ..]: [u8; 8] = input.array()?;
    let tag = u32::from(u16::from_le_bytes([a, b])) << 16 | u32::from(u16::from_le_bytes([c, d]));
    let length = u32::from_le_bytes(length);
    match Tag(tag) {
        Tag::SEQUENCE_END => Ok(None),
        Tag::ITEM if u64::from(length) <= input.length() - input.at() => {
            Ok(Some((input.at(), length)))
        }
        Tag::ITEM => Err(DicomError::Truncated("a fragment of its pixels")),
        _ => Err(DicomError::Damaged(
            "among its fragments is something that is none",
        )),
    }
}

fn too_many() -> DicomError {
    DicomError::TooComplex {
        what: "fragments",
        limit: MOST_FRAGMENTS as u64,
    }
}
