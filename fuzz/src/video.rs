//! What moving pictures come in: whatever is cut off or however it arrives, what is given is the same, and no more than came.

use std::io::{Cursor, Write};
use std::sync::Arc;

use picture::frame::{Frame, FrameLimits};
use picture::segmenter::{Clock, ManualClock};
use video::avi::{AviError, AviReader};
use video::mjpeg::{JPEG_BYTES, JpegSplit, JpegSplitter};
use video::source::SourceContext;
use video::stream::pictures_of;
use video::y4m::{Y4M_LINE, Y4M_MAGIC, Y4mHeader, frame_line};

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

/// A Y4M stream ends on the same picture whether it comes through a pipe at once or in pieces.
///
/// The first byte says how long the pieces are, the rest is the stream.
pub fn check_y4m_stream(data: &[u8]) {
    let [length, stream @ ..] = data else { return };
    if stream.starts_with(Y4M_MAGIC) {
        let stream = &stream[..stream.len().min(PIPE)];
        let at_once = last_of_pipe(stream, PIPE);
        assert_eq!(at_once, last_of_pipe(stream, 1 + usize::from(*length)));
    }
}

/// What a pipe holds for sure while nobody reads (Linux: 64 KiB).
const PIPE: usize = 32 << 10;

/// The last picture that such a pipe gives, and its number.
fn last_of_pipe(stream: &[u8], length: usize) -> Option<(u64, Frame)> {
    let clock = Arc::new(ManualClock::default());
    let context = SourceContext {
        clock: clock.clone(),
        limits: LIMITS,
    };
    let (reader, mut writer) = std::io::pipe().ok()?;
    let mut source = pictures_of(reader, &context);
    let mut canvas = Frame::new(1, 1, vec![0; 3]).ok()?;
    let mut last = None;
    // Reads what is there, a byte at least; whether there may be more.
    let mut ask = || match source.next(&mut canvas, clock.now()) {
        Ok(shot) => {
            last = Some((shot.sequence, canvas.clone()));
            true
        }
        Err(error) => !error.is_final(),
    };
    let mut goes_on = true;
    for piece in stream.chunks(length) {
        assert!(writer.write_all(piece).is_ok(), "its reader is there");
        goes_on = goes_on && piece.iter().all(|_| ask());
    }
    drop(writer);
    while goes_on {
        goes_on = ask();
    }
    last
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
