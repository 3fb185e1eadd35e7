//! A file → its JPEGs, one after the other. Lists and sizes are walked as they stand; the index is not needed, nor is the
//! file's own size, which whoever was interrupted never wrote. What is longer than 1 or 2 GB goes on in a second `RIFF`, a third,
//! and so on (OpenDML AVI 1.02, 3.0): they are read as one.

use std::io::{BufReader, Error, ErrorKind, Read, Seek, SeekFrom};
use std::time::Duration;

use crate::mjpeg::JPEG_BYTES;

/// Chunks before the pictures, all of them small: more are no header.
const HEADER_CHUNKS: usize = 4096;

/// The file's pictures, from the first on.
#[derive(Debug)]
pub struct AviReader<R: Read> {
    input: BufReader<R>,
    /// Where the next byte is read.
    at: u64,
    /// Where its first picture's chunk may begin.
    first: u64,
    /// Bytes of the file.
    length: u64,
    /// Where the chunk after the current one begins.
    next: u64,
    /// Bytes of the current picture, at `at`.
    size: usize,
    stream: PictureStream,
}

/// The stream that has the pictures.
#[derive(Clone, Copy, Debug, Default)]
struct PictureStream {
    /// What the names of its chunks begin with.
    number: [u8; 2],
    duration: Option<Duration>,
}

/// Why a file is no AVI that is read here.
#[derive(Debug, thiserror::Error)]
pub enum AviError {
    /// Not an AVI.
    #[error("not an AVI file")]
    NotAvi,
    /// No pictures are announced.
    #[error("the AVI file has no pictures")]
    NoPictures,
    /// Pictures of another kind.
    #[error("the AVI file's pictures are '{0}', not motion JPEG ('ffmpeg -c:v mjpeg' makes it)")]
    Codec(String),
    /// A picture of more than [`JPEG_BYTES`].
    #[error("the AVI file has a picture of {0} bytes")]
    TooLong(u32),
    /// It ends within a picture.
    #[error("the AVI file ends within a picture")]
    Cut,
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] Error),
}

/// Name and length of a chunk.
struct ChunkHead {
    name: [u8; 4],
    size: u32,
}

impl<R: Read + Seek> AviReader<R> {
    /// Reads its headers.
    ///
    /// # Errors
    /// [`AviError`].
    pub fn open(mut file: R) -> Result<Self, AviError> {
        let length = file.seek(SeekFrom::End(0))?;
        file.rewind()?;
        let mut reader = Self {
            input: BufReader::new(file),
            at: 0,
            first: 0,
            length,
            next: 12,
            size: 0,
            stream: PictureStream::default(),
        };
        match reader.bytes::<12>()? {
            Some(start) if super::is_avi(&start) => reader.read_headers()?,
            _ => return Err(AviError::NotAvi),
        }
        Ok(reader)
    }

    fn read_headers(&mut self) -> Result<(), AviError> {
        let (mut stream, mut streams, mut frame) = (None, 0_u8, None);
        let mut header = StreamHeader::default();
        for _ in 0..HEADER_CHUNKS {
            let Some(head) = self.chunk()? else {
                return Err(AviError::NoPictures);
            };
            match &head.name {
                b"LIST" => {
                    let kind = self.bytes()?.ok_or(AviError::NotAvi)?;
                    match &kind {
                        b"movi" => {
                            (self.first, self.next) = (self.at, self.at);
                            let mut stream: PictureStream = stream.ok_or(AviError::NoPictures)?;
                            stream.duration = stream.duration.or(frame);
                            self.stream = stream;
                            return Ok(());
                        }
                        b"hdrl" | b"strl" => self.next = self.at,
                        _ => {}
                    }
                }
                b"avih" => frame = micros(u32_at(&self.body::<4>(&head)?, 0)),
                b"strh" => {
                    streams = streams.saturating_add(1);
                    header = StreamHeader::of(&self.body::<28>(&head)?);
                }
                b"strf" if header.is_video && stream.is_none() => {
                    let format = self.body::<20>(&head)?;
                    let codec = &format[16..20];
                    if !codec.eq_ignore_ascii_case(b"MJPG") {
                        let codec = String::from_utf8_lossy(codec).into_owned();
                        return Err(AviError::Codec(codec));
                    }
                    let number = streams - 1;
                    stream = Some(PictureStream {
                        number: [b'0' + number / 10, b'0' + number % 10],
                        duration: header.duration,
                    });
                }
                _ => {}
            }
        }
        Err(AviError::NoPictures)
    }

