//! What moving pictures come in: whatever is cut off or however it arrives, what is given is the same, and no more than came.

use std::io::Cursor;

use picture::frame::{Frame, FrameLimits};
use video::avi::{AviError, AviReader};
use video::mjpeg::{JPEG_BYTES, JpegSplit, JpegSplitter};
use video::y4m::{Y4M_LINE, Y4mHeader, frame_line};

/// Small, so that an input costs little.
const LIMITS: FrameLimits = FrameLimits {
    max_pixels: 1 << 16,
    min_side: 1,
    max_memory: 1 << 20,
};

/// A Y4M file: its header is read or refused alike however much follows, and its pictures are whole or none.
pub fn check_y4m(data: &[u8]) {
    let Ok(Some((header, mut at))) = Y4mHeader::read(data, &LIMITS) else {
        return;
    };
    assert!(at <= data.len().min(Y4M_LINE));
    let again = Y4mHeader::read(&data[..at], &LIMITS);
    assert!(again.is_ok_and(|again| again == Some((header, at))));
    for cut in 0..at {
        assert!(matches!(Y4mHeader::read(&data[..cut], &LIMITS), Ok(None)));
    }
    let picture = header.picture_bytes();
    assert!(picture as u64 <= 3 * LIMITS.max_pixels);
    let Ok(mut frame) = Frame::new(1, 1, vec![0; 3]) else {
        return;
    };
    while let Ok(Some(line)) = frame_line(&data[at..]) {
        let samples = &data[at + line..];
        let written = header.picture(samples).write(&mut frame);
        assert_eq!(written.is_ok(), samples.len() >= picture);
        if written.is_err() {
            break;
        }
        assert_eq!(frame.size(), header.size);
        at += line + picture;
    }
}

/// A stream of JPEGs gives the same pictures at once and in pieces.
///
/// The first byte says how long the pieces are, the rest is the stream.
pub fn check_mjpeg(data: &[u8]) {
    let [length, stream @ ..] = data else { return };
    let at_once = pictures(stream, stream.len().max(1));
    assert_eq!(at_once, pictures(stream, 1 + usize::from(*length)));
    let given: usize = at_once.iter().map(Vec::len).sum();
    assert!(given <= stream.len());
    for jpeg in &at_once {
        assert!(jpeg.starts_with(&[0xff, 0xd8, 0xff]));
    }
}

fn pictures(stream: &[u8], length: usize) -> Vec<Vec<u8>> {
    let mut splitter = JpegSplitter::new(JPEG_BYTES);
    let mut found = Vec::new();
    for mut piece in stream.chunks(length) {
        while !piece.is_empty() {
            let room = splitter.room();
            let count = piece.len().min(room.len());
            room[..count].copy_from_slice(&piece[..count]);
            piece = &piece[count..];
            splitter.filled(count);
            while let Some(split) = splitter.split() {
                assert_eq!(split, JpegSplit::Picture);
                found.extend(splitter.newest().map(<[u8]>::to_vec));
            }
        }
    }
    if splitter.finish().is_some() {
        found.extend(splitter.newest().map(<[u8]>::to_vec));
    }
    found
}

/// What a part of an AVI file gives, the whole file gives as well; and once more after it was rewound.
///
/// The first byte says where to cut, in 256ths from the end; the rest is the file.
pub fn check_avi(data: &[u8]) {
    let [place, file @ ..] = data else { return };
    let Ok(mut whole) = AviReader::open(Cursor::new(file)) else {
        return;
    };
    let all = chunks(&mut whole);
    assert!(all.iter().map(Vec::len).sum::<usize>() <= file.len());
    whole.rewind();
    assert_eq!(chunks(&mut whole), all);
    let cut = file.len() * usize::from(*place) / 256;
    if let Ok(mut part) = AviReader::open(Cursor::new(&file[..cut])) {
        let some = chunks(&mut part);
        assert!(all.starts_with(&some), "cut at {cut} of {}", file.len());
    }
}

fn chunks(reader: &mut AviReader<Cursor<&[u8]>>) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while let Ok(Some(length)) = reader.advance() {
        let mut jpeg = Vec::new();
        match reader.read(&mut jpeg) {
            Ok(()) => assert_eq!(jpeg.len(), length),
            Err(error) => assert!(!matches!(error, AviError::Cut), "a whole chunk was said"),
        }
        found.push(jpeg);
    }
    found
}
