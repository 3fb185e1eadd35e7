//! A file's bytes, for decoders that read them step by step.

use std::io::{BufRead, Cursor, Error, Read, Result, Seek, SeekFrom};

use super::stop::Stop;

/// Bytes given out between two questions to [`Stop`].
const SLICE: usize = 16 << 10;

/// A file's bytes as the decoders read them; reading fails once `stop` says so.
pub(super) struct Watched<'a> {
    bytes: Cursor<&'a [u8]>,
    stop: &'a Stop,
}

impl<'a> Watched<'a> {
    pub fn new(bytes: &'a [u8], stop: &'a Stop) -> Self {
        Self {
            bytes: Cursor::new(bytes),
            stop,
        }
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        let slice = buf.len().min(SLICE);
        self.stop.check().map_err(Error::other)?;
        self.bytes.read(&mut buf[..slice])
    }
}

impl BufRead for Watched<'_> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        self.stop.check().map_err(Error::other)?;
        let rest = self.bytes.fill_buf()?;
        Ok(&rest[..rest.len().min(SLICE)])
    }

    fn consume(&mut self, amount: usize) {
        self.bytes.consume(amount);
    }
}

impl Seek for Watched<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.bytes.seek(to)
    }
}
