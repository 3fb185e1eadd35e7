use std::cell::Cell;
use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// A file of these pictures, and where its sizes are.
fn avi(pictures: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = AviWriter::new(Cursor::new(Vec::new()), [64, 48], [30_000, 1001]).unwrap();
    for picture in pictures {
        writer.push(picture).unwrap();
    }
    assert_eq!(writer.pictures(), pictures.len());
    writer.finish().unwrap().into_inner()
}

fn read(file: &[u8]) -> Result<(Vec<Vec<u8>>, Option<AviError>), AviError> {
    let mut reader = AviReader::open(Cursor::new(file))?;
    let mut found = Vec::new();
    loop {
        match reader.advance() {
            Ok(None) => return Ok((found, None)),
            Err(error) => {
                assert!(matches!(reader.advance(), Ok(None)), "none follows");
                return Ok((found, Some(error)));
            }
            Ok(Some(length)) => {
                let mut jpeg = vec![1; 3];
                reader.read(&mut jpeg)?;
                assert_eq!(jpeg.len(), length);
                found.push(jpeg);
            }
        }
    }
}

fn pictures() -> Vec<Vec<u8>> {
    (0..5_usize).map(|i| vec![i as u8; 40 + 7 * i]).collect()
}

#[test]
fn what_is_written_is_read_back_and_its_sizes_are_true() {
    let file = avi(&pictures());
    let (found, error) = read(&file).unwrap();
    assert_eq!(found, pictures());
    assert!(error.is_none());
    let mut reader = AviReader::open(Cursor::new(&file)).unwrap();
    assert_eq!(reader.duration(), Some(Duration::from_nanos(33_366_666)));
    // Once more, from the middle.
    assert!(reader.advance().unwrap().is_some());
    reader.rewind();
    assert_eq!(reader.advance().unwrap(), Some(40));

    assert_eq!(u32_at(&file, 4) as usize, file.len() - 8);
    check_sizes(&file, &pictures());
    let text = String::from_utf8_lossy(&file);
    assert!(text.contains(picture::NOTICE));
}

fn u32_at(file: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(file[at..at + 4].try_into().unwrap())
}

/// What the header and the index say of these pictures is true.
fn check_sizes(file: &[u8], pictures: &[Vec<u8>]) {
    let word = |at: usize| u32_at(file, at) as usize;
    assert_eq!([word(48), word(140)], [pictures.len(); 2]);
    let largest = pictures.iter().map(Vec::len).max().unwrap_or_default();
    assert_eq!([word(60), word(144)], [largest; 2]);
    let movi = file.windows(4).position(|four| four == b"movi").unwrap();
    let index = movi + word(movi - 4);
    assert_eq!(&file[index..index + 4], b"idx1");
    assert_eq!(word(index + 4), 16 * pictures.len());
    assert_eq!(word(4), index + 16 * pictures.len());
    for (i, picture) in pictures.iter().enumerate() {
        let entry = index + 8 + 16 * i;
        assert_eq!(&file[entry..entry + 4], b"00dc");
        let place = movi + word(entry + 8);
        assert_eq!(&file[place..place + 4], b"00dc");
        assert_eq!([word(entry + 12), word(place + 4)], [picture.len(); 2]);
        assert_eq!(&file[place + 8..][..picture.len()], picture);
    }
}

/// An output that takes so many bytes more.
struct Disk<'a> {
    file: Cursor<Vec<u8>>,
    room: &'a Cell<usize>,
}

impl Write for Disk<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.room.get());
        self.room.set(self.room.get() - count);
        self.file.write(&bytes[..count])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Disk<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[test]
fn a_picture_that_could_not_be_written_leaves_no_trace() {
    let pictures = pictures();
    for taken in 0..=8 + pictures[3].len() {
        let room = Cell::new(1 << 20);
        let disk = Disk {
            file: Cursor::default(),
            room: &room,
        };
        let mut writer = AviWriter::new(disk, [64, 48], [25, 1]).unwrap();
        writer.push(&pictures[0]).unwrap();
        room.set(taken);
        for _ in 0..2 {
            assert!(writer.push(&pictures[3]).is_err(), "{taken}");
            assert_eq!(writer.pictures(), 1);
        }
        room.set(1 << 20);
        writer.push(&pictures[1]).unwrap();
        let file = writer.finish().unwrap().file.into_inner();
        check_sizes(&file, &pictures[..2]);
        let (found, error) = read(&file).unwrap();
        assert!(error.is_none());
        assert_eq!(found, pictures[..2]);
    }
}

