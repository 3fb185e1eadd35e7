//! Kinds of numbers, and the order of their bytes.

use crate::fault::IgtlFault;

/// Kind of a sample or of an array's element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarKind {
    /// Signed, 8 bits.
    Int8,
    /// Unsigned, 8 bits.
    Uint8,
    /// Signed, 16 bits.
    Int16,
    /// Unsigned, 16 bits.
    Uint16,
    /// Signed, 32 bits.
    Int32,
    /// Unsigned, 32 bits.
    Uint32,
    /// Real, 32 bits.
    Float32,
    /// Real, 64 bits.
    Float64,
}

impl ScalarKind {
    /// Each with its number on the wire, its bytes and its name.
    const TABLE: [(Self, u8, u8, &'static str); 8] = [
        (Self::Int8, 2, 1, "int8"),
        (Self::Uint8, 3, 1, "uint8"),
        (Self::Int16, 4, 2, "int16"),
        (Self::Uint16, 5, 2, "uint16"),
        (Self::Int32, 6, 4, "int32"),
        (Self::Uint32, 7, 4, "uint32"),
        (Self::Float32, 10, 4, "float32"),
        (Self::Float64, 11, 8, "float64"),
    ];

    fn row(self) -> (Self, u8, u8, &'static str) {
        let found = Self::TABLE.iter().find(|(kind, ..)| *kind == self);
        // Each stands in the table, which a test looks at.
        found.copied().unwrap_or(Self::TABLE[0])
    }

    pub(crate) fn of(found: u8) -> Result<Self, IgtlFault> {
        let row = Self::TABLE.iter().find(|(_, code, ..)| *code == found);
        row.map(|(kind, ..)| *kind).ok_or(IgtlFault::Unknown {
            what: "a scalar type",
            found: found.into(),
        })
    }

    pub(crate) fn code(self) -> u8 {
        self.row().1
    }

    /// Bytes of one.
    #[must_use]
    pub fn bytes(self) -> u8 {
        self.row().2
    }

    /// As the protocol's documents call it: `uint8`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().3
    }
}

/// Order of an image's bytes; all else is big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// The most significant first.
    Big,
    /// The least significant first.
    Little,
}

impl ByteOrder {
    pub(crate) fn of(found: u8) -> Result<Self, IgtlFault> {
        match found {
            1 => Ok(Self::Big),
            2 => Ok(Self::Little),
            _ => Err(IgtlFault::Unknown {
                what: "a byte order",
                found: found.into(),
            }),
        }
    }

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Big => 1,
            Self::Little => 2,
        }
    }

    /// A sample of 16 bits.
    #[must_use]
    pub fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Big => u16::from_be_bytes(bytes),
            Self::Little => u16::from_le_bytes(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_on_the_wire_is_its_own_kind_or_none() {
        let known: Vec<u8> = (0..=255)
            .filter(|code| ScalarKind::of(*code).is_ok())
            .collect();
        assert_eq!(known, [2, 3, 4, 5, 6, 7, 10, 11]);
        for (kind, code, bytes, name) in ScalarKind::TABLE {
            assert_eq!(ScalarKind::of(code), Ok(kind));
            assert_eq!(
                (kind.code(), kind.bytes(), kind.name()),
                (code, bytes, name)
            );
        }
        assert_eq!(ByteOrder::Little.u16([1, 2]), 0x0201);
        assert_eq!(ByteOrder::Big.u16([1, 2]), 0x0102);
        assert!(ByteOrder::of(0).is_err());
    }
}
