//! JPEGs → a file.

use std::io::{Error, ErrorKind, Result, Seek, SeekFrom, Write};

use picture::NOTICE;

/// The most that is written: sizes have 32 bits, of which some readers take the first for a sign.
const MOST: u64 = i32::MAX as u64;

// Where what is known at the end is written over; the header before has one form.
const RIFF_SIZE: u64 = 4;
const PICTURES: u64 = 48;
const LARGEST: u64 = 60;
const STREAM_PICTURES: u64 = 140;
const STREAM_LARGEST: u64 = 144;

/// An entry of the index: `AVIOLDINDEX`, 4 times 4 bytes.
const ENTRY: u64 = 16;

/// Writes motion JPEG, with the notice as its comment.
#[derive(Debug)]
pub struct AviWriter<W> {
    output: W,
    /// Where the list `movi` has its size.
    movi: u64,
    /// Where the next byte goes.
    at: u64,
    /// The output may be elsewhere: a picture was only written in part.
    astray: bool,
    /// Each picture's place and length.
    index: Vec<[u32; 2]>,
}

impl<W: Write + Seek> AviWriter<W> {
    /// Begins a file at the start of `output`, for pictures of one size. `rate`: pictures in so many seconds.
    ///
    /// # Errors
    /// The output's.
    pub fn new(output: W, size: [u32; 2], rate: [u32; 2]) -> Result<Self> {
        let header = header(size, rate);
        let mut writer = Self {
            output,
            movi: header.len() as u64 - 8,
            at: 0,
            astray: false,
            index: Vec::new(),
        };
        writer.write(&header)?;
        Ok(writer)
    }

    /// Adds a picture; without bytes, the one before once more.
    ///
    /// # Errors
    /// [`ErrorKind::FileTooLarge`] if the file would have more than 2 GiB; the output's. The picture is then left out, and what
    /// there is can be added to and finished.
    pub fn push(&mut self, jpeg: &[u8]) -> Result<()> {
        let (pictures, length) = (self.index.len() as u64 + 1, jpeg.len() as u64);
        if self.at + length + ENTRY * pictures + 32 > MOST {
            return Err(ErrorKind::FileTooLarge.into());
        }
        // From the name of the list on (AVI RIFF reference, `idx1`).
        let (start, place) = (self.at, self.at - self.movi - 4);
        let written = self.write_picture(jpeg);
        match written {
            Ok(()) => self.index.push([place as u32, length as u32]),
            Err(_) => (self.at, self.astray) = (start, true),
        }
        written
    }

    fn write_picture(&mut self, jpeg: &[u8]) -> Result<()> {
        self.find_back()?;
        self.write(b"00dc")?;
        self.write(&(jpeg.len() as u32).to_le_bytes())?;
        self.write(jpeg)?;
        match jpeg.len() % 2 {
            1 => self.write(&[0]),
            _ => Ok(()),
        }
    }

    /// What there is of a picture that could not be written is written over.
    fn find_back(&mut self) -> Result<()> {
        if self.astray {
            self.output.seek(SeekFrom::Start(self.at))?;
            self.astray = false;
        }
        Ok(())
    }

    /// Pictures so far.
    #[must_use]
    pub fn pictures(&self) -> usize {
        self.index.len()
    }

    /// Writes the index, and the sizes that are known now.
    ///
    /// # Errors
    /// The output's.
    pub fn finish(mut self) -> Result<W> {
        self.find_back()?;
        let movi = self.at - self.movi - 4;
        let index = std::mem::take(&mut self.index);
        let (mut chunk, mut largest) = (Vec::new(), 0);
        for [place, length] in &index {
            // Each picture stands for itself, a key frame; nothing is the one before once more.
            let key = if *length == 0 { 0 } else { 0x10 };
            for value in [u32::from_le_bytes(*b"00dc"), key, *place, *length] {
                chunk.extend(value.to_le_bytes());
            }
            largest = largest.max(*length);
        }
        self.write(b"idx1")?;
        self.write(&(chunk.len() as u32).to_le_bytes())?;
        self.write(&chunk)?;
        let (pictures, riff) = (index.len() as u32, self.at as u32 - 8);
        for (place, value) in [
            (RIFF_SIZE, riff),
            (PICTURES, pictures),
            (LARGEST, largest),
            (STREAM_PICTURES, pictures),
            (STREAM_LARGEST, largest),
            (self.movi, movi as u32),
        ] {
            self.output.seek(SeekFrom::Start(place))?;
            self.output.write_all(&value.to_le_bytes())?;
        }
        self.output.seek(SeekFrom::Start(self.at))?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.output.write_all(bytes)?;
        self.at = (self.at.checked_add(bytes.len() as u64))
            .ok_or_else(|| Error::from(ErrorKind::FileTooLarge))?;
        Ok(())
    }
}

/// Up to the first picture; sizes that are not known yet are 0.
fn header([width, height]: [u32; 2], [pictures, seconds]: [u32; 2]) -> Vec<u8> {
    let micros = (1_000_000 * u64::from(seconds)).checked_div(u64::from(pictures));
    let micros = u32::try_from(micros.unwrap_or_default()).unwrap_or_default();
    let has_index = 0x10;
    #[rustfmt::skip]
    let main = words(&[micros, 0, 0, has_index, 0, 0, 1, 0, width, height, 0, 0, 0, 0]);
    let kind = [*b"vids", *b"MJPG"].concat();
    let [right, bottom] = [width, height].map(|side| u32::from(side.min(0x7fff) as u16));
    #[rustfmt::skip]
    let times = words(&[0, 0, 0, seconds, pictures, 0, 0, 0, u32::MAX, 0, 0, right | bottom << 16]);
    let mjpg = u32::from_le_bytes(*b"MJPG");
    // One plane, 24 bits.
    #[rustfmt::skip]
    let format = words(&[40, width, height, 1 | 24 << 16, mjpg, 0, 0, 0, 0, 0]);
    let strl = list(
        b"strl",
        &[
            chunk(b"strh", &[kind, times].concat()),
            chunk(b"strf", &format),
        ],
    );
    let hdrl = list(b"hdrl", &[chunk(b"avih", &main), strl]);
    let notice = [NOTICE.as_bytes(), &[0]].concat();
    let info = list(
        b"INFO",
        &[chunk(b"ICMT", &notice), chunk(b"ISFT", b"espmedsam\0")],
    );
    let start = [&b"RIFF\0\0\0\0AVI "[..], &hdrl, &info].concat();
    [&start[..], b"LIST\0\0\0\0movi"].concat()
}

fn words(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_le_bytes();
    let padding: &[u8] = if body.len() % 2 == 1 { &[0] } else { &[] };
    [name, &length[..], body, padding].concat()
}

fn list(name: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    chunk(b"LIST", &[&name[..], &chunks.concat()].concat())
}
