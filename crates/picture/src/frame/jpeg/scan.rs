//! One scan of a JPEG (ITU-T T.81, B.2.3), read to count its blocks, not to decode them.

use super::bits::{Bits, truncated};
use super::block::{self, Band};
use super::coverage::{Coverage, Portion};
use super::huffman::no_code;
use super::tables::{PLACES, Tables, no_table};
use crate::frame::error::{FrameError, damaged};
use crate::frame::stop::Stop;

/// A scan's header.
pub(super) struct Scan {
    parts: Vec<Part>,
    what: Portion,
}

/// A component in a scan, by its index, and the places of its tables.
struct Part {
    component: usize,
    dc: usize,
    ac: usize,
}

impl Scan {
    /// Reads a scan's header.
    ///
    /// # Errors
    /// [`FrameError::Corrupt`] where it is impossible after the frame header and the scans before.
    pub fn of(body: &[u8], coverage: &Coverage) -> Result<Self, FrameError> {
        let [count, rest @ ..] = body else {
            return Err(truncated());
        };
        let count = usize::from(*count);
        let (selectors, rest) = rest.split_at_checked(2 * count).ok_or_else(truncated)?;
        let [first, last, approximation, ..] = rest else {
            return Err(truncated());
        };
        let mut parts: Vec<Part> = Vec::with_capacity(count);
        for [id, tables] in selectors.as_chunks::<2>().0 {
            let component = coverage
                .header
                .components
                .iter()
                .position(|c| c.id == *id)
                .filter(|index| parts.iter().all(|other| other.component != *index))
                .ok_or_else(|| damaged("a scan names a component that is not there"))?;
            parts.push(Part {
                component,
                dc: usize::from(tables >> 4),
                ac: usize::from(tables & 15),
            });
        }
        let progressive = coverage.header.progressive;
        let what = match progressive {
            false => Portion {
                first: 0,
                last: 63,
                high: 0,
                low: 0,
            },
            true => Portion {
                first: usize::from(*first),
                last: usize::from(*last),
                high: approximation >> 4,
                low: approximation & 15,
            },
        };
        // T.81, G.1.1.1: a progressive scan codes DC alone, or a band of AC of one component.
        let possible = match (what.first, what.last) {
            _ if parts.is_empty() => false,
            (0, last) => !progressive || last == 0,
            (first, last) => first <= last && last < 64 && parts.len() == 1,
        };
        if !possible || !parts.iter().all(|p| coverage.is_due(p.component, what)) {
            return Err(damaged("an impossible scan header"));
        }
        Ok(Self { parts, what })
    }

    /// Reads every block of the scan; `bits` then stands at the marker that follows.
    ///
    /// # Errors
    /// [`FrameError::Corrupt`] where data is missing or makes no sense, [`FrameError::Stopped`].
    pub fn walk(
        &self,
        coverage: &mut Coverage,
        tables: &Tables,
        bits: &mut Bits<'_>,
        stop: &Stop,
    ) -> Result<(), FrameError> {
        let single = match self.parts.as_slice() {
            [part] => coverage.header.components.get(part.component),
            _ => None,
        };
        let (across, down) = single.map_or(coverage.header.mcus, |component| component.blocks);
        let alone = single.is_some();
        coverage.visit(self.blocks(coverage, across * down))?;
        let (header, coefficients) = (&coverage.header, &mut coverage.components);
        let mut walk = Walk {
            bits,
            tables,
            progressive: header.progressive,
            what: self.what,
            end_of_band: 0,
        };
        let mut until_restart = tables.restart;
        for mcu in 0..across * down {
            if tables.restart > 0 {
                if until_restart == 0 {
                    walk.restart()?;
                    until_restart = tables.restart;
                }
                until_restart -= 1;
            }
            let (x, y) = (mcu % across, mcu / across);
            if x == 0 {
                stop.check()?;
            }
            for part in &self.parts {
                let component = header.components.get(part.component);
                let both = component.zip(coefficients.get_mut(part.component));
                let (component, known) = both.ok_or_else(no_code)?;
                let (h, v) = match alone {
                    true => (1, 1),
                    false => (component.h, component.v),
                };
                let stride = header.stride(component);
                for block in 0..h * v {
                    let place = (y * v + block / h) * stride + x * h + block % h;
                    walk.block(part, known.nonzero.get_mut(place))?;
                }
            }
        }
        for part in &self.parts {
            coverage.bring(part.component, self.what);
        }
        Ok(())
    }

    /// Blocks that this scan codes in `mcus` MCUs.
    fn blocks(&self, coverage: &Coverage, mcus: usize) -> usize {
        let components = self
            .parts
            .iter()
            .filter_map(|part| coverage.header.components.get(part.component));
        match self.parts.len() {
            1 => mcus,
            _ => mcus * components.map(|c| c.h * c.v).sum::<usize>(),
        }
    }
}

/// A scan being read block by block.
struct Walk<'a, 'b> {
    bits: &'a mut Bits<'b>,
    tables: &'a Tables,
    progressive: bool,
    what: Portion,
    /// Blocks still covered by an end-of-band run.
    end_of_band: u32,
}

impl Walk<'_, '_> {
    fn restart(&mut self) -> Result<(), FrameError> {
        self.end_of_band = 0;
        self.bits.restart()
    }

    /// Reads a block; `known` has a bit for each of its coefficients that is known to be non-zero.
    fn block(&mut self, part: &Part, known: Option<&mut u64>) -> Result<(), FrameError> {
        if part.dc.max(part.ac) >= PLACES {
            return Err(no_table());
        }
        let Self { bits, tables, .. } = self;
        match (self.progressive, self.what.first, self.what.high) {
            (false, ..) => block::sequential(bits, tables.dc(part.dc)?, tables.ac(part.ac)?),
            (true, 0, 0) => block::dc_difference(bits, tables.dc(part.dc)?),
            (true, 0, _) => bits.take(1).map(drop),
            (true, _, high) => {
                let known = known.ok_or_else(no_code)?;
                let mut band = Band {
                    bits,
                    table: tables.ac(part.ac)?,
                    first: self.what.first,
                    last: self.what.last,
                    end_of_band: self.end_of_band,
                };
                match high {
                    0 => band.begin(known)?,
                    _ => band.refine(known)?,
                }
                self.end_of_band = band.end_of_band;
                Ok(())
            }
        }
    }
}
