//! Where one JPEG ends and the next begins, told by the JPEGs themselves.
//!
//! Lengths and boundaries that come with them are not trusted: they are wrong in the wild, and a boundary says that a
//! picture has ended only when the next begins, one picture late. So markers are walked (ITU-T T.81, B.1.1): what lies in a
//! segment, a thumbnail's end for instance, ends nothing.

use std::ops::Range;

/// The longest picture that is waited for.
pub const JPEG_BYTES: usize = 16 << 20;

/// Room for new bytes that there always is: what a pipe holds.
const ROOM: usize = 64 << 10;

/// Takes a stream's bytes, gives its pictures. Holds no more than two of the longest, the newest and the one that is coming.
#[derive(Debug)]
pub struct JpegSplitter {
    /// Memory, of which only what is `held` came from the stream.
    bytes: Vec<u8>,
    held: usize,
    /// Where the picture that is coming begins, or may begin.
    start: usize,
    /// Up to where it was walked; past `held` where a segment is to be passed over.
    at: usize,
    place: Expected,
    newest: Option<Range<usize>>,
    /// The longest picture.
    most: usize,
    skipped: u64,
}

/// What is expected next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// A picture's start.
    Between,
    /// A marker.
    Markers,
    /// Entropy-coded data, up to a marker.
    Scan,
}

/// What the bytes so far gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JpegSplit {
    /// A picture that has ended: [`JpegSplitter::newest`]. Whether it is whole its decoder says.
    Picture,
    /// A picture that did not end in time. What came of it was dropped, and there is no newest.
    TooLong,
}

impl JpegSplitter {
    /// Pictures of no more than `most` bytes ([`JPEG_BYTES`]).
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            bytes: Vec::new(),
            held: 0,
            start: 0,
            at: 0,
            place: Expected::Between,
            newest: None,
            most,
            skipped: 0,
        }
    }

    /// Where the stream's next bytes are to be put.
    pub fn room(&mut self) -> &mut [u8] {
        if self.bytes.len() - self.held < ROOM {
            self.make_room();
        }
        &mut self.bytes[self.held..]
    }

    /// Moves what is needed to the front, and grows if that is not enough.
    fn make_room(&mut self) {
        // Nobody took it, and whatever came since was no picture.
        (self.newest).take_if(|newest| self.held - newest.start > 2 * self.most);
        let needed = (self.newest.as_ref()).map_or(self.start, |newest| newest.start);
        self.bytes.copy_within(needed..self.held, 0);
        self.held -= needed;
        self.start -= needed;
        self.at -= needed;
        if let Some(newest) = &mut self.newest {
            *newest = newest.start - needed..newest.end - needed;
        }
        if self.bytes.len() - self.held < ROOM {
            self.bytes.resize(self.held + ROOM, 0);
        }
    }

    /// So many bytes were put there.
    pub fn filled(&mut self, count: usize) {
        self.held = (self.held + count).min(self.bytes.len());
    }

    /// Goes on to where the next picture has ended; `None`: more bytes are needed.
    pub fn split(&mut self) -> Option<JpegSplit> {
        loop {
            let step = match self.place {
                Expected::Between => self.find_start(),
                Expected::Markers => self.pass_marker(),
                Expected::Scan => self.pass_scan(),
            };
            match step {
                Some(Passed::On) if self.at - self.start <= self.most => {}
                None if self.held - self.start <= self.most => return None,
                Some(Passed::Picture) if self.at - self.start <= self.most => {
                    self.newest = Some(self.start..self.at);
                    (self.start, self.place) = (self.at, Expected::Between);
                    return Some(JpegSplit::Picture);
                }
                // Not from its start again: each byte is walked once, whatever they say.
                _ => {
                    self.at = self.at.min(self.held);
                    self.drop_to(self.at);
                    (self.newest, self.place) = (None, Expected::Between);
                    return Some(JpegSplit::TooLong);
                }
            }
        }
    }

    /// The stream is over: what has come of a picture may lack no more than its end.
    pub fn finish(&mut self) -> Option<JpegSplit> {
        let cut = self.place == Expected::Scan;
        if cut {
            self.newest = Some(self.start..self.held);
        }
        (self.start, self.at, self.place) = (self.held, self.held, Expected::Between);
        cut.then_some(JpegSplit::Picture)
    }

    /// The picture that ended last.
    #[must_use]
    pub fn newest(&self) -> Option<&[u8]> {
        self.bytes.get(self.newest.clone()?)
    }

    /// It is not needed any more.
    pub fn forget_newest(&mut self) {
        self.newest = None;
    }

    /// Bytes that belonged to no picture: padding, headers of HTTP, and what was lost of pictures without an end.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    fn drop_to(&mut self, at: usize) {
        self.skipped += (at - self.start) as u64;
        self.start = at;
    }

    fn ahead(&self) -> &[u8] {
        self.bytes[..self.held].get(self.at..).unwrap_or_default()
    }

    /// Looks for a start of image, and that a marker follows it: two bytes alone come about by chance.
    fn find_start(&mut self) -> Option<Passed> {
        let ahead = self.ahead();
        let found = ahead
            .windows(3)
            .position(|three| three == [0xff, 0xd8, 0xff]);
        match found {
            Some(place) => {
                self.drop_to(self.at + place);
                self.at = self.start + 2;
                self.place = Expected::Markers;
                Some(Passed::On)
            }
            None => {
                self.drop_to(self.at + ahead.len().saturating_sub(2));
                self.at = self.start;
                None
            }
        }
    }

    /// Bytes between segments are tolerated, as every decoder does.
    fn pass_marker(&mut self) -> Option<Passed> {
        let ahead = self.ahead();
        let Some(place) = ahead.iter().position(|byte| *byte == 0xff) else {
            self.at += ahead.len();
            return None;
        };
        let marker = *ahead.get(place + 1)?;
        let length = (ahead.get(place + 2..)).and_then(|rest| rest.first_chunk().copied());
        self.at += place;
        match marker {
            0xff => self.at += 1,
            // No markers, and those without a segment.
            0x00 | 0x01 | 0xd0..=0xd7 => self.at += 2,
            // The picture ended within its headers.
            0xd8 => {
                self.drop_to(self.at);
                self.place = Expected::Between;
            }
            0xd9 => return self.end(),
            _ => {
                self.at += 2 + usize::from(u16::from_be_bytes(length?));
                if marker == 0xda {
                    self.place = Expected::Scan;
                }
            }
        }
        Some(Passed::On)
    }

    fn pass_scan(&mut self) -> Option<Passed> {
        let ahead = self.ahead();
        let Some(place) = ahead.iter().position(|byte| *byte == 0xff) else {
            self.at += ahead.len();
            return None;
        };
        let marker = *ahead.get(place + 1)?;
        self.at += place;
        match marker {
            0xff => self.at += 1,
            0x00 | 0xd0..=0xd7 => self.at += 2,
            // The next picture; this one may lack its end marker, or more.
            0xd8 => return Some(Passed::Picture),
            0xd9 => return self.end(),
            _ => self.place = Expected::Markers,
        }
        Some(Passed::On)
    }

    fn end(&mut self) -> Option<Passed> {
        self.at += 2;
        Some(Passed::Picture)
    }
}

/// How far a look at the bytes led.
enum Passed {
    On,
    /// To where the picture ends.
    Picture,
}
