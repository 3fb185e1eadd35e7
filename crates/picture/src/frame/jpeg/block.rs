//! The codes of one block, read to know where they end and which coefficients they bring (ITU-T T.81, F and G).

use super::bits::Bits;
use super::huffman::{Huffman, no_code};
use crate::frame::error::FrameError;

/// A DC coefficient's difference from the block before (T.81, F.2.2.1).
pub(super) fn dc_difference(bits: &mut Bits<'_>, dc: &Huffman) -> Result<(), FrameError> {
    let (size, length) = dc.code(bits)?;
    match size {
        0..=16 => bits.pass(length + u32::from(size)),
        _ => Err(no_code()),
    }
}

/// One block of a sequential frame (T.81, F.2.2).
pub(super) fn sequential(
    bits: &mut Bits<'_>,
    dc: &Huffman,
    ac: &Huffman,
) -> Result<(), FrameError> {
    dc_difference(bits, dc)?;
    let mut k = 1;
    while k < 64 {
        let (symbol, length) = ac.code(bits)?;
        let (run, size) = (symbol >> 4, symbol & 15);
        bits.pass(length + u32::from(size))?;
        match (run, size) {
            (15, 0) => k += 16,
            (_, 0) => break,
            _ => k += usize::from(run) + 1,
        }
    }
    // A run of 16 zeros may end at the block's end, nothing may pass it.
    if k > 64 { Err(no_code()) } else { Ok(()) }
}

/// One block's band of AC coefficients in a progressive frame.
pub(super) struct Band<'a, 'b> {
    pub bits: &'a mut Bits<'b>,
    pub table: &'a Huffman,
    /// First and last coefficient.
    pub first: usize,
    pub last: usize,
    /// Blocks, from this one on, that have no further new coefficient.
    pub end_of_band: u32,
}

impl Band<'_, '_> {
    /// Reads the length of an end-of-band run of category `run` (T.81, G.1.2.2).
    fn start_run(&mut self, run: u8) -> Result<(), FrameError> {
        self.end_of_band = (1 << run) + self.bits.take(run.into())?;
        Ok(())
    }

    /// First scan of the band (T.81, G.1.2.2).
    pub fn begin(&mut self, known: &mut u64) -> Result<(), FrameError> {
        let mut k = self.first;
        while self.end_of_band == 0 && k <= self.last {
            let symbol = self.table.symbol(self.bits)?;
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
    pub fn refine(&mut self, known: &mut u64) -> Result<(), FrameError> {
        let mut k = self.first;
        while self.end_of_band == 0 && k <= self.last {
            let symbol = self.table.symbol(self.bits)?;
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
            while k <= self.last {
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
            for k in k..=self.last {
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
