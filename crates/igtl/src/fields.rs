//! Fields of fixed length, one after the other, big-endian.

use crate::fault::IgtlFault;

/// What is left of some bytes.
pub(crate) struct IgtlFields<'a> {
    what: &'static str,
    left: &'a [u8],
}

impl<'a> IgtlFields<'a> {
    /// Of what these bytes are; an error names it.
    pub fn of(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, left: bytes }
    }

    /// So many bytes.
    pub fn bytes<const N: usize>(&mut self) -> Result<[u8; N], IgtlFault> {
        let (taken, left) = (self.left.split_first_chunk()).ok_or(IgtlFault::Short(self.what))?;
        self.left = left;
        Ok(*taken)
    }

    /// So many bytes, borrowed.
    pub fn slice(&mut self, length: usize) -> Result<&'a [u8], IgtlFault> {
        let (taken, left) =
            (self.left.split_at_checked(length)).ok_or(IgtlFault::Short(self.what))?;
        self.left = left;
        Ok(taken)
    }

    /// A byte.
    pub fn u8(&mut self) -> Result<u8, IgtlFault> {
        self.bytes().map(|[byte]| byte)
    }

    /// Two bytes.
    pub fn u16(&mut self) -> Result<u16, IgtlFault> {
        self.bytes().map(u16::from_be_bytes)
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Result<u32, IgtlFault> {
        self.bytes().map(u32::from_be_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64, IgtlFault> {
        self.bytes().map(u64::from_be_bytes)
    }

    /// Three numbers of two bytes.
    pub fn three_u16(&mut self) -> Result<[u16; 3], IgtlFault> {
        Ok([self.u16()?, self.u16()?, self.u16()?])
    }

    /// Three real numbers of four bytes.
    pub fn three_f32(&mut self) -> Result<[f32; 3], IgtlFault> {
        let mut one = || self.bytes().map(f32::from_be_bytes);
        Ok([one()?, one()?, one()?])
    }

    /// All that is left.
    pub fn rest(self) -> &'a [u8] {
        self.left
    }
}
