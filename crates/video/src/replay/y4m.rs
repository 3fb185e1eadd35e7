//! A Y4M file.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::time::Duration;

use picture::frame::{Frame, FrameLimits};

use super::clip::{Clip, UNSAID};
use super::error::{ReplayError, lost, unusable};
use crate::source::{Encoding, SourceError};
use crate::y4m::{Y4M_LINE, Y4mError, Y4mHeader, frame_line};

pub(super) struct Y4mClip {
    input: BufReader<File>,
    length: u64,
    header: Y4mHeader,
    /// Where the first picture's line begins.
    first: u64,
    /// Where the current picture's samples begin, and where the next line does.
    samples: u64,
    next: u64,
    line: Vec<u8>,
    bytes: Vec<u8>,
}

impl Y4mClip {
    pub fn open(file: File, limits: &FrameLimits) -> Result<Self, SourceError> {
        let length = file.metadata().map_err(lost)?.len();
        let mut input = BufReader::new(file);
        let mut line = Vec::new();
        read_line(&mut input, &mut line).map_err(lost)?;
        let read = Y4mHeader::read(&line, limits).map_err(unusable)?;
        let (header, end) = read.ok_or_else(|| unusable(Y4mError::Cut))?;
        Ok(Self {
            input,
            length,
            header,
            first: end as u64,
            samples: end as u64,
            next: end as u64,
            line,
            bytes: Vec::new(),
        })
    }

    fn go_to(&mut self, place: u64) -> std::io::Result<()> {
        let offset = place.cast_signed() - self.input.stream_position()?.cast_signed();
        self.input.seek_relative(offset)
    }
}

/// A line with its end, or as much as one can have.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<()> {
    line.clear();
    input.take(Y4M_LINE as u64).read_until(b'\n', line)?;
    Ok(())
}

fn garbage(error: impl std::error::Error + Send + Sync + 'static) -> SourceError {
    SourceError::Garbage(error.into())
}

impl Clip for Y4mClip {
    fn advance(&mut self) -> Result<Option<Duration>, SourceError> {
        if self.next >= self.length {
            return Ok(None);
        }
        self.go_to(self.next).map_err(garbage)?;
        read_line(&mut self.input, &mut self.line).map_err(garbage)?;
        let line = frame_line(&self.line).map_err(garbage)?;
        let line = line.ok_or_else(|| garbage(ReplayError::Cut))? as u64;
        self.samples = self.next + line;
        self.next = self.samples + self.header.picture_bytes() as u64;
        match self.next > self.length {
            true => Err(garbage(ReplayError::Cut)),
            false => Ok(Some(self.header.duration().unwrap_or(UNSAID))),
        }
    }

    fn show(&mut self, canvas: &mut Frame) -> Result<Encoding, SourceError> {
        self.go_to(self.samples).map_err(garbage)?;
        self.bytes.resize(self.header.picture_bytes(), 0);
        self.input.read_exact(&mut self.bytes).map_err(garbage)?;
        self.header.picture(&self.bytes).write(canvas)?;
        Ok(self.header.encoding())
    }

    fn rewind(&mut self) -> Result<(), SourceError> {
        self.next = self.first;
        self.input.seek(SeekFrom::Start(self.first)).map_err(lost)?;
        Ok(())
    }
}
