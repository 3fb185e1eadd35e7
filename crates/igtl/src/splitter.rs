//! A stream → its messages, one after the other. No more is read than belongs to the message that is coming, and memory grows
//! with what came, not with what was said to come.

use crate::fault::IgtlFault;
use crate::header::{IGTL_HEADER, IgtlHeader};

/// Bytes of a body that are asked for at once.
const PIECE: usize = 64 << 10;

/// How much a peer may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitBounds {
    /// Longest body of a message that is kept, bytes.
    pub kept: usize,
    /// Longest body that is passed over, bytes: what is longer was not meant, and nobody waits for its end.
    pub passed: u64,
}

/// What bytes that came made of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitStep {
    /// A part of a message.
    Part,
    /// A message is whole: [`MessageSplitter::body`].
    Whole(IgtlHeader),
    /// A message was passed over, unread.
    Passed(IgtlHeader),
}

/// Finds messages in a stream.
#[derive(Debug)]
pub struct MessageSplitter {
    bounds: SplitBounds,
    header: [u8; IGTL_HEADER],
    /// Grows with what comes, up to the longest body that is kept; its memory is used again.
    body: Vec<u8>,
    place: SplitPlace,
}

/// Where in the stream the next byte stands.
#[derive(Clone, Copy, Debug)]
enum SplitPlace {
    /// In a header, of which so much came.
    Header(usize),
    /// In a body that is kept, of which so much came.
    Body(IgtlHeader, usize),
    /// In one that is passed over, of which so much is to come.
    Passed(IgtlHeader, u64),
}

impl MessageSplitter {
    /// At the stream's beginning.
    #[must_use]
    pub fn new(bounds: SplitBounds) -> Self {
        Self {
            bounds,
            header: [0; IGTL_HEADER],
            body: Vec::new(),
            place: SplitPlace::Header(0),
        }
    }

    /// Where the next bytes are to be put: never empty.
    pub fn room(&mut self) -> &mut [u8] {
        let (from, to) = match self.place {
            SplitPlace::Header(held) => return &mut self.header[held..],
            SplitPlace::Body(header, held) => {
                let left = header.length.saturating_sub(held as u64);
                (held, held + (left.min(PIECE as u64) as usize))
            }
            SplitPlace::Passed(_, left) => (0, left.min(PIECE as u64) as usize),
        };
        if self.body.len() < to {
            self.body.resize(to, 0);
        }
        &mut self.body[from..to]
    }

    /// So many were put there. A message is kept if `keep` says so of its header, else passed over.
    ///
    /// # Errors
    /// [`IgtlFault::Version`], [`IgtlFault::TooLong`]: where the next message begins is then not known, and the stream is of no
    /// use any more.
    pub fn filled(
        &mut self,
        count: usize,
        keep: impl FnOnce(&IgtlHeader) -> bool,
    ) -> Result<SplitStep, IgtlFault> {
        match &mut self.place {
            SplitPlace::Header(held) => {
                *held = (*held + count).min(IGTL_HEADER);
                if *held < IGTL_HEADER {
                    return Ok(SplitStep::Part);
                }
                let header = IgtlHeader::read(&self.header)?;
                self.place = self.begun(header, keep(&header))?;
            }
            SplitPlace::Body(_, held) => *held += count,
            SplitPlace::Passed(_, left) => *left = left.saturating_sub(count as u64),
        }
        let step = match self.place {
            SplitPlace::Body(header, held) if held as u64 >= header.length => {
                self.body.truncate(held);
                SplitStep::Whole(header)
            }
            SplitPlace::Passed(header, 0) => SplitStep::Passed(header),
            _ => return Ok(SplitStep::Part),
        };
        self.place = SplitPlace::Header(0);
        Ok(step)
    }

    fn begun(&self, header: IgtlHeader, kept: bool) -> Result<SplitPlace, IgtlFault> {
        let most = match kept {
            true => self.bounds.kept as u64,
            false => self.bounds.passed,
        };
        match (header.length > most, kept) {
            (true, _) => Err(IgtlFault::TooLong {
                kind: header.kind,
                claimed: header.length,
                most,
            }),
            (false, true) => Ok(SplitPlace::Body(header, 0)),
            (false, false) => Ok(SplitPlace::Passed(header, header.length)),
        }
    }

