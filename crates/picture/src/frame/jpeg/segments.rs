//! The marker segments of a JPEG (ITU-T T.81, B), as far as its entropy-coded data depends on them.

use super::bits::{Bits, truncated};
use super::coverage::Coverage;
use super::header::Header;
use super::scan::Scan;
use super::tables::Tables;
use crate::frame::error::{FrameError, damaged};
use crate::frame::limits::FrameLimits;
use crate::frame::stop::Stop;

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

/// Reads on to the frame header.
///
/// # Errors
/// As [`check_whole`], of what stands before the first scan.
pub(super) fn header(bytes: &[u8], limits: &FrameLimits) -> Result<Header, FrameError> {
    let mut segments = Segments::of(bytes);
    loop {
        match segments.next_marker().ok_or_else(truncated)? {
            0xd9 | 0xda => return Err(no_header()),
            marker => {
                let header = Header::of(marker, segments.body()?, limits)?;
                if let Some(header) = header {
                    return Ok(header);
                }
            }
        }
    }
}

/// Walks the file to its end marker, or to its end where every bit of every coefficient came before. Memory used is at
/// most 8 bytes per block of 64 samples, and none before the size is checked. Before a scan is walked its cost is
/// known: 100 scans, and 32 visits of each block, are the most.
///
/// # Errors
/// [`FrameError::Corrupt`] if data is missing or there are too many scans, what is wrong with the frame header
/// ([`Header::of`]), [`FrameError::Stopped`].
pub(super) fn check_whole(
    bytes: &[u8],
    limits: &FrameLimits,
    stop: &Stop,
) -> Result<Whole, FrameError> {
    let mut segments = Segments::of(bytes);
    let mut tables = Tables::default();
    let mut coverage: Option<Coverage> = None;
    let ends = loop {
        let Some(marker) = segments.next_marker() else {
            // The end marker alone is missing where nothing is left that it could close off.
            match coverage.as_ref().is_some_and(Coverage::is_complete) {
                true => break false,
                false => return Err(truncated()),
            }
        };
        if marker == 0xd9 {
            break true;
        }
        let body = segments.body()?;
        match (marker, &mut coverage) {
            (0xc4, _) => tables.define(body)?,
            (0xdd, _) => tables.restart = usize::from(be_u16(body).ok_or_else(truncated)?),
            (0xda, Some(coverage)) => {
                tables.complete();
                let scan = Scan::of(body, coverage)?;
                let mut bits = Bits::new(segments.rest());
                scan.walk(coverage, &tables, &mut bits, stop)?;
                segments.at += bits.consumed();
            }
            (0xda, None) => return Err(no_header()),
            (0xc0..=0xc2, Some(_)) => return Err(damaged("the JPEG has two frame headers")),
            _ => {
                if let Some(header) = Header::of(marker, body, limits)? {
                    coverage = Some(Coverage::none(header));
                }
            }
        }
    };
    match coverage.filter(Coverage::is_whole) {
        Some(Coverage { header, .. }) => Ok(Whole {
            size: header.size,
            components: header.components.len(),
            tables: tables.brought,
            ends,
        }),
        None => Err(damaged("the JPEG lacks a colour component")),
    }
}

fn no_header() -> FrameError {
    damaged("the JPEG has no frame header")
}

/// A file, read segment by segment.
struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 2 } // past SOI
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Skips to the next marker that has a segment or ends the file, and past it; `None` at the end of the bytes. Bytes
    /// between segments are tolerated, as every decoder does.
    fn next_marker(&mut self) -> Option<u8> {
        loop {
            self.at += self.rest().iter().position(|byte| *byte == 0xff)? + 1;
            match *self.bytes.get(self.at)? {
                0x00 | 0xff => {}
                marker => {
                    self.at += 1;
                    // TEM and stray restarts carry no length.
                    if !matches!(marker, 0x01 | 0xd0..=0xd7) {
                        return Some(marker);
                    }
                }
            }
        }
    }

    /// The payload of a segment: two bytes of length, which count themselves.
    fn body(&mut self) -> Result<&'a [u8], FrameError> {
        let rest = self.rest();
        let len = usize::from(be_u16(rest).ok_or_else(truncated)?);
        let body = rest.get(2..len).ok_or_else(truncated)?;
        self.at += len;
        Ok(body)
    }
}

fn be_u16(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().map(|b| u16::from_be_bytes(*b))
}
