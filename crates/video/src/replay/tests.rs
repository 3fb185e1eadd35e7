use std::borrow::Cow;
use std::io::Cursor;
use std::sync::Arc;

use ::gif::{DisposalMethod, Encoder, Frame as Piece};
use picture::frame::Frame;
use picture::render::{encode_jpeg, encode_png};
use picture::segmenter::{Clock, ManualClock};
use tempfile::TempDir;

use super::*;
use crate::avi::AviWriter;
use crate::source::{Encoding, Shot};
use crate::y4m::Y4mWriter;

const MS: Duration = Duration::from_millis(1);

fn shade(level: u8) -> Frame {
    Frame::new(32, 24, vec![level; 3 * 32 * 24]).unwrap()
}

fn near(frame: &Frame, level: u8) -> bool {
    frame.size() == [32, 24] && frame.rgb().iter().all(|v| v.abs_diff(level) <= 3)
}

/// Something to be replayed, by a clock in our hand.
struct Fixture {
    folder: TempDir,
    clock: Arc<ManualClock>,
    canvas: Frame,
}

impl Fixture {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::default(),
            canvas: Frame::new(1, 1, vec![0; 3]).unwrap(),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn replay(&self, path: PathBuf) -> Replay {
        Replay {
            path,
            each: None,
            looped: false,
            context: SourceContext {
                clock: self.clock.clone(),
                limits: FrameLimits::default(),
            },
        }
    }

    /// Asks at once, without waiting.
    fn ask(&mut self, source: &mut Box<dyn Source>) -> Result<Shot, SourceError> {
        let now = self.clock.now();
        source.next(&mut self.canvas, now)
    }
}

fn y4m(levels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let writer = Y4mWriter::begin([32, 24], [20, 1], &mut bytes);
    for level in levels {
        assert!(writer.push(&shade(*level), &mut bytes));
    }
    bytes
}

fn grey_y4m(levels: &[u8]) -> Vec<u8> {
    let mut bytes = b"YUV4MPEG2 W32 H24 F20:1 Cmono XCOLORRANGE=FULL\n".to_vec();
    for level in levels {
        bytes.extend(b"FRAME\n");
        bytes.extend([*level; 32 * 24]);
    }
    bytes
}

