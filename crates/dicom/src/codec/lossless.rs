//! JPEG without loss (T.81, H): differences to a prediction, in Huffman codes.

use super::bits::{EntropyBits, Stuffing};
use super::raster::{CodedFrame, Raster};
use super::segments::{JpegMarker, JpegParts, JpegSize};
use crate::error::DicomError;

/// Huffman codes: for each 16 bits, how long the code is that they begin with, and what it means.
type Codes = Vec<(u8, u8)>;

const WRONG: DicomError = DicomError::Damaged("a frame's lossless JPEG contradicts itself");

#[derive(Default)]
struct LosslessTables {
    codes: [Codes; 4],
    /// Lines between restarts; 0 for none.
    restart: usize,
}

/// A scan: its components and their codes, its predictor and how far its samples are shifted.
struct LosslessScan {
    components: Vec<(usize, usize)>,
    predictor: u8,
    shift: u32,
}

pub(super) fn decode(frame: &CodedFrame<'_>) -> Result<Raster, DicomError> {
    let layout = frame.layout;
    let mut parts = JpegParts::of(frame.bytes);
    let mut tables = LosslessTables::default();
    let mut size = None;
    let mut ids = Vec::new();
    let mut values = Vec::new();
    let mut done = vec![false; layout.samples];
    while done.iter().any(|done| !done) {
        let (marker, body) = parts.next()?;
        match (marker, &size) {
            (JpegMarker::DHT, _) => tables.define(body)?,
            (JpegMarker::DRI, _) => {
                let interval = body.first_chunk().map(|b| u16::from_be_bytes(*b));
                let interval = usize::from(interval.ok_or(WRONG)?);
                if !interval.is_multiple_of(layout.columns as usize) {
                    return Err(DicomError::Unsupported(
                        "its lossless JPEG restarts within lines",
                    ));
                }
                tables.restart = interval / layout.columns as usize;
            }
            (JpegMarker::SOF3, None) => {
                let found = JpegSize::of(body)?;
                found.must_fit(layout)?;
                found.must_be_full()?;
                ids = found.ids.clone();
                values = vec![0; layout.values()];
                size = Some(found);
            }
            (JpegMarker::SOS, Some(size)) => {
                let scan = LosslessScan::of(body, &ids)?;
                if scan.shift >= size.precision {
                    return Err(WRONG);
                }
                let plane = LosslessPlane {
                    values: &mut values,
                    samples: layout.samples,
                    columns: layout.columns as usize,
                    precision: size.precision,
                };
                let mut bits = EntropyBits::new(parts.rest(), Stuffing::Byte);
                let consumed = read(&scan, &tables, plane, &mut bits, frame)?;
                parts.skip(consumed);
                for (component, _) in scan.components {
                    if std::mem::replace(done.get_mut(component).ok_or(WRONG)?, true) {
                        return Err(WRONG);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(Raster::interleaved(values, layout))
}

impl LosslessTables {
    fn define(&mut self, mut body: &[u8]) -> Result<(), DicomError> {
        while let [place, rest @ ..] = body {
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or(WRONG)?;
            let total = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, rest) = rest.split_at_checked(total).ok_or(WRONG)?;
            body = rest;
            // Tables for cosines' other coefficients have no meaning here.
            if let Some(codes) = self.codes.get_mut(usize::from(*place)) {
                *codes = codes_of(counts, symbols)?;
            }
        }
        Ok(())
    }
}

/// Codes in the order of their lengths (T.81, C).
fn codes_of(counts: &[u8; 16], symbols: &[u8]) -> Result<Codes, DicomError> {
    let mut codes = Vec::with_capacity(1 << 16);
    let mut symbols = symbols.iter();
    for (length, count) in (1_u8..).zip(counts) {
        for symbol in symbols.by_ref().take(usize::from(*count)) {
            let end = codes.len() + (1 << (16 - length));
            if end > 1 << 16 {
                return Err(WRONG);
            }
            codes.resize(end, (length, *symbol));
        }
    }
    codes.resize(1 << 16, (0, 0));
    Ok(codes)
}

impl LosslessScan {
    fn of(body: &[u8], ids: &[u8]) -> Result<Self, DicomError> {
        let [count, rest @ ..] = body else {
            return Err(WRONG);
        };
        let (components, rest) = rest
            .split_at_checked(2 * usize::from(*count))
            .ok_or(WRONG)?;
        let [predictor, _, low, ..] = rest else {
            return Err(WRONG);
        };
        let component = |[id, table]: &[u8; 2]| {
            let component = ids.iter().position(|own| own == id)?;
            Some((component, usize::from(table >> 4)))
        };
        let components: Option<Vec<_>> = components
            .as_chunks::<2>()
            .0
            .iter()
            .map(component)
            .collect();
        match (components, predictor) {
            (Some(components), 1..=7) if !components.is_empty() => Ok(Self {
                components,
                predictor: *predictor,
                shift: u32::from(low & 15),
            }),
            _ => Err(WRONG),
        }
    }
}

/// Samples of all components, pixel by pixel.
struct LosslessPlane<'a> {
    values: &'a mut [u16],
    samples: usize,
    columns: usize,
    precision: u32,
}

/// Reads a scan; how many bytes it took.
fn read(
    scan: &LosslessScan,
    tables: &LosslessTables,
    plane: LosslessPlane<'_>,
    bits: &mut EntropyBits<'_>,
    frame: &CodedFrame<'_>,
) -> Result<usize, DicomError> {
    let line = plane.samples * plane.columns;
    let start = 1_i32 << (plane.precision - scan.shift - 1);
    let codes: Option<Vec<_>> = (scan.components.iter())
        .map(|(component, table)| {
            let codes = tables.codes.get(*table).filter(|codes| !codes.is_empty())?;
            Some((*component, codes))
        })
        .collect();
    let codes = codes.ok_or(WRONG)?;
    for (y, first) in (0..plane.values.len()).step_by(line.max(1)).enumerate() {
        let restarts = tables.restart > 0 && y > 0 && y % tables.restart == 0;
        if restarts {
            bits.restart()?;
        }
        if y.is_multiple_of(64) {
            frame.stop.check()?;
        }
        for x in 0..plane.columns {
            for (component, codes) in &codes {
                let at = first + x * plane.samples + component;
                let old = |back: usize| i32::from(plane.values[at - back] >> scan.shift);
                let prediction = match (x, y) {
                    (0, 0) => start,
                    (0, _) if restarts => start,
                    (_, 0) => old(plane.samples),
                    _ if restarts => old(plane.samples),
                    (0, _) => old(line),
                    _ => {
                        let (a, b, c) = (old(plane.samples), old(line), old(line + plane.samples));
                        match scan.predictor {
                            1 => a,
                            2 => b,
                            3 => c,
                            4 => a + b - c,
                            5 => a + ((b - c) >> 1),
                            6 => b + ((a - c) >> 1),
                            _ => (a + b) >> 1,
                        }
                    }
                };
                let value = prediction + difference(codes, bits)?;
                plane.values[at] = ((value & 0xffff) << scan.shift & 0xffff) as u16;
            }
        }
    }
    Ok(bits.consumed())
}

/// T.81, H.1.2.2.
fn difference(codes: &Codes, bits: &mut EntropyBits<'_>) -> Result<i32, DicomError> {
    let (length, category) = codes[usize::from(bits.peek16())];
    if length == 0 {
        return Err(WRONG);
    }
    bits.take(length.into())?;
    match category {
        0 => Ok(0),
        1..=15 => {
            let value = bits.bits(category.into())?.cast_signed();
            match value >> (category - 1) {
                1 => Ok(value),
                _ => Ok(value - (1 << category) + 1),
            }
        }
        16 => Ok(32768),
        _ => Err(WRONG),
    }
}
