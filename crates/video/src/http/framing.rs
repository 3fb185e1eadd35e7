//! How a body lies on the wire (RFC 9112, 6 and 7).

use std::io::{Error, ErrorKind, Result};

/// What is still to come of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Whatever comes.
    UntilClosed,
    /// So many bytes.
    Length(u64),
    /// Pieces, each after its length.
    Pieces(Piece),
}

/// Where in a chunked body the next byte stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// In a piece's length, of which so many digits came.
    Length { so_far: u64, digits: u32 },
    /// Behind it, up to the line's end.
    Extension { length: u64 },
    /// In the piece, of which so much is left.
    Data(u64),
    /// In the line's end behind it.
    DataEnd,
    /// Behind the last one.
    Done,
}

/// Digits of a length: more than any piece needs.
const DIGITS: u32 = 12;

impl Framing {
    pub fn chunked() -> Self {
        Self::Pieces(Piece::START)
    }

    /// Whether the body is over.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Pieces(Piece::Done))
    }

    /// Moves what is the body's among these bytes to their front: how much that is.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidData`] where a length should be and is none.
    pub fn strip(&mut self, bytes: &mut [u8]) -> Result<usize> {
        match self {
            Self::UntilClosed => Ok(bytes.len()),
            Self::Length(left) => {
                let count = (bytes.len() as u64).min(*left);
                *left -= count;
                Ok(count as usize)
            }
            Self::Pieces(piece) => piece.strip(bytes),
        }
    }
}

impl Piece {
    const START: Self = Self::Length {
        so_far: 0,
        digits: 0,
    };

    fn strip(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let (mut at, mut kept) = (0, 0);
        while at < bytes.len() {
            if let Self::Data(left) = self {
                let count = ((bytes.len() - at) as u64).min(*left) as usize;
                bytes.copy_within(at..at + count, kept);
                (at, kept) = (at + count, kept + count);
                *left -= count as u64;
                if *left == 0 {
                    *self = Self::DataEnd;
                }
                continue;
            }
            self.pass(bytes[at])?;
            at += 1;
        }
        Ok(kept)
    }

    /// Takes a byte that is not data.
    fn pass(&mut self, byte: u8) -> Result<()> {
        let wrong = || Error::new(ErrorKind::InvalidData, "a chunk without a length");
        *self = match (&*self, byte) {
            (Self::Length { digits: 0, .. }, b'\r' | b'\n') => return Err(wrong()),
            (Self::Length { so_far, .. }, b'\n') => Self::begun(*so_far),
            (Self::Length { so_far, .. }, b'\r' | b';' | b' ' | b'\t') => {
                Self::Extension { length: *so_far }
            }
            (Self::Length { so_far, digits }, byte) => {
                let digit = char::from(byte).to_digit(16).filter(|_| *digits < DIGITS);
                Self::Length {
                    so_far: 16 * so_far + u64::from(digit.ok_or_else(wrong)?),
                    digits: digits + 1,
                }
            }
            (Self::Extension { length }, b'\n') => Self::begun(*length),
            (Self::DataEnd, b'\n') => Self::START,
            (Self::DataEnd, b'\r') => Self::DataEnd,
            (Self::DataEnd, _) => return Err(wrong()),
            _ => return Ok(()),
        };
        Ok(())
    }

    fn begun(length: u64) -> Self {
        match length {
            0 => Self::Done,
            length => Self::Data(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is left of a chunked body that comes in pieces of a length.
    fn stripped(body: &[u8], length: usize) -> Result<(Vec<u8>, bool)> {
        let mut framing = Framing::chunked();
        let mut kept = Vec::new();
        for piece in body.chunks(length) {
            let mut piece = piece.to_vec();
            let count = framing.strip(&mut piece)?;
            kept.extend(&piece[..count]);
        }
        Ok((kept, framing.is_done()))
    }

    #[test]
    fn chunks_are_joined() {
        let body =
            b"5;name=x\r\nhello\r\n000001\r\n,\r\n7 \n\r\nworld\r\n0\r\nTrailer: x\r\n\r\nmore";
        for length in 1..body.len() {
            let joined = stripped(body, length).unwrap();
            assert_eq!(joined, (b"hello,\r\nworld".to_vec(), true), "{length}");
        }
        for body in [
            "\r\nx",
            "xyz\r\n",
            "5\r\nhello5\r\n",
            "1000000000000\r\n",
            "-1\r\n",
        ] {
            assert!(stripped(body.as_bytes(), 3).is_err(), "{body:?}");
        }
    }

    #[test]
    fn a_length_ends_the_body() {
        let mut framing = Framing::Length(5);
        assert_eq!(framing.strip(&mut [0; 3]).unwrap(), 3);
        assert!(!framing.is_done());
        assert_eq!(framing.strip(&mut [0; 3]).unwrap(), 2);
        assert!(framing.is_done());
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_give_the_same(body: Vec<u8>, length in 1..9_usize) {
            let body = [b"3\r\nabc\r\n", &body[..]].concat();
            match (stripped(&body, length), stripped(&body, body.len())) {
                (Ok(one), Ok(other)) => prop_assert_eq!(one, other),
                (one, other) => prop_assert_eq!(one.is_ok(), other.is_ok()),
            }
        }
    }
}