fn avi(levels: &[u8]) -> Vec<u8> {
    let mut writer = AviWriter::new(Cursor::new(Vec::new()), [32, 24], [20, 1]).unwrap();
    for level in levels {
        let jpeg = encode_jpeg(&shade(*level), 90).unwrap();
        writer.push(&jpeg).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Pieces over the whole screen, each shown for 50 ms.
fn gif(levels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 32, 24, &[]).unwrap();
    for level in levels {
        let palette = vec![*level; 6];
        let mut piece = Piece::from_palette_pixels(32, 24, vec![1; 32 * 24], palette, None);
        piece.delay = 5;
        encoder.write_frame(&piece).unwrap();
    }
    drop(encoder);
    bytes
}

#[test]
fn every_kind_shows_its_pictures_at_their_times_and_ends() {
    let levels = [20, 120, 220];
    for (name, bytes, encoding) in [
        ("a.y4m", y4m(&levels), Encoding::Planar),
        ("grey.y4m", grey_y4m(&levels), Encoding::Grey),
        ("a.avi", avi(&levels), Encoding::Jpeg),
        ("a.gif", gif(&levels), Encoding::File),
    ] {
        let mut fixture = Fixture::new();
        let path = fixture.write(name, &bytes);
        let mut source = fixture.replay(path).open().unwrap();
        let start = fixture.clock.now();
        for (i, level) in levels.into_iter().enumerate() {
            let due = start + 50 * MS * i as u32;
            if i > 0 {
                fixture.clock.advance(49 * MS);
                let early = fixture.ask(&mut source);
                assert!(
                    matches!(early, Err(SourceError::TimedOut)),
                    "{name}: {early:?}"
                );
                fixture.clock.advance(MS);
            }
            let shot = fixture.ask(&mut source).unwrap();
            let expected = Shot {
                sequence: i as u64,
                captured: due,
                encoding,
                placement: None,
            };
            assert_eq!(shot, expected, "{name}");
            assert!(near(&fixture.canvas, level), "{name} {i}");
        }
        for _ in 0..2 {
            let ended = fixture.ask(&mut source);
            assert!(
                matches!(ended, Err(SourceError::Ended)),
                "{name}: {ended:?}"
            );
        }
    }
}

#[test]
fn what_is_late_is_left_out_and_the_gap_tells() {
    let mut fixture = Fixture::new();
    let path = fixture.write("a.avi", &avi(&[10, 60, 110, 160, 210]));
    let replay = Replay {
        looped: true,
        ..fixture.replay(path)
    };
    let mut source = replay.open().unwrap();
    let start = fixture.clock.now();
    assert_eq!(fixture.ask(&mut source).unwrap().sequence, 0);
    // In the middle of the fourth.
    fixture.clock.advance(170 * MS);
    let late = fixture.ask(&mut source).unwrap();
    assert_eq!((late.sequence, late.captured - start), (3, 150 * MS));
    assert!(near(&fixture.canvas, 160));
    // A week later it is as quickly found, and still the picture that is due.
    let week = 7 * 24 * 3600 * 1000;
    fixture.clock.advance(week * MS);
    let late = fixture.ask(&mut source).unwrap();
    let gone_by = (u64::from(week) + 170) / 50;
    assert_eq!(late.sequence, gone_by);
    assert_eq!(late.captured - start, 50 * MS * gone_by as u32);
    assert!(near(&fixture.canvas, 10 + 50 * (gone_by % 5) as u8));
}

#[test]
fn a_folder_is_shown_by_names_at_the_rate_that_is_asked() {
    let mut fixture = Fixture::new();
    fixture.write("b.jpg", &encode_jpeg(&shade(120), 90).unwrap());
    fixture.write("a.PNG", &encode_png(shade(20)).unwrap());
    fixture.write("c.png", b"not a picture");
    fixture.write("d.png", &encode_png(shade(220)).unwrap());
    fixture.write("notes.txt", b"not for us");
    fixture.write(".hidden.png", b"not for us");
    let replay = Replay {
        each: Some(200 * MS),
        looped: true,
        ..fixture.replay(fixture.folder.path().into())
    };
    let mut source = replay.open().unwrap();
    for round in 0..2 {
        for (i, level) in [Some(20), Some(120), None, Some(220)]
            .into_iter()
            .enumerate()
        {
            let shot = fixture.ask(&mut source);
            match level {
                Some(level) => {
                    assert_eq!(shot.unwrap().sequence, 4 * round + i as u64);
                    assert!(near(&fixture.canvas, level));
                }
                None => assert!(matches!(shot, Err(SourceError::Garbage(_))), "{shot:?}"),
            }
            fixture.clock.advance(200 * MS);
        }
    }
}

#[test]
fn waiting_is_by_the_clock_and_no_longer_than_asked() {
    let mut fixture = Fixture::new();
    let path = fixture.write("a.y4m", &y4m(&[20, 120]));
    let mut source = fixture.replay(path).open().unwrap();
    let start = fixture.clock.now();
    fixture.ask(&mut source).unwrap();
    let clock = fixture.clock.clone();
    for (wait, comes) in [(30, false), (80, true)] {
        std::thread::scope(|scope| {
            let until = start + wait * MS;
            let canvas = &mut fixture.canvas;
            let source = &mut source;
            let asked = scope.spawn(move || source.next(canvas, until));
            assert!(clock.wait_for_sleepers(1));
            let waking = clock.next_waking().unwrap();
            assert_eq!(waking - start, if comes { 50 * MS } else { wait * MS });
            clock.advance(waking - clock.now());
            assert_eq!(asked.join().unwrap().is_ok(), comes);
        });
    }
}

/// Cut anywhere: an error that says so, never half a picture, and in a loop the whole ones again.
#[test]
fn a_cut_file_shows_what_is_whole() {
    for (name, bytes) in [
        ("a.y4m", y4m(&[20, 120])),
        ("a.avi", avi(&[20, 120])),
        ("a.gif", gif(&[20, 120])),
    ] {
        let mut shown_all = 0;
        for cut in (0..bytes.len())
            .step_by(7)
            .chain(bytes.len() - 3..bytes.len())
        {
            let mut fixture = Fixture::new();
            let path = fixture.write(name, &bytes[..cut]);
            let replay = Replay {
                looped: true,
                ..fixture.replay(path)
            };
            let mut source = match replay.open() {
                Ok(source) => source,
                Err(error) => {
                    assert!(
                        matches!(error, SourceError::Unusable(_)),
                        "{name} {cut}: {error}"
                    );
                    continue;
                }
            };
            let mut shown = 0;
            for _ in 0..8 {
                match fixture.ask(&mut source) {
                    Ok(_) => {
                        let whole = [20, 120].iter().any(|level| near(&fixture.canvas, *level));
                        assert!(whole, "{name} {cut}");
                        shown += 1;
                    }
                    Err(SourceError::Garbage(_) | SourceError::TimedOut) => {}
                    Err(SourceError::Unusable(_)) if shown == 0 => break,
                    Err(error) => panic!("{name} {cut}: {error}"),
                }
                fixture.clock.advance(50 * MS);
            }
            assert!(shown == 0 || shown >= 4, "{name} {cut}: {shown}");
            shown_all += shown;
        }
        assert!(shown_all > 30, "{name}: {shown_all}");
    }
}

#[test]
fn a_picture_of_an_avi_that_is_no_jpeg_is_garbage() {
    let mut writer = AviWriter::new(Cursor::new(Vec::new()), [32, 24], [20, 1]).unwrap();
    writer.push(&encode_png(shade(90)).unwrap()).unwrap();
    let mut fixture = Fixture::new();
    let path = fixture.write("a.avi", &writer.finish().unwrap().into_inner());
    let mut source = fixture.replay(path).open().unwrap();
    let refused = fixture.ask(&mut source);
    assert!(
        matches!(refused, Err(SourceError::Garbage(_))),
        "{refused:?}"
    );
}

#[test]
fn pieces_of_a_gif_lie_over_each_other_as_they_say() {
    let colours = [0, 0, 0, 250, 0, 0, 0, 250, 0];
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 16, 16, &colours).unwrap();
    let mut piece = |[left, top, width, height]: [u16; 4], index: u8, dispose, transparent| {
        let area = usize::from(width) * usize::from(height);
        let piece = Piece {
            left,
            top,
            width,
            height,
            dispose,
            transparent,
            buffer: Cow::Owned(vec![index; area]),
            ..Piece::default()
        };
        encoder.write_frame(&piece).unwrap();
    };
    piece([0, 0, 16, 16], 1, DisposalMethod::Keep, None);
    piece([4, 2, 3, 5], 2, DisposalMethod::Previous, None);
    piece([0, 0, 8, 8], 2, DisposalMethod::Background, Some(2));
    piece([15, 15, 1, 1], 2, DisposalMethod::Keep, None);
    drop(encoder);

    let mut fixture = Fixture::new();
    let path = fixture.write("a.gif", &bytes);
    let replay = Replay {
        looped: true,
        ..fixture.replay(path)
    };
    let mut source = replay.open().unwrap();
    let (red, green, black) = ([250, 0, 0], [0, 250, 0], [0, 0, 0]);
    let inside = |[x, y]: [u32; 2], [left, top, right, bottom]: [u32; 4]| {
        (left..right).contains(&x) && (top..bottom).contains(&y)
    };
    for round in 0..2 {
        for i in 0..4 {
            fixture.ask(&mut source).unwrap();
            for (place, pixel) in fixture.canvas.rgb().as_chunks::<3>().0.iter().enumerate() {
                let at = [place as u32 % 16, place as u32 / 16];
                let expected = match i {
                    1 if inside(at, [4, 2, 7, 7]) => green,
                    3 if at == [15, 15] => green,
                    3 if inside(at, [0, 0, 8, 8]) => black,
                    _ => red,
                };
                assert_eq!(*pixel, expected, "round {round}, piece {i}, {at:?}");
            }
            // No delay is said: a tenth of a second.
            fixture.clock.advance(100 * MS);
        }
    }
}