/// Cut anywhere: no header is no AVI; else the pictures that are whole, and a word where one is not.
#[test]
fn a_cut_file_gives_what_is_whole_and_says_so() {
    let file = avi(&pictures());
    let movi = file.windows(4).position(|four| four == b"movi").unwrap() + 4;
    let mut ends = vec![movi];
    for picture in pictures() {
        ends.push(ends.last().unwrap() + 8 + picture.len().next_multiple_of(2));
    }
    for cut in 0..file.len() {
        match read(&file[..cut]) {
            Err(error) => {
                assert!(cut < movi, "{cut}: {error}");
                assert!(matches!(error, AviError::NotAvi | AviError::NoPictures));
            }
            Ok((found, error)) => {
                // The byte that fills up an odd length may be missing.
                let all = pictures();
                let whole = all.iter().zip(&ends);
                let whole = whole.filter(|(picture, start)| **start + 8 + picture.len() <= cut);
                assert_eq!(found.len(), whole.count(), "{cut}");
                assert_eq!(found, pictures()[..found.len()]);
                let start = ends[found.len().min(ends.len() - 1)];
                let begun = found.len() < 5 && cut >= start + 8;
                assert_eq!(matches!(error, Some(AviError::Cut)), begun, "{cut}");
            }
        }
    }
}

#[test]
fn an_unfinished_file_is_read_to_its_end_past_sound_and_lists() {
    let mut file = avi(&pictures()[..2]);
    let movi = file.windows(4).position(|four| four == b"movi").unwrap();
    let index = file.windows(4).position(|four| four == b"idx1").unwrap();
    file.truncate(index);
    file[4..8].fill(0);
    file[movi - 4..movi].fill(0);
    file.extend(b"01wb\x03\0\0\0abc\0LIST\x10\0\0\0rec 00dc\x02\0\0\0xy00dc\0\0\0\0");
    let (found, error) = read(&file).unwrap();
    assert!(error.is_none());
    assert_eq!(found[2..], [b"xy".to_vec(), vec![]]);
}

/// A long recording, as OpenDML has it: further `RIFF`s with an index and lists of their own, the last never finished.
#[test]
fn what_goes_on_behind_the_first_part_is_read_on_and_again() {
    let chunk = |name: &[u8], body: &[u8]| {
        let size = (body.len() as u32).to_le_bytes();
        [name, &size, body, &vec![0; body.len() % 2]].concat()
    };
    let part = |picture: &[u8]| {
        let pictures = [
            &b"movi"[..],
            &chunk(b"ix00", b"00dc...."),
            &chunk(b"00dc", picture),
        ]
        .concat();
        let lists = [
            chunk(b"LIST", b"INFO00dc\0\0\0\0"),
            chunk(b"LIST", &pictures),
        ]
        .concat();
        chunk(
            b"RIFF",
            &[&b"AVIX"[..], &lists, &chunk(b"JUNK", &[7; 5])].concat(),
        )
    };
    let mut last = part(b"fgh");
    let movi = last.windows(4).position(|four| four == b"movi").unwrap();
    for size in [4, movi - 4] {
        last[size..size + 4].fill(0);
    }
    let foreign = chunk(b"RIFF", &[&b"WAVE"[..], &chunk(b"00dc", b"no")].concat());
    let file = [avi(&pictures()), part(b"abcde"), foreign, last].concat();
    let expected = [&pictures()[..], &[b"abcde".to_vec(), b"fgh".to_vec()]].concat();
    let (found, error) = read(&file).unwrap();
    assert!(error.is_none());
    assert_eq!(found, expected);

    let mut reader = AviReader::open(Cursor::new(&file)).unwrap();
    while reader.advance().unwrap().is_some() {}
    reader.rewind();
    assert_eq!(reader.advance().unwrap(), Some(40));

    // Cut within the last picture, it is said.
    let end = file.windows(3).position(|three| three == b"fgh").unwrap() + 2;
    let (found, error) = read(&file[..end]).unwrap();
    assert_eq!(found, expected[..6]);
    assert!(matches!(error, Some(AviError::Cut)));
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    let file = avi(&pictures());
    let place = file.windows(4).position(|four| four == b"strf").unwrap() + 24;
    let mut other = file.clone();
    other[place..place + 4].copy_from_slice(b"H264");
    let refused = read(&other).unwrap_err().to_string();
    assert!(refused.contains("'H264'"), "{refused}");
    let mut sound = file.clone();
    let place = file.windows(4).position(|four| four == b"vids").unwrap();
    sound[place..place + 4].copy_from_slice(b"auds");
    assert!(matches!(read(&sound), Err(AviError::NoPictures)));
    assert!(matches!(read(b"RIFF\0\0\0\0WAVE"), Err(AviError::NotAvi)));
    let mut huge = file;
    let place = huge.windows(4).position(|four| four == b"movi").unwrap() + 8;
    huge[place..place + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let (_, error) = read(&huge).unwrap();
    assert!(matches!(error, Some(AviError::TooLong(u32::MAX))));
}

proptest! {
    #[test]
    fn a_damaged_file_never_panics_and_gives_no_more_than_it_has(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let mut file = avi(&pictures());
        for (place, value) in edits {
            let place = place.index(file.len());
            file[place] = value;
        }
        if let Ok((found, _)) = read(&file) {
            prop_assert!(found.iter().map(Vec::len).sum::<usize>() <= file.len());
        }
    }
}
