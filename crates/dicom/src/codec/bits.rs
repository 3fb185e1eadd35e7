//! The bits of entropy-coded JPEG data (T.81, F.2.2; T.87, 9.1): what is stuffed into them is taken out, and they end at
//! the next marker.

use crate::error::DicomError;

/// How a 1-bit is kept from making a marker of 0xff.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stuffing {
    /// A zero byte after it (JPEG).
    Byte,
    /// A zero bit after it (JPEG-LS).
    Bit,
}

pub(super) struct EntropyBits<'a> {
    bytes: &'a [u8],
    at: usize,
    stuffing: Stuffing,
    /// The low `count` bits are next.
    buffer: u64,
    count: u32,
    /// Bits in the buffer that are none of the data's: what is read of them was cut off.
    beyond: u32,
    after_ff: bool,
}

const CUT: DicomError = DicomError::Truncated("a frame's coded data");

impl<'a> EntropyBits<'a> {
    pub fn new(bytes: &'a [u8], stuffing: Stuffing) -> Self {
        Self {
            bytes,
            at: 0,
            stuffing,
            buffer: 0,
            count: 0,
            beyond: 0,
            after_ff: false,
        }
    }

    fn fill(&mut self) {
        while self.count <= 48 {
            let next = self.bytes.get(self.at).copied();
            let follows = self.bytes.get(self.at + 1).copied();
            let ends = match (next, self.stuffing) {
                (None, _) => true,
                (Some(0xff), Stuffing::Byte) => follows != Some(0),
                (Some(0xff), Stuffing::Bit) => follows.is_none_or(|byte| byte >= 0x80),
                _ => false,
            };
            let (byte, bits) = match next {
                Some(byte) if !ends => {
                    self.at += 1;
                    if byte == 0xff && self.stuffing == Stuffing::Byte {
                        self.at += 1;
                    }
                    let bits = if self.after_ff && self.stuffing == Stuffing::Bit {
                        7
                    } else {
                        8
                    };
                    self.after_ff = byte == 0xff;
                    (byte, bits)
                }
                _ => {
                    self.beyond += 8;
                    (0, 8)
                }
            };
            self.buffer = self.buffer << bits | u64::from(byte);
            self.count += bits;
        }
    }

    /// The next 16 bits, without taking them. Past the end they are 0.
    pub fn peek16(&mut self) -> u16 {
        if self.count < 16 {
            self.fill();
        }
        (self.buffer >> (self.count - 16)) as u16
    }

    /// Takes bits that were peeked at.
    pub fn take(&mut self, bits: u32) -> Result<(), DicomError> {
        self.count = self.count.checked_sub(bits).ok_or(CUT)?;
        match self.count >= self.beyond {
            true => Ok(()),
            false => Err(CUT),
        }
    }

    /// The next bits, 16 at most.
    pub fn bits(&mut self, bits: u32) -> Result<u32, DicomError> {
        let value = u32::from(self.peek16()) >> (16 - bits);
        self.take(bits)?;
        Ok(value)
    }

    /// Goes on past a restart marker, which must be next.
    pub fn restart(&mut self) -> Result<(), DicomError> {
        self.fill();
        let marker = self.bytes.get(self.at..self.at + 2);
        match marker {
            Some([0xff, 0xd0..=0xd7]) if self.count.saturating_sub(self.beyond) < 8 => {
                let at = self.at + 2;
                *self = Self {
                    at,
                    ..Self::new(self.bytes, self.stuffing)
                };
                Ok(())
            }
            _ => Err(CUT),
        }
    }

    /// Bytes up to the marker after the data, if all of the data was read.
    pub fn consumed(&mut self) -> usize {
        self.fill();
        self.at
    }
}
