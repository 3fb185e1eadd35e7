//! The bytes of a file, in memory or not: never read beyond their end, never allocated before they are known to exist.

use std::io::{BufReader, Read, Seek, SeekFrom};

use crate::error::DicomError;

/// What a DICOM file is read from.
pub trait Bytes: Read + Seek + Send {}

impl<T: Read + Seek + Send> Bytes for T {}

/// A file and a place in it.
pub(crate) struct ByteInput {
    bytes: BufReader<Box<dyn Bytes>>,
    at: u64,
    length: u64,
}

impl ByteInput {
    pub fn new(mut bytes: Box<dyn Bytes>) -> Result<Self, DicomError> {
        let length = bytes.seek(SeekFrom::End(0))?;
        bytes.seek(SeekFrom::Start(0))?;
        Ok(Self {
            bytes: BufReader::new(bytes),
            at: 0,
            length,
        })
    }

    pub fn at(&self) -> u64 {
        self.at
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    pub fn go_to(&mut self, place: u64) -> Result<(), DicomError> {
        if place > self.length {
            return Err(DicomError::Truncated("its data"));
        }
        let offset = place.cast_signed().wrapping_sub(self.at.cast_signed());
        self.bytes.seek_relative(offset)?;
        self.at = place;
        Ok(())
    }

    pub fn skip(&mut self, count: u64) -> Result<(), DicomError> {
        let place = self.at.checked_add(count);
        self.go_to(place.ok_or(DicomError::Truncated("its data"))?)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DicomError> {
        let mut array = [0; N];
        self.bytes.read_exact(&mut array)?;
        self.at += N as u64;
        Ok(array)
    }

    /// Appends so many bytes.
    pub fn read(&mut self, count: u64, into: &mut Vec<u8>) -> Result<(), DicomError> {
        if count > self.length - self.at {
            return Err(DicomError::Truncated("a value"));
        }
        into.reserve_exact(count as usize);
        let read = (&mut self.bytes).take(count).read_to_end(into)?;
        self.at += read as u64;
        match read as u64 == count {
            true => Ok(()),
            false => Err(DicomError::Truncated("a value")),
        }
    }

    /// All that follows.
    pub fn rest(&mut self) -> impl Read + '_ {
        &mut self.bytes
    }
}
