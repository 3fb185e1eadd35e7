//! The entropy-coded data of one JPEG scan, read to count its blocks, not to decode them (ITU-T T.81, F and G).

use super::segments::State;
use super::truncated;
use crate::frame::error::damaged;
use crate::frame::{FrameError, Stop};

/// A canonical Huffman table (T.81, C.2).
pub(super) struct Huffman {
    /// Symbol and length for every prefix of 8 bits; length 0 where the code is longer.
    short: Box<[(u8, u8); 256]>,
    /// For codes of length n+1: the first code past them, and what to add to a code for its symbol's place.
    end: [i32; 16],
    offset: [i32; 16],
    symbols: Vec<u8>,
}

impl Huffman {
    /// `counts[n]` codes of length n+1, their symbols in order. `None` if there are more codes than fit.
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut table = Self {
            short: Box::new([(0, 0); 256]),
            end: [0; 16],
            offset: [0; 16],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut place) = (0_i32, 0_i32);
        for (n, count) in counts.iter().enumerate() {
            let count = i32::from(*count);
            table.offset[n] = place - code;
            if n < 8 {
                for i in 0..count {
                    let first = ((code + i) as usize) << (7 - n);
                    let symbol = *symbols.get((place + i) as usize)?;
                    table
                        .short
                        .get_mut(first..first + (1 << (7 - n)))?
                        .fill((symbol, n as u8 + 1));
                }
            }
            code += count;
            place += count;
            if code > 1 << (n + 1) {
                return None;
            }
            table.end[n] = code;
            code <<= 1;
        }
        Some(table)
    }
}

/// Reads bits, most significant first, up to the next marker. Zero bytes stuffed after 0xff are dropped.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    window: u64,
    /// Bits of `window` that are data.
    held: u32,
}

impl<'a> Bits<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            window: 0,
            held: 0,
        }
    }

    /// Bytes taken from the slice; a marker that stopped the reading is not among them.
    pub fn consumed(&self) -> usize {
        self.at
    }

    fn refill(&mut self) {
        while self.held <= 56 {
            match self.bytes.get(self.at..) {
                Some([0xff, 0x00, ..]) => {
                    self.push(0xff);
                    self.at += 2;
                }
                Some([byte, ..]) if *byte != 0xff => {
                    self.push(*byte);
                    self.at += 1;
                }
                _ => return, // a marker, or the end
            }
        }
    }

    fn push(&mut self, byte: u8) {
        self.window |= u64::from(byte) << (56 - self.held);
        self.held += 8;
    }

    fn drop_bits(&mut self, n: u32) -> Result<(), FrameError> {
        if n > self.held {
            return Err(truncated());
        }
        self.window = self.window.checked_shl(n).unwrap_or(0);
        self.held -= n;
        Ok(())
    }

    /// The next `n` ≤ 16 bits.
    fn take(&mut self, n: u32) -> Result<u32, FrameError> {
        if n == 0 {
            return Ok(0);
        }
        if self.held < n {
            self.refill();
        }
        let value = (self.window >> (64 - n)) as u32;
        self.drop_bits(n)?;
        Ok(value)
    }

    fn symbol(&mut self, table: &Huffman) -> Result<u8, FrameError> {
        if self.held < 16 {
            self.refill();
        }
        let (symbol, len) = table.short[(self.window >> 56) as usize];
        if len > 0 {
            self.drop_bits(u32::from(len))?;
            return Ok(symbol);
        }
        for n in 8..16 {
            let code = (self.window >> (63 - n)) as i32;
            if code < table.end[n] {
                self.drop_bits(n as u32 + 1)?;
                let place = usize::try_from(code + table.offset[n]).ok();
                return place
                    .and_then(|p| table.symbols.get(p))
                    .copied()
                    .ok_or_else(no_code);
            }
        }
        // Past the end of the data the window is zeros: that is missing data rather than a wrong code.
        Err(if self.held < 16 {
            truncated()
        } else {
            no_code()
        })
    }

    /// Drops padding bits and passes the restart marker that is due (T.81, E.1.4).
    fn restart(&mut self) -> Result<(), FrameError> {
        (self.window, self.held) = (0, 0);
        // Any number of 0xff may come before a marker.
        while let Some([0xff, 0xff, ..]) = self.bytes.get(self.at..) {
            self.at += 1;
        }
        match self.bytes.get(self.at..) {
            Some([0xff, 0xd0..=0xd7, ..]) => {
                self.at += 2;
                Ok(())
            }
            _ => Err(damaged("a restart marker of the JPEG is missing")),
        }
    }
}

