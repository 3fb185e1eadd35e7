//! Huffman codes (ITU-T T.81, C and F.2.2.3).

use super::bits::{Bits, truncated};
use crate::frame::error::{FrameError, damaged};

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

    /// The next symbol.
    ///
    /// # Errors
    /// The data ends, or the table has no such code.
    pub fn symbol(&self, bits: &mut Bits<'_>) -> Result<u8, FrameError> {
        let (symbol, length) = self.code(bits)?;
        bits.pass(length)?;
        Ok(symbol)
    }

    /// The next symbol and the length of its code, which is still to be passed over.
    ///
    /// # Errors
    /// As [`Huffman::symbol`].
    #[inline]
    pub fn code(&self, bits: &mut Bits<'_>) -> Result<(u8, u32), FrameError> {
        let ahead = bits.ahead();
        let (symbol, length) = self.short[(ahead >> 56) as usize];
        match length {
            0 => self.long_code(ahead, bits),
            _ => Ok((symbol, length.into())),
        }
    }

    #[cold]
    fn long_code(&self, ahead: u64, bits: &Bits<'_>) -> Result<(u8, u32), FrameError> {
        for n in 8..16 {
            let code = (ahead >> (63 - n)) as i32;
            if code < self.end[n] {
                let place = usize::try_from(code + self.offset[n]).ok();
                let symbol = place.and_then(|place| self.symbols.get(place));
                return Ok((*symbol.ok_or_else(no_code)?, n as u32 + 1));
            }
        }
        // Past the end of the data there are zeros: that is missing data rather than a wrong code.
        Err(if bits.is_short() {
            truncated()
        } else {
            no_code()
        })
    }
}

/// Codes that make no sense.
pub(super) fn no_code() -> FrameError {
    damaged("the JPEG holds a code that is in none of its tables")
}