#[test]
fn what_is_no_video_is_refused_by_name_and_what_is_not_there_may_come() {
    let fixture = Fixture::new();
    let open = |path| fixture.replay(path).open().err().unwrap();
    let empty = open(fixture.folder.path().into());
    assert!(matches!(empty, SourceError::Unusable(_)), "{empty}");
    assert!(empty.to_string().contains("has no pictures"), "{empty}");
    let foreign = open(fixture.write("a.avi", b"\0\0\0 ftypisom"));
    assert!(matches!(foreign, SourceError::Unusable(_)), "{foreign}");
    let device = open("/dev/zero".into());
    assert!(matches!(device, SourceError::Unusable(_)), "{device}");
    let missing = open(fixture.folder.path().join("no.avi"));
    assert!(matches!(missing, SourceError::Lost(_)), "{missing}");
    let mut screen = Vec::new();
    let mut encoder = Encoder::new(&mut screen, u16::MAX, u16::MAX, &[0; 6]).unwrap();
    let piece = Piece::from_indexed_pixels(1, 1, [0], None);
    encoder.write_frame(&piece).unwrap();
    drop(encoder);
    let huge = open(fixture.write("a.gif", &screen));
    assert!(matches!(huge, SourceError::Unusable(_)), "{huge}");
    assert!(huge.to_string().contains("65535"), "{huge}");
}

