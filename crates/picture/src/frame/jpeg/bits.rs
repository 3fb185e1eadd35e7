//! The bits of entropy-coded data (ITU-T T.81, F.1.2.3 and E.1.4).

use crate::frame::error::{FrameError, damaged};

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
        let ahead = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk);
        match ahead.map(|eight| u64::from_be_bytes(*eight)) {
            // As nearly always: no byte of them is 0xff, and as many as there is room for are taken at once.
            Some(word) if self.held <= 56 && !has_ff(word) => {
                let count = (64 - self.held) / 8;
                let beyond = 64 - self.held - 8 * count;
                self.window |= word >> self.held >> beyond << beyond;
                self.held += 8 * count;
                self.at += count as usize;
            }
            _ => self.refill_one_by_one(),
        }
    }

    fn refill_one_by_one(&mut self) {
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

    /// Passes over `n` bits.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn pass(&mut self, n: u32) -> Result<(), FrameError> {
        if n > self.held {
            return Err(truncated());
        }
        self.window = self.window.checked_shl(n).unwrap_or(0);
        self.held -= n;
        Ok(())
    }

    /// The next `n` ≤ 16 bits.
    pub fn take(&mut self, n: u32) -> Result<u32, FrameError> {
        if n == 0 {
            return Ok(0);
        }
        if self.held < n {
            self.refill();
        }
        let value = (self.window >> (64 - n)) as u32;
        self.pass(n)?;
        Ok(value)
    }

    /// The bits that come next, from the highest down, and zeros past the end; at least 32 of them are data, a code and what
    /// it stands before, unless the data ends.
    #[inline]
    pub fn ahead(&mut self) -> u64 {
        if self.held < 32 {
            self.refill();
        }
        self.window
    }

    /// Whether the data ends within the next 16 bits.
    pub fn is_short(&self) -> bool {
        self.held < 16
    }

    /// Drops padding bits and passes the restart marker that is due (T.81, E.1.4).
    pub fn restart(&mut self) -> Result<(), FrameError> {
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

/// Whether one of eight bytes is 0xff: only that borrows into its own highest bit once all are inverted.
fn has_ff(word: u64) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    (!word).wrapping_sub(ONES) & word & (ONES << 7) != 0
}

/// Where the file ends before the picture does.
pub(super) fn truncated() -> FrameError {
    damaged("the JPEG ends early")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Few values, so that 0xff and what may follow it come often.
    fn any_byte() -> impl Strategy<Value = u8> {
        prop_oneof![Just(0xff), Just(0), Just(0xd3), any::<u8>()]
    }

    proptest! {
        #[test]
        fn bits_are_those_of_the_bytes_up_to_a_marker(
            bytes in prop::collection::vec(any_byte(), 0..60),
            lengths in prop::collection::vec(1..17_u32, 1..9),
        ) {
            let mut data: Vec<u8> = Vec::new();
            let mut rest = &bytes[..];
            loop {
                let (byte, after) = match rest {
                    [0xff, 0x00, after @ ..] => (0xff, after),
                    [0xff, ..] | [] => break,
                    [byte, after @ ..] => (*byte, after),
                };
                data.push(byte);
                rest = after;
            }
            let bit = |at: usize| u32::from(data[at / 8] >> (7 - at % 8) & 1);
            let (mut bits, mut at) = (Bits::new(&bytes), 0);
            for length in lengths.into_iter().cycle() {
                let end = at + length as usize;
                if end > 8 * data.len() {
                    prop_assert!(bits.take(length).is_err());
                    break;
                }
                let right = (at..end).fold(0, |value, at| 2 * value + bit(at));
                prop_assert_eq!(bits.take(length), Ok(right));
                at = end;
            }
        }
    }

    #[test]
    fn a_byte_of_ones_is_seen_wherever_it_is() {
        for other in [0, 1, 0x7f, 0x80, 0xfe] {
            assert!(!has_ff(u64::from_ne_bytes([other; 8])));
            for place in 0..8 {
                let mut bytes = [other; 8];
                bytes[place] = 0xff;
                assert!(has_ff(u64::from_ne_bytes(bytes)));
            }
        }
    }
}
