//! The marker segments of a JPEG (ITU-T T.81, B), as far as its entropy-coded data depends on them.

use super::scan::{Bits, Huffman, Scan};
use super::tables::TYPICAL;
use super::truncated;
use crate::frame::error::{damaged, unsupported};
use crate::frame::{FrameError, FrameLimits, Stop};

/// Most scans of a picture. Encoders write about ten; each costs a walk over the picture.
const MAX_SCANS: usize = 100;
/// Most times that the scans together may go over each block.
const MAX_VISITS: usize = 32;
/// What [`Component::pending`] holds of a coefficient that no scan has brought.
const UNSEEN: u8 = u8::MAX;

/// One colour component of the frame header (T.81, B.2.2).
pub(super) struct Component {
    id: u8,
    /// Horizontal and vertical sampling factor, 1..=4.
    pub h: usize,
    pub v: usize,
    /// Blocks across and down that a scan of this component alone codes (T.81, A.2.2).
    pub blocks: (usize, usize),
    /// Blocks in a row of `nonzero`: padded to whole MCUs.
    pub stride: usize,
    /// Progressive only: bit k of a block is set once coefficient k is known to be non-zero.
    pub nonzero: Vec<u64>,
    /// For each coefficient: low bits that are still to come; [`UNSEEN`] before its first scan.
    pub pending: [u8; 64],
}

/// The frame header, and what later segments change.
#[derive(Default)]
pub(super) struct State {
    /// Width, height.
    pub size: (u32, u32),
    pub progressive: bool,
    pub components: Vec<Component>,
    /// MCUs across and down in a scan of several components.
    pub mcus: (usize, usize),
    pub dc: [Option<Huffman>; 4],
    pub ac: [Option<Huffman>; 4],
    /// MCUs between restart markers, 0 for none.
    pub restart: usize,
    /// Whether the file brought Huffman tables.
    tables: bool,
    scans: usize,
    /// Blocks that the scans went over.
    visits: usize,
}

/// What a whole JPEG is.
pub(super) struct Whole {
    /// Width, height.
    pub size: (u32, u32),
    /// Colour components, 1 or 3.
    pub components: usize,
    /// Whether it brings Huffman tables; else those of K.3 are meant.
    pub tables: bool,
    /// Whether it has its end marker.
    pub ends: bool,
}

/// The frame header's numbers that decide on memory.
pub(super) struct Header {
    /// Width, height.
    pub size: (u32, u32),
    /// Colour components, 1 or 3.
    pub components: usize,
    pub progressive: bool,
    /// Blocks of all components, padded to whole MCUs.
    pub blocks: usize,
}

impl Header {
    pub fn pixels(&self) -> u64 {
        u64::from(self.size.0) * u64::from(self.size.1)
    }
}

/// Reads on to the frame header.
///
/// # Errors
/// As [`check_whole`], of what stands before the first scan.
pub(super) fn header(bytes: &[u8], limits: &FrameLimits) -> Result<Header, FrameError> {
    let mut state = State::default();
    let mut at = 2;
    while state.components.is_empty() {
        let marker = next_marker(bytes, &mut at)?.ok_or_else(truncated)?;
        match marker {
            0x01 | 0xd0..=0xd7 => {}
            0xd9 | 0xda => return Err(damaged("the JPEG has no frame header")),
            _ => {
                let body = segment(bytes, &mut at)?;
                frame_header(&mut state, marker, body, limits)?;
            }
        }
    }
    Ok(Header {
        size: state.size,
        components: state.components.len(),
        progressive: state.progressive,
        blocks: state.blocks(),
    })
}

/// Walks the file to its end marker, or to its end where every bit of every coefficient came before. Memory used is at
/// most 8 bytes per block of 64 samples, and none before the size is checked. Before a scan is walked its cost is
/// known: 100 scans, and 32 visits of each block, are the most.
///
/// # Errors
/// [`FrameError::Corrupt`] if data is missing or there are too many scans, [`FrameError::TooLarge`] and
/// [`FrameError::TooSmall`] by the frame header, [`FrameError::Unsupported`] for codings that are not decoded: four
/// components (CMYK, YCCK), more than 8 bits, lossless, hierarchical, arithmetic; [`FrameError::Foreign`] for JPEG-LS;
/// [`FrameError::Stopped`].
pub(super) fn check_whole(
    bytes: &[u8],
    limits: &FrameLimits,
    stop: &Stop,
) -> Result<Whole, FrameError> {
    let mut state = State::default();
    let mut at = 2; // past SOI
    let mut ends = true;
    loop {
        let Some(marker) = next_marker(bytes, &mut at)? else {
            // The end marker alone is missing where nothing is left that it could close off.
            if !state.is_complete() {
                return Err(truncated());
            }
            ends = false;
            break;
        };
        match marker {
            0xd9 => break,
            0x01 | 0xd0..=0xd7 => continue, // TEM and stray restarts carry no length
            _ => {}
        }
        let body = segment(bytes, &mut at)?;
        match marker {
            0xc4 => huffman_tables(&mut state, body)?,
            0xdd => state.restart = usize::from(be_u16(body).ok_or_else(truncated)?),
            0xda => {
                let scan = start_of_scan(&mut state, body)?;
                let mut bits = Bits::new(bytes.get(at..).unwrap_or_default());
                scan.walk(&mut state, &mut bits, stop)?;
                at += bits.consumed();
            }
            _ => frame_header(&mut state, marker, body, limits)?,
        }
    }
    // A progressive picture without its last scans is whole, only coarser; without its first DC scan it is not.
    let coded = |component: &Component| component.pending[0] != UNSEEN;
    match !state.components.is_empty() && state.components.iter().all(coded) {
        true => Ok(Whole {
            size: state.size,
            components: state.components.len(),
            tables: state.tables,
            ends,
        }),
        false => Err(damaged("the JPEG lacks a colour component")),
    }
}

