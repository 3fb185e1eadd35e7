//! A Y4M stream. Its bytes are read to where they stay until they are RGB: no more is read than belongs to the picture that
//! is coming.

use picture::frame::{Frame, FrameLimits};

use super::reel::{Reel, feed};
use crate::source::{Encoding, SourceError};
use crate::y4m::{Y4M_LINE, Y4M_MAGIC, Y4mError, Y4mHeader, frame_line};

/// The shortest line before a picture, as nearly all are.
const LINE: usize = b"FRAME\n".len();

pub(super) struct Y4mReel {
    limits: FrameLimits,
    /// The header's line as far as it came.
    line: Vec<u8>,
    header: Option<Y4mHeader>,
    coming: Y4mPicture,
    newest: Y4mPicture,
    came: u64,
}

/// A picture with its line.
#[derive(Default)]
struct Y4mPicture {
    bytes: Vec<u8>,
    held: usize,
    /// Length of its line, once that is known.
    line: Option<usize>,
}

impl Y4mReel {
    pub fn new(limits: FrameLimits) -> Self {
        Self {
            limits,
            line: Vec::new(),
            header: None,
            coming: Y4mPicture::default(),
            newest: Y4mPicture::default(),
            came: 0,
        }
    }

    fn header_filled(&mut self) -> Result<(), SourceError> {
        if self.line.last() == Some(&b'\n') || self.line.len() >= Y4M_LINE {
            let read = Y4mHeader::read(&self.line, &self.limits).map_err(refused)?;
            self.header = read.map(|(header, _)| header);
        }
        Ok(())
    }

    fn picture_filled(&mut self, header: &Y4mHeader) -> Result<(), SourceError> {
        let Y4mPicture { bytes, held, line } = &mut self.coming;
        if line.is_none() {
            match frame_line(&bytes[..*held]) {
                Ok(length) => *line = length,
                // Where one stream was put behind the other.
                Err(Y4mError::NoFrame) if bytes[..*held].starts_with(Y4M_MAGIC) => {
                    return self.begin_anew();
                }
                Err(Y4mError::NoFrame) if Y4M_MAGIC.starts_with(&bytes[..*held]) => return Ok(()),
                Err(error) => return Err(refused(error)),
            }
        }
        let whole = line.unwrap_or(LINE) + header.picture_bytes();
        match line {
            Some(_) if *held == whole => {
                std::mem::swap(&mut self.coming, &mut self.newest);
                self.coming.held = 0;
                self.coming.line = None;
                self.came += 1;
                Ok(())
            }
            None if *held == whole => Err(refused(Y4mError::LongLine)),
            _ => Ok(()),
        }
    }

    fn begin_anew(&mut self) -> Result<(), SourceError> {
        let mut bytes = std::mem::take(&mut self.coming.bytes);
        bytes.truncate(self.coming.held);
        self.coming = Y4mPicture::default();
        self.header = None;
        self.line.clear();
        feed(self, &bytes)
    }
}

fn refused(error: Y4mError) -> SourceError {
    SourceError::Unusable(error.into())
}

impl Reel for Y4mReel {
    fn room(&mut self) -> &mut [u8] {
        let Some(header) = self.header else {
            // Byte by byte: what comes after the line belongs elsewhere.
            self.line.push(0);
            let last = self.line.len() - 1;
            return &mut self.line[last..];
        };
        let Y4mPicture { bytes, held, line } = &mut self.coming;
        bytes.resize(line.unwrap_or(LINE) + header.picture_bytes(), 0);
        &mut bytes[*held..]
    }

    fn filled(&mut self, count: usize) -> Result<(), SourceError> {
        match self.header {
            _ if count == 0 => Ok(()),
            None => self.header_filled(),
            Some(header) => {
                self.coming.held += count;
                self.picture_filled(&header)
            }
        }
    }

    fn finish(&mut self) {}

    fn came(&self) -> u64 {
        self.came
    }

    fn take(&mut self, canvas: &mut Frame) -> Result<Encoding, SourceError> {
        let (Some(header), Some(line)) = (self.header, self.newest.line) else {
            return Err(SourceError::TimedOut);
        };
        header.picture(&self.newest.bytes[line..]).write(canvas)?;
        Ok(Encoding::Planar)
    }
}