fn no_code() -> FrameError {
    damaged("the JPEG holds a code that is in none of its tables")
}

/// The header of one scan (T.81, B.2.3).
pub(super) struct Scan {
    /// For each component: its index, its DC and its AC table.
    pub parts: Vec<(usize, usize, usize)>,
    /// First and last coefficient coded.
    pub band: (usize, usize),
    /// Progressive: one more bit of coefficients already known.
    pub refine: bool,
    /// Progressive: bits of these coefficients that later scans bring.
    pub low: u8,
}

impl Scan {
    /// Reads every block of the scan; `bits` then stands at the marker that follows.
    ///
    /// # Errors
    /// [`FrameError::Corrupt`] where data is missing or makes no sense, [`FrameError::Stopped`].
    pub fn walk(&self, state: &mut State, bits: &mut Bits, stop: &Stop) -> Result<(), FrameError> {
        let single = match self.parts.as_slice() {
            [(index, ..)] => state.components.get(*index).map(|c| c.blocks),
            _ => None,
        };
        let (across, down) = single.unwrap_or(state.mcus);
        let mut end_of_band = 0; // blocks still covered by an end-of-band run
        let mut until_restart = state.restart;
        state.visit(self.blocks(state, across * down))?;
        for mcu in 0..across * down {
            if state.restart > 0 {
                if until_restart == 0 {
                    bits.restart()?;
                    until_restart = state.restart;
                    end_of_band = 0;
                }
                until_restart -= 1;
            }
            let (x, y) = (mcu % across, mcu / across);
            if x == 0 {
                stop.check()?;
            }
            for (index, dc, ac) in &self.parts {
                let Some(component) = state.components.get_mut(*index) else {
                    return Err(no_code());
                };
                let (h, v) = if single.is_some() {
                    (1, 1)
                } else {
                    (component.h, component.v)
                };
                for block in 0..h * v {
                    let place = (y * v + block / h) * component.stride + x * h + block % h;
                    let tables = (state.dc.get(*dc), state.ac.get(*ac));
                    let (Some(dc), Some(ac)) = tables else {
                        return Err(no_table());
                    };
                    if !state.progressive {
                        sequential(bits, table(dc)?, table(ac)?)?;
                        continue;
                    }
                    match (self.band.0, self.refine) {
                        (0, true) => {
                            bits.take(1)?;
                        }
                        (0, false) => dc_difference(bits, table(dc)?)?,
                        (_, refine) => {
                            let known = component.nonzero.get_mut(place).ok_or_else(no_code)?;
                            let mut band = Band {
                                bits,
                                table: table(ac)?,
                                band: self.band,
                                end_of_band,
                            };
                            if refine {
                                band.refine(known)?
                            } else {
                                band.first(known)?
                            }
                            end_of_band = band.end_of_band;
                        }
                    }
                }
            }
        }
        for (index, ..) in &self.parts {
            if let Some(component) = state.components.get_mut(*index) {
                component.pending[self.band.0..=self.band.1].fill(self.low);
            }
        }
        Ok(())
    }

    /// Blocks that this scan codes in `mcus` MCUs.
    fn blocks(&self, state: &State, mcus: usize) -> usize {
        let each = self
            .parts
            .iter()
            .filter_map(|(index, ..)| state.components.get(*index));
        match self.parts.len() {
            1 => mcus,
            _ => mcus * each.map(|c| c.h * c.v).sum::<usize>(),
        }
    }
}