impl State {
    /// Whether every bit of every coefficient came.
    fn is_complete(&self) -> bool {
        let done = |component: &Component| component.pending.iter().all(|low| *low == 0);
        !self.components.is_empty() && self.components.iter().all(done)
    }

    /// Blocks of all components, padded to whole MCUs.
    fn blocks(&self) -> usize {
        let of_mcu: usize = self.components.iter().map(|c| c.h * c.v).sum();
        self.mcus.0 * self.mcus.1 * of_mcu
    }

    /// Counts blocks that a scan is about to go over.
    pub fn visit(&mut self, blocks: usize) -> Result<(), FrameError> {
        self.scans += 1;
        self.visits += blocks;
        match self.scans > MAX_SCANS || self.visits > MAX_VISITS * self.blocks() {
            true => Err(damaged("the JPEG has more scans than any encoder writes")),
            false => Ok(()),
        }
    }
}

/// Skips to the next marker and past it; `None` at the end of the file. Bytes between segments are tolerated, as every
/// decoder does.
fn next_marker(bytes: &[u8], at: &mut usize) -> Result<Option<u8>, FrameError> {
    loop {
        let rest = bytes.get(*at..).unwrap_or_default();
        let Some(skip) = rest.iter().position(|b| *b == 0xff) else {
            return Ok(None);
        };
        *at += skip + 1;
        match bytes.get(*at) {
            None => return Ok(None),
            Some(0x00 | 0xff) => {}
            Some(marker) => {
                *at += 1;
                return Ok(Some(*marker));
            }
        }
    }
}

/// Takes a frame header up; other segments that say nothing about the entropy-coded data are passed over.
fn frame_header(
    state: &mut State,
    marker: u8,
    body: &[u8],
    limits: &FrameLimits,
) -> Result<(), FrameError> {
    match marker {
        0xc0..=0xc2 => start_of_frame(state, body, limits, marker == 0xc2),
        0xc4 => Ok(()),
        0xc3 | 0xc5..=0xcf => Err(unsupported(
            "a lossless, hierarchical or arithmetic-coded JPEG",
        )),
        // ISO 14495-1, C.1.1: the same wrapping, another coding.
        0xf7 => Err(FrameError::Foreign {
            format: "a JPEG-LS picture",
            advice: "save the picture as PNG and send that",
        }),
        _ => Ok(()),
    }
}

/// The payload of a segment: two bytes of length, which count themselves.
fn segment<'a>(bytes: &'a [u8], at: &mut usize) -> Result<&'a [u8], FrameError> {
    let rest = bytes.get(*at..).unwrap_or_default();
    let len = usize::from(be_u16(rest).ok_or_else(truncated)?);
    let body = rest.get(2..len).ok_or_else(truncated)?;
    *at += len;
    Ok(body)
}

