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

    /// The bits that come next, from the highest down, and zeros past the end; at least 16 of them are data, unless
    /// [`Bits::is_short`].
    pub fn ahead(&mut self) -> u64 {
        if self.held < 16 {
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

/// Where the file ends before the picture does.
pub(super) fn truncated() -> FrameError {
    damaged("the JPEG ends early")
}