    /// How long each picture is shown, where the file says so.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.stream.duration
    }

    /// Goes to the next picture; its length, 0 where the one before is to be shown once more. `None` after the last.
    ///
    /// # Errors
    /// [`AviError::Cut`], [`AviError::TooLong`]; none follows then.
    pub fn advance(&mut self) -> Result<Option<usize>, AviError> {
        while self.next < self.length {
            let Some(head) = self.chunk()? else {
                break;
            };
            if matches!(&head.name, b"RIFF" | b"LIST") {
                // `rec `: pictures and sound that belong together.
                if let Some(b"AVIX" | b"movi" | b"rec ") = self.bytes()?.as_ref() {
                    self.next = self.at;
                }
                continue;
            }
            let [a, b, kind @ ..] = head.name;
            if [a, b] != self.stream.number || (&kind != b"dc" && &kind != b"db") {
                continue;
            }
            let size = usize::try_from(head.size).ok();
            let size = size.filter(|size| *size <= JPEG_BYTES);
            let Some(size) = size else {
                self.next = self.length;
                return Err(AviError::TooLong(head.size));
            };
            if self.at + size as u64 > self.length {
                self.next = self.length;
                return Err(AviError::Cut);
            }
            self.size = size;
            return Ok(Some(size));
        }
        self.next = self.length;
        Ok(None)
    }

    /// Reads the current picture, once.
    ///
    /// # Errors
    /// [`AviError::Cut`], [`AviError::Io`].
    pub fn read(&mut self, jpeg: &mut Vec<u8>) -> Result<(), AviError> {
        jpeg.resize(std::mem::take(&mut self.size), 0);
        self.read_exact(jpeg).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => AviError::Cut,
            _ => error.into(),
        })
    }

    /// Back before the first picture.
    pub fn rewind(&mut self) {
        (self.next, self.size) = (self.first, 0);
    }

    /// Reads the next chunk's name and length; `None` at the file's end.
    fn chunk(&mut self) -> Result<Option<ChunkHead>, AviError> {
        // Neither wraps: lengths of files are below 2^63.
        let offset = self.next.cast_signed().wrapping_sub(self.at.cast_signed());
        self.input.seek_relative(offset)?;
        self.at = self.next;
        let Some(bytes) = self.bytes::<8>()? else {
            return Ok(None);
        };
        let [a, b, c, d, ..] = bytes;
        let (name, size) = ([a, b, c, d], u32_at(&bytes, 4));
        self.next = self.at + u64::from(size) + u64::from(size % 2);
        Ok(Some(ChunkHead { name, size }))
    }

    /// The first bytes of a chunk's body.
    fn body<const N: usize>(&mut self, head: &ChunkHead) -> Result<[u8; N], AviError> {
        if (head.size as usize) < N {
            return Err(AviError::NotAvi);
        }
        self.bytes()?.ok_or(AviError::NotAvi)
    }

    /// The next bytes; `None` at the file's end.
    fn bytes<const N: usize>(&mut self) -> Result<Option<[u8; N]>, AviError> {
        let mut bytes = [0; N];
        match self.read_exact(&mut bytes) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
            read => Ok(read.map(|()| Some(bytes))?),
        }
    }

    fn read_exact(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        let read = self.input.read_exact(bytes);
        match read {
            Ok(()) => self.at += bytes.len() as u64,
            // How much of it was read is not said.
            Err(_) => self.at = self.input.stream_position()?,
        }
        read
    }
}

/// What a stream's header says.
#[derive(Default)]
struct StreamHeader {
    is_video: bool,
    duration: Option<Duration>,
}

impl StreamHeader {
    fn of(bytes: &[u8; 28]) -> Self {
        let (scale, rate) = (u32_at(bytes, 20), u32_at(bytes, 24));
        let nanos = (1_000_000_000 * u64::from(scale)).checked_div(u64::from(rate));
        Self {
            is_video: bytes.starts_with(b"vids"),
            duration: nanos.filter(|nanos| *nanos > 0).map(Duration::from_nanos),
        }
    }
}

fn micros(micros: u32) -> Option<Duration> {
    (micros > 0).then(|| Duration::from_micros(micros.into()))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..).and_then(<[u8]>::first_chunk);
    u32::from_le_bytes(four.copied().unwrap_or_default())
}