#[test]
fn one_picture_stands_still() {
    let mut fixture = Fixture::new();
    let path = fixture.write("still", &encode_png(shade(120)).unwrap());
    let replay = Replay {
        looped: true,
        ..fixture.replay(path)
    };
    assert!(replay.label().ends_with("still"));
    let mut source = replay.open().unwrap();
    for sequence in 0..3 {
        assert_eq!(fixture.ask(&mut source).unwrap().sequence, sequence);
        assert!(near(&fixture.canvas, 120));
        fixture.clock.advance(UNSAID);
    }
}

/// A cine loop of three frames, of other times each: the third goes by while nobody asks.
#[test]
fn a_cine_loop_is_shown_at_its_own_times_and_begins_again() {
    let element = |tag: [u16; 2], vr: &[u8; 2], value: &[u8]| {
        let tag = tag.map(u16::to_le_bytes).concat();
        let length = value.len() as u32;
        let length = match vr {
            b"OB" => [&[0; 2][..], &length.to_le_bytes()].concat(),
            _ => (length as u16).to_le_bytes().to_vec(),
        };
        [&tag[..], vr, &length, value].concat()
    };
    let word = |tag, v: u16| element(tag, b"US", &v.to_le_bytes());
    let mut file = [&[0; 128][..], b"DICM"].concat();
    file.extend(element([2, 0x10], b"UI", b"1.2.840.10008.1.2.1\0"));
    file.extend(element([0x18, 0x1065], b"DS", b"0\\40\\70 "));
    file.extend(element([0x28, 4], b"CS", b"MONOCHROME2 "));
    file.extend(element([0x28, 8], b"IS", b"3 "));
    for (number, v) in [
        (0x10, 24),
        (0x11, 32),
        (0x100, 8),
        (0x101, 8),
        (0x102, 7),
        (0x103, 0),
    ] {
        file.extend(word([0x28, number], v));
    }
    let pixels: Vec<u8> = [20, 120, 220]
        .into_iter()
        .flat_map(|level| [level; 768])
        .collect();
    file.extend(element([0x7fe0, 0x10], b"OB", &pixels));

    let mut fixture = Fixture::new();
    let path = fixture.write("loop", &file);
    let replay = Replay {
        looped: true,
        ..fixture.replay(path.clone())
    };
    let mut source = replay.open().unwrap();
    let start = fixture.clock.now();
    for (wait, sequence, due, level) in [
        (0, 0, 0, 20),
        (40, 1, 40, 120),
        (145, 3, 180, 20),
        (40, 4, 220, 120),
    ] {
        fixture.clock.advance(wait * MS);
        let shot = fixture.ask(&mut source).unwrap();
        let expected = Shot {
            sequence,
            captured: start + due * MS,
            encoding: Encoding::File,
            placement: None,
        };
        assert_eq!(shot, expected);
        assert!(near(&fixture.canvas, level));
        let early = fixture.ask(&mut source);
        assert!(matches!(early, Err(SourceError::TimedOut)), "{early:?}");
    }
    std::fs::write(&path, &file[..file.len() - 2]).unwrap();
    let cut = replay.open().err().unwrap();
    assert!(matches!(cut, SourceError::Unusable(_)), "{cut}");
    assert!(cut.to_string().contains("truncated"), "{cut}");
}
