//! Fields in their order.

use super::PduFault;

/// What is left of a PDU or of an item in it.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    /// What it is, for who sent it.
    what: &'static str,
}

impl<'a> Fields<'a> {
    pub fn new(rest: &'a [u8], what: &'static str) -> Self {
        Self { rest, what }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], PduFault> {
        let (taken, rest) =
            (self.rest.split_at_checked(count)).ok_or(PduFault::Short(self.what))?;
        self.rest = rest;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], PduFault> {
        let (taken, rest) = (self.rest.split_first_chunk()).ok_or(PduFault::Short(self.what))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub fn byte(&mut self) -> Result<u8, PduFault> {
        self.array().map(|[byte]| byte)
    }

    pub fn short(&mut self) -> Result<u16, PduFault> {
        self.array().map(u16::from_be_bytes)
    }

    pub fn long(&mut self) -> Result<u32, PduFault> {
        self.array().map(u32::from_be_bytes)
    }

    /// An item or a sub-item: kind, one byte that says nothing, length, and so many bytes.
    pub fn item(&mut self) -> Result<(u8, Fields<'a>), PduFault> {
        let [kind, _] = self.array()?;
        let length = self.short()?;
        let rest = self.bytes(length.into())?;
        Ok((kind, Fields { rest, ..*self }))
    }

    /// A UID that fills what is left.
    pub fn uid(self) -> Result<&'a str, PduFault> {
        // Some pad as elements are padded, with a zero.
        let bytes = self.rest.strip_suffix(&[0]).unwrap_or(self.rest);
        let good = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
        let fits = (1..=64).contains(&bytes.len()) && bytes.iter().all(good);
        let text = str::from_utf8(bytes).ok().filter(|_| fits);
        text.ok_or(PduFault::Bad("a UID is none"))
    }
}

/// Appends an item.
pub(super) fn put_item(kind: u8, body: &[u8], into: &mut Vec<u8>) {
    into.extend([kind, 0]);
    into.extend((body.len() as u16).to_be_bytes());
    into.extend(body);
}