fn start_of_frame(
    state: &mut State,
    body: &[u8],
    limits: &FrameLimits,
    progressive: bool,
) -> Result<(), FrameError> {
    if !state.components.is_empty() {
        return Err(damaged("the JPEG has two frame headers"));
    }
    let [precision, h1, h0, w1, w0, count, components @ ..] = body else {
        return Err(truncated());
    };
    if *precision != 8 {
        return Err(unsupported(format!(
            "a JPEG of {precision} bits per sample; 8 are read"
        )));
    }
    if *count == 4 {
        return Err(unsupported("a CMYK or YCCK JPEG; convert it to RGB"));
    }
    if *count != 1 && *count != 3 {
        return Err(unsupported(format!("a JPEG of {count} colour components")));
    }
    let (width, height) = (
        u16::from_be_bytes([*w1, *w0]),
        u16::from_be_bytes([*h1, *h0]),
    );
    if height == 0 {
        return Err(unsupported("a JPEG that states its height after its data"));
    }
    state.size = (width.into(), height.into());
    limits.check(state.size)?;
    let components = components
        .as_chunks::<3>()
        .0
        .get(..usize::from(*count))
        .ok_or_else(truncated)?;
    let factors: Vec<_> = components
        .iter()
        .map(|[id, hv, _]| (*id, usize::from(hv >> 4), usize::from(hv & 15)))
        .collect();
    if factors
        .iter()
        .any(|(_, h, v)| !(1..=4).contains(h) || !(1..=4).contains(v))
    {
        return Err(damaged("the JPEG has an impossible sampling factor"));
    }
    let h_max = factors.iter().map(|f| f.1).max().unwrap_or(1);
    let v_max = factors.iter().map(|f| f.2).max().unwrap_or(1);
    let (width, height) = (usize::from(width), usize::from(height));

    state.progressive = progressive;
    state.mcus = (width.div_ceil(8 * h_max), height.div_ceil(8 * v_max));
    state.components = factors
        .into_iter()
        .map(|(id, h, v)| {
            let stride = state.mcus.0 * h;
            let padded = if progressive {
                stride * state.mcus.1 * v
            } else {
                0
            };
            Component {
                id,
                h,
                v,
                blocks: (
                    (width * h).div_ceil(h_max).div_ceil(8),
                    (height * v).div_ceil(v_max).div_ceil(8),
                ),
                stride,
                nonzero: vec![0; padded],
                pending: [UNSEEN; 64],
            }
        })
        .collect();
    Ok(())
}

fn huffman_tables(state: &mut State, mut body: &[u8]) -> Result<(), FrameError> {
    state.tables = true;
    while let [class_slot, rest @ ..] = body {
        let counts = rest.first_chunk::<16>().ok_or_else(truncated)?;
        let total = counts.iter().map(|c| usize::from(*c)).sum::<usize>();
        let symbols = rest.get(16..16 + total).ok_or_else(truncated)?;
        let tables = if class_slot >> 4 == 0 {
            &mut state.dc
        } else {
            &mut state.ac
        };
        let slot = tables
            .get_mut(usize::from(class_slot & 15))
            .ok_or_else(|| damaged("a Huffman table's slot"))?;
        *slot = Some(
            Huffman::new(counts, symbols).ok_or_else(|| damaged("an impossible Huffman table"))?,
        );
        body = rest.get(16 + total..).unwrap_or_default();
    }
    Ok(())
}

/// The tables of K.3 take the empty places of a file that brought none.
fn typical_tables(state: &mut State) {
    for table in &TYPICAL {
        let tables = match table.class_slot >> 4 {
            0 => &mut state.dc,
            _ => &mut state.ac,
        };
        let huffman = Huffman::new(&table.counts, table.symbols);
        tables[usize::from(table.class_slot & 15)] = huffman;
    }
}

fn start_of_scan(state: &mut State, body: &[u8]) -> Result<Scan, FrameError> {
    if !state.tables {
        typical_tables(state);
    }
    let [count, rest @ ..] = body else {
        return Err(truncated());
    };
    let count = usize::from(*count);
    let (selectors, rest) = rest.split_at_checked(2 * count).ok_or_else(truncated)?;
    let [first, last, approximation, ..] = rest else {
        return Err(truncated());
    };
    let mut parts: Vec<(usize, usize, usize)> = Vec::with_capacity(count);
    for [id, tables] in selectors.as_chunks::<2>().0 {
        let index = state
            .components
            .iter()
            .position(|c| c.id == *id)
            .filter(|index| parts.iter().all(|(other, ..)| other != index))
            .ok_or_else(|| damaged("a scan names a component that is not there"))?;
        parts.push((index, usize::from(tables >> 4), usize::from(tables & 15)));
    }
    let band = match state.progressive {
        false => (0, 63),
        true => (usize::from(*first), usize::from(*last)),
    };
    // T.81, G.1.1.1: a progressive scan codes DC alone, or a band of AC of one component.
    let possible = match band {
        _ if parts.is_empty() => false,
        (0, last) => !state.progressive || last == 0,
        (first, last) => first <= last && last < 64 && parts.len() == 1,
    };
    let low = match state.progressive {
        true => approximation & 15,
        false => 0,
    };
    // A coefficient comes once, its further bits one by one (G.1.1.1.2): what a later scan could change would not be
    // known to be whole before it.
    let due = |pending: &u8| match (state.progressive, approximation >> 4) {
        (true, high @ 1..) => *pending == high && low == high - 1,
        _ => *pending == UNSEEN,
    };
    let possible = possible
        && (parts
            .iter()
            .filter_map(|(index, ..)| state.components.get(*index)))
        .all(|component| component.pending[band.0..=band.1].iter().all(due));
    match possible {
        true => Ok(Scan {
            parts,
            band,
            refine: state.progressive && approximation >> 4 != 0,
            low,
        }),
        false => Err(damaged("an impossible scan header")),
    }
}

fn be_u16(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().map(|b| u16::from_be_bytes(*b))
}