fn table(slot: &Option<Huffman>) -> Result<&Huffman, FrameError> {
    slot.as_ref().ok_or_else(no_table)
}

fn no_table() -> FrameError {
    damaged("the JPEG lacks a Huffman table")
}

/// T.81, F.2.2.1.
fn dc_difference(bits: &mut Bits, dc: &Huffman) -> Result<(), FrameError> {
    match bits.symbol(dc)? {
        size @ 0..=16 => bits.take(size.into()).map(drop),
        _ => Err(no_code()),
    }
}

/// One block of a sequential frame (T.81, F.2.2).
fn sequential(bits: &mut Bits, dc: &Huffman, ac: &Huffman) -> Result<(), FrameError> {
    dc_difference(bits, dc)?;
    let mut k = 1;
    while k < 64 {
        let symbol = bits.symbol(ac)?;
        let (run, size) = (symbol >> 4, symbol & 15);
        match (run, size) {
            (15, 0) => k += 16,
            (_, 0) => break,
            _ => {
                k += usize::from(run) + 1;
                bits.take(size.into())?;
            }
        }
    }
    // A run of 16 zeros may end at the block's end, nothing may pass it.
    if k > 64 { Err(no_code()) } else { Ok(()) }
}

/// One block's band of AC coefficients in a progressive frame.
struct Band<'a, 'b> {
    bits: &'a mut Bits<'b>,
    table: &'a Huffman,
    band: (usize, usize),
    /// Blocks, from this one on, that have no further new coefficient.
    end_of_band: u32,
}

impl Band<'_, '_> {
    /// Reads the length of an end-of-band run of category `run` (T.81, G.1.2.2).
    fn start_run(&mut self, run: u8) -> Result<(), FrameError> {
        self.end_of_band = (1 << run) + self.bits.take(run.into())?;
        Ok(())
    }

    /// First scan of the band (T.81, G.1.2.2).
    fn first(&mut self, known: &mut u64) -> Result<(), FrameError> {
        let mut k = self.band.0;
        while self.end_of_band == 0 && k <= self.band.1 {
            let symbol = self.bits.symbol(self.table)?;
            let (run, size) = (symbol >> 4, symbol & 15);
            match (run, size) {
                (15, 0) => k += 16,
                (_, 0) => self.start_run(run)?,
                _ => {
                    k += usize::from(run);
                    self.bits.take(size.into())?;
                    mark(known, k)?;
                    k += 1;
                }
            }
        }
        self.end_of_band = self.end_of_band.saturating_sub(1);
        Ok(())
    }

    /// One more bit (T.81, G.1.2.3): each known coefficient that is passed takes one, new ones come between.
    fn refine(&mut self, known: &mut u64) -> Result<(), FrameError> {
        let mut k = self.band.0;
        while self.end_of_band == 0 && k <= self.band.1 {
            let symbol = self.bits.symbol(self.table)?;
            let (mut zeros, size) = (symbol >> 4, symbol & 15);
            match (zeros, size) {
                (15, 0) => {}
                (_, 0) => {
                    self.start_run(zeros)?;
                    break;
                }
                (_, 1) => {
                    self.bits.take(1)?; // the new coefficient's sign
                }
                _ => return Err(no_code()),
            }
            while k <= self.band.1 {
                if *known >> k & 1 == 1 {
                    self.bits.take(1)?;
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                k += 1;
            }
            if size == 1 {
                mark(known, k)?;
            }
            k += 1;
        }
        if self.end_of_band > 0 {
            for k in k..=self.band.1 {
                if *known >> k & 1 == 1 {
                    self.bits.take(1)?;
                }
            }
            self.end_of_band -= 1;
        }
        Ok(())
    }
}

fn mark(known: &mut u64, k: usize) -> Result<(), FrameError> {
    *known |= 1_u64
        .checked_shl(k as u32)
        .filter(|_| k < 64)
        .ok_or_else(no_code)?;
    Ok(())
}