    /// The body of the message that became whole last, until more bytes are put in.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Takes that body, and gives its memory for another.
    pub fn swap_body(&mut self, other: &mut Vec<u8>) {
        std::mem::swap(&mut self.body, other);
        self.body.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::body::OutMessage;
    use crate::header::{HeaderVersion, IgtlStamp};
    use crate::name::{DeviceName, TypeName};

    const BOUNDS: SplitBounds = SplitBounds {
        kept: 1000,
        passed: 5000,
    };

    fn message(kind: &str, content: &[u8]) -> Vec<u8> {
        let message = OutMessage {
            version: HeaderVersion::One,
            kind: TypeName::new(kind),
            device: DeviceName::new("probe"),
            stamp: IgtlStamp(0),
            id: 0,
            metadata: &[],
        };
        let mut bytes = Vec::new();
        message.write(&mut bytes, |out| out.extend(content));
        bytes
    }

    /// Feeds a stream in pieces of at most that length: bodies that were kept, and how many were passed over.
    fn split(mut stream: &[u8], piece: usize) -> Result<(Vec<Vec<u8>>, usize), IgtlFault> {
        let mut splitter = MessageSplitter::new(BOUNDS);
        let (mut kept, mut passed) = (Vec::new(), 0);
        while !stream.is_empty() {
            let room = splitter.room();
            let count = room.len().min(piece).min(stream.len());
            room[..count].copy_from_slice(&stream[..count]);
            stream = &stream[count..];
            match splitter.filled(count, |header| header.kind.is("IMAGE"))? {
                SplitStep::Part => {}
                SplitStep::Whole(_) => kept.push(splitter.body().to_vec()),
                SplitStep::Passed(_) => passed += 1,
            }
            assert!(splitter.body.capacity() <= 2 * BOUNDS.passed as usize);
        }
        Ok((kept, passed))
    }

    #[test]
    fn messages_are_found_in_whatever_pieces_and_others_passed_over() {
        let stream = [
            message("IMAGE", b"one"),
            message("TRANSFORM", &[1; 48]),
            message("IMAGE", b""),
            message("NEVER_SEEN", &[2; 4000]),
            message("IMAGE", &[3; 1000]),
        ]
        .concat();
        for piece in [1, 2, 57, 58, 59, 100_000] {
            let (kept, passed) = split(&stream, piece).unwrap();
            let expected: [&[u8]; 3] = [b"one", b"", &[3; 1000]];
            assert_eq!((&kept[..], passed), (&expected.map(<[u8]>::to_vec)[..], 2));
        }
    }

    #[test]
    fn what_claims_too_much_is_refused_before_anything_is_taken() {
        for (kind, claimed) in [("IMAGE", 1001_u64), ("IMAGE", u64::MAX), ("POLYDATA", 5001)] {
            let mut stream = message(kind, b"");
            stream[42..50].copy_from_slice(&claimed.to_be_bytes());
            let refused = split(&stream, 58).unwrap_err();
            assert!(matches!(refused, IgtlFault::TooLong { claimed: c, .. } if c == claimed));
        }
        let text = b"GET / HTTP/1.1\r\nHost: probe.local\r\nUser-Agent: a browser\r\n\r\n";
        assert_eq!(split(text, 58), Err(IgtlFault::Version(0x4745)));
    }

    #[test]
    fn memory_grows_with_what_came() {
        let mut splitter = MessageSplitter::new(SplitBounds {
            kept: 1 << 40,
            passed: 0,
        });
        let mut lying = message("IMAGE", b"");
        lying[42..50].copy_from_slice(&(1_u64 << 39).to_be_bytes());
        splitter.room().copy_from_slice(&lying);
        assert_eq!(splitter.filled(58, |_| true), Ok(SplitStep::Part));
        for _ in 0..4 {
            let room = splitter.room().len();
            assert_eq!(room, PIECE);
            assert_eq!(splitter.filled(room, |_| true), Ok(SplitStep::Part));
        }
        assert!(splitter.body.capacity() <= 16 * PIECE);
    }

    proptest! {
        #[test]
        fn any_stream_is_the_same_in_any_pieces(
            tail: Vec<u8>, content in prop::collection::vec(any::<u8>(), 0..900), piece in 1..200_usize,
        ) {
            let stream = [message("IMAGE", &content), message("STRING", &content), tail].concat();
            prop_assert_eq!(split(&stream, piece), split(&stream, stream.len()));
        }
    }
}
