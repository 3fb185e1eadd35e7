//! A Y4M stream. Its bytes are read to where they stay until they are RGB: no more is read than belongs to the picture that
//! is coming.

use picture::frame::{Frame, FrameLimits};

use super::reel::Reel;
use crate::source::{Encoding, SourceError};
use crate::y4m::{Y4M_LINE, Y4M_MAGIC, Y4mError, Y4mHeader, frame_line};

/// The shortest line before a picture, as nearly all are.
const LINE: usize = b"FRAME\n".len();

pub(super) struct Y4mReel {
    limits: FrameLimits,
    /// The header's line as far as it came.
    line: Vec<u8>,
    /// Where its next byte is put.
    byte: [u8; 1],
    /// Of the stream that is read now; none while its line comes.
    header: Option<Y4mHeader>,
    coming: Y4mPicture,
    newest: Y4mPicture,
    came: u64,
}

/// A picture with its line.
#[derive(Default)]
struct Y4mPicture {
    /// Grows to the largest picture that came, no further than the limits let a header say.
    bytes: Vec<u8>,
    held: usize,
    /// Once its line is whole: the header it came under (another stream's may be read before it is taken), and how long the
    /// line is.
    known: Option<(Y4mHeader, usize)>,
}

impl Y4mPicture {
    /// How many bytes may be read before more is known of it. Nothing is taken from behind its line, and no memory for its
    /// samples, until it is sure that they follow.
    fn most(&self) -> usize {
        match self.known {
            Some((header, line)) => line + header.picture_bytes(),
            None => LINE.max(self.held + 1),
        }
    }
}

impl Y4mReel {
    pub fn new(limits: FrameLimits) -> Self {
        Self {
            limits,
            line: Vec::new(),
            byte: [0],
            header: None,
            coming: Y4mPicture::default(),
            newest: Y4mPicture::default(),
            came: 0,
        }
    }

    fn header_filled(&mut self) -> Result<(), SourceError> {
        self.line.extend(self.byte);
        if self.line.last() == Some(&b'\n') || self.line.len() >= Y4M_LINE {
            let read = Y4mHeader::read(&self.line, &self.limits).map_err(refused)?;
            self.header = read.map(|(header, _)| header);
        }
        Ok(())
    }

    fn picture_filled(&mut self, header: Y4mHeader) -> Result<(), SourceError> {
        let coming = &mut self.coming;
        if coming.known.is_none() {
            let begun = &coming.bytes[..coming.held];
            if Y4M_MAGIC.starts_with(begun) {
                if begun.len() == Y4M_MAGIC.len() {
                    self.begin_anew();
                }
                return Ok(());
            }
            let line = frame_line(begun).map_err(refused)?;
            coming.known = line.map(|line| (header, line));
        }
        if coming.known.is_some() && coming.held == coming.most() {
            std::mem::swap(&mut self.coming, &mut self.newest);
            self.coming.held = 0;
            self.coming.known = None;
            self.came += 1;
        }
        Ok(())
    }

    /// One stream was put behind the other: of this one, what it begins with has come and no more.
    fn begin_anew(&mut self) {
        self.header = None;
        self.line.clear();
        self.line.extend(Y4M_MAGIC);
        self.coming.held = 0;
    }
}

fn refused(error: Y4mError) -> SourceError {
    SourceError::Unusable(error.into())
}

impl Reel for Y4mReel {
    fn room(&mut self) -> &mut [u8] {
        if self.header.is_none() {
            // Byte by byte: what comes after the line belongs elsewhere.
            return &mut self.byte;
        }
        let most = self.coming.most();
        let Y4mPicture { bytes, held, .. } = &mut self.coming;
        if bytes.len() < most {
            bytes.resize(most, 0);
        }
        &mut bytes[*held..most]
    }

    fn filled(&mut self, count: usize) -> Result<(), SourceError> {
        match self.header {
            _ if count == 0 => Ok(()),
            None => self.header_filled(),
            Some(header) => {
                self.coming.held += count;
                self.picture_filled(header)
            }
        }
    }

    fn finish(&mut self) {}

    fn came(&self) -> u64 {
        self.came
    }

    fn take(&mut self, canvas: &mut Frame) -> Result<Encoding, SourceError> {
        let Some((header, line)) = self.newest.known else {
            return Err(SourceError::TimedOut);
        };
        let samples = &self.newest.bytes[line..self.newest.held];
        header.picture(samples).write(canvas)?;
        Ok(header.encoding())
    }
}
