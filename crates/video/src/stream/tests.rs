use std::collections::VecDeque;
use std::io::{Error, Result as IoResult};
use std::time::Duration;

use picture::frame::{FrameLimits, decode};
use picture::render::encode_jpeg;
use picture::segmenter::ManualClock;
use proptest::prelude::*;

use super::y4m_reel::Y4mReel;
use super::*;
use crate::source::Encoding;
use crate::y4m::Y4mWriter;

const MS: Duration = Duration::from_millis(1);

/// What happens on a wire.
#[derive(Clone, Debug)]
enum Event {
    Bytes(Vec<u8>),
    /// So much time passes before anything comes.
    Pause(Duration),
    Fails,
    Ends,
}

struct Script {
    clock: Arc<ManualClock>,
    events: VecDeque<Event>,
}

impl Intake for Script {
    fn read(&mut self, room: &mut [u8], until: Instant) -> IoResult<Option<usize>> {
        assert!(!room.is_empty());
        match self.events.pop_front() {
            Some(Event::Bytes(bytes)) => {
                let count = bytes.len().min(room.len());
                room[..count].copy_from_slice(&bytes[..count]);
                if count < bytes.len() {
                    self.events
                        .push_front(Event::Bytes(bytes[count..].to_vec()));
                }
                Ok(Some(count))
            }
            Some(Event::Pause(left)) => {
                let wait = left.min(until.saturating_duration_since(self.clock.now()));
                self.clock.advance(wait);
                match wait < left {
                    true => {
                        self.events.push_front(Event::Pause(left - wait));
                        Ok(None)
                    }
                    false => self.read(room, until),
                }
            }
            Some(Event::Fails) => Err(Error::other("unplugged")),
            Some(Event::Ends) => Ok(Some(0)),
            None => {
                let left = until.saturating_duration_since(self.clock.now());
                self.clock.advance(left);
                Ok(None)
            }
        }
    }
}

struct Fixture {
    clock: Arc<ManualClock>,
    stream: Stream<Script>,
    canvas: Frame,
}

impl Fixture {
    fn new(events: impl IntoIterator<Item = Event>, ending: Ending) -> Self {
        let clock = Arc::new(ManualClock::default());
        let script = Script {
            clock: clock.clone(),
            events: events.into_iter().collect(),
        };
        let context = SourceContext {
            clock: clock.clone(),
            limits: FrameLimits::default(),
        };
        Self {
            clock,
            stream: Stream::new(script, &context, ending),
            canvas: Frame::new(1, 1, vec![0; 3]).unwrap(),
        }
    }

    /// Asks for a picture, and waits 100 ms.
    fn next(&mut self) -> Result<Shot, SourceError> {
        let until = self.clock.now() + 100 * MS;
        self.stream.next(&mut self.canvas, until)
    }
}

fn shade(shade: u8) -> Frame {
    Frame::new(32, 24, vec![shade; 3 * 32 * 24]).unwrap()
}

fn jpeg(level: u8) -> Vec<u8> {
    encode_jpeg(&shade(level), 90).unwrap()
}

fn y4m(levels: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let writer = Y4mWriter::begin([32, 24], [25, 1], &mut bytes);
    for level in levels {
        assert!(writer.push(&shade(level), &mut bytes));
    }
    bytes
}

fn near(frame: &Frame, level: u8) -> bool {
    frame.size() == [32, 24] && frame.rgb().iter().all(|v| v.abs_diff(level) <= 3)
}

fn is_timeout(result: &Result<Shot, SourceError>) -> bool {
    matches!(result, Err(SourceError::TimedOut))
}

#[test]
fn the_newest_picture_is_given_and_the_gap_tells_of_the_others() {
    let jpegs = [10, 20, 30].map(jpeg).concat();
    for (bytes, more, encoding) in [
        (jpegs, jpeg(90), Encoding::Jpeg),
        (
            y4m([10, 20, 30]),
            y4m([90])[y4m([]).len()..].to_vec(),
            Encoding::Planar,
        ),
    ] {
        let events = [
            Event::Bytes(bytes),
            Event::Pause(150 * MS),
            Event::Bytes(more),
        ];
        let mut fixture = Fixture::new(events, Ending::Final);
        let start = fixture.clock.now();
        let first = fixture.next().unwrap();
        let expected = Shot {
            sequence: 2,
            captured: start,
            encoding,
            placement: None,
        };
        assert_eq!(first, expected);
        assert!(near(&fixture.canvas, 30));
        assert!(is_timeout(&fixture.next()));
        assert_eq!(fixture.clock.now() - start, 100 * MS);
        let second = fixture.next().unwrap();
        assert_eq!((second.sequence, second.captured - start), (3, 150 * MS));
        assert!(near(&fixture.canvas, 90));
        assert!(is_timeout(&fixture.next()));
    }
}

#[test]
fn the_end_is_told_once_everything_was_given_and_again() {
    for ending in [Ending::Final, Ending::Reopens] {
        let open = jpeg(60);
        let events = [
            Event::Bytes(jpeg(10)),
            Event::Bytes(open[..open.len() - 2].to_vec()),
            Event::Ends,
        ];
        let mut fixture = Fixture::new(events, ending);
        // The last lacks its end marker alone.
        assert_eq!(fixture.next().unwrap().sequence, 1);
        assert!(near(&fixture.canvas, 60));
        for _ in 0..3 {
            let over = fixture.next().unwrap_err();
            match ending {
                Ending::Final => assert!(matches!(over, SourceError::Ended)),
                Ending::Reopens => assert!(matches!(over, SourceError::Lost(_)), "{over}"),
            }
        }
    }
}

#[test]
fn half_a_picture_is_garbage_and_the_next_is_whole() {
    let noise = (0..3 * 32 * 24_u32).map(|i| (i * i) as u8).collect();
    let half = encode_jpeg(&Frame::new(32, 24, noise).unwrap(), 90).unwrap();
    let events = [
        Event::Bytes(half[..half.len() - 300].to_vec()),
        Event::Pause(50 * MS),
        Event::Bytes(jpeg(20)[..300].to_vec()),
        Event::Pause(50 * MS),
        Event::Bytes(jpeg(20)[300..].to_vec()),
    ];
    let mut fixture = Fixture::new(events, Ending::Final);
    let garbage = fixture.next().unwrap_err();
    assert!(
        matches!(garbage, SourceError::Garbage(_)) && !garbage.is_final(),
        "{garbage}"
    );
    assert_eq!(fixture.next().unwrap().sequence, 1);
    assert!(near(&fixture.canvas, 20));
}

#[test]
fn half_a_y4m_picture_is_never_given() {
    let whole = y4m([50]);
    for cut in 0..whole.len() {
        let events = [Event::Bytes(whole[..cut].to_vec()), Event::Ends];
        let mut fixture = Fixture::new(events, Ending::Final);
        let ended = fixture.next();
        assert!(matches!(ended, Err(SourceError::Ended)), "{cut}: {ended:?}");
    }
}

/// Asked again and again before the rest comes.
#[test]
fn a_y4m_stream_may_stop_anywhere_and_go_on() {
    let whole = [y4m([]), y4m([50])].concat();
    for cut in 1..whole.len() {
        let events = [
            Event::Bytes(whole[..cut].to_vec()),
            Event::Pause(250 * MS),
            Event::Bytes(whole[cut..].to_vec()),
        ];
        let mut fixture = Fixture::new(events, Ending::Final);
        for _ in 0..2 {
            assert!(is_timeout(&fixture.next()), "{cut}");
        }
        assert_eq!(fixture.next().unwrap().sequence, 0, "{cut}");
        assert!(near(&fixture.canvas, 50), "{cut}");
    }
}

#[test]
fn one_y4m_stream_behind_the_other_is_read_on() {
    let bytes = [y4m([10, 20]), y4m([30])].concat();
    let events = bytes.chunks(7).map(|piece| Event::Bytes(piece.to_vec()));
    let mut fixture = Fixture::new(events, Ending::Final);
    assert_eq!(fixture.next().unwrap().sequence, 2);
    assert!(near(&fixture.canvas, 30));
}

/// The next stream says another size and colours before anybody asked for the last picture of this one.
#[test]
fn a_y4m_picture_is_read_as_its_own_header_says() {
    let frame = Frame::new(64, 48, vec![90; 3 * 64 * 48]).unwrap();
    let mut bytes = Vec::new();
    assert!(Y4mWriter::begin([64, 48], [25, 1], &mut bytes).push(&frame, &mut bytes));
    let picture = bytes.len();
    bytes.extend(b"YUV4MPEG2 W32 H24 C444 XCOLORRANGE=FULL\n");
    for cut in picture..=bytes.len() {
        let mut fixture = Fixture::new([Event::Bytes(bytes[..cut].to_vec())], Ending::Final);
        assert_eq!(fixture.next().unwrap().sequence, 0, "{cut}");
        assert_eq!(fixture.canvas.size(), [64, 48], "{cut}");
        let right = |value: &u8| value.abs_diff(90) <= 3;
        assert!(fixture.canvas.rgb().iter().all(right), "{cut}");
    }
}

#[test]
fn grey_y4m_is_told_as_grey() {
    let mut bytes = b"YUV4MPEG2 W32 H24 Cmono XCOLORRANGE=FULL\nFRAME\n".to_vec();
    bytes.extend([90; 32 * 24]);
    let mut fixture = Fixture::new([Event::Bytes(bytes)], Ending::Final);
    assert_eq!(fixture.next().unwrap().encoding, Encoding::Grey);
    assert_eq!(fixture.canvas, shade(90));
}

/// A header promises 36 MB a picture, and another header comes instead, again and again.
#[test]
fn a_y4m_header_alone_takes_no_memory_and_nothing_from_behind_it() {
    let header = b"YUV4MPEG2 W4899 H4898\n";
    let mut reel = Y4mReel::new(FrameLimits::default());
    for byte in header.iter().cycle().take(64 << 10) {
        let room = reel.room();
        assert!((1..=6).contains(&room.len()), "{}", room.len());
        room[0] = *byte;
        reel.filled(1).unwrap();
    }
    assert_eq!(reel.came(), 0);
    let flood = header.repeat(3000);
    let mut fixture = Fixture::new([Event::Bytes(flood), Event::Ends], Ending::Final);
    assert!(matches!(fixture.next(), Err(SourceError::Ended)));
}

#[test]
fn what_is_no_video_ends_it_or_is_waited_out_where_another_may_come() {
    let interlaced = b"YUV4MPEG2 W32 H24 It\n".to_vec();
    let no_frame = [&y4m([])[..], b"FRANK\n"].concat();
    for (bytes, word) in [
        (vec![7; 300_000], "neither Y4M nor"),
        (interlaced, "interlaced"),
        (no_frame, "'FRAME'"),
    ] {
        let run = |ending| Fixture::new([Event::Bytes(bytes.clone())], ending).next();
        let stopped = run(Ending::Final).unwrap_err();
        assert!(matches!(stopped, SourceError::Unusable(_)), "{stopped}");
        assert!(stopped.to_string().contains(word), "{stopped}");
        let lost = run(Ending::Reopens).unwrap_err();
        assert!(matches!(lost, SourceError::Lost(_)), "{lost}");
    }
    let failed = Fixture::new([Event::Fails], Ending::Final).next();
    assert!(matches!(failed, Err(SourceError::Lost(_))));
}

/// Bytes without end and without a picture.
#[test]
fn a_flood_does_not_hold_it_past_its_time() {
    let picture = jpeg(10);
    let scan = picture
        .windows(2)
        .position(|two| two == [0xff, 0xda])
        .unwrap()
        + 14;
    let begun = Event::Bytes(picture[..scan].to_vec());
    let flood = (0..3000).flat_map(|_| [Event::Pause(MS), Event::Bytes(vec![7; 10_000])]);
    let mut fixture = Fixture::new(std::iter::once(begun).chain(flood), Ending::Final);
    let start = fixture.clock.now();
    assert!(is_timeout(&fixture.next()));
    assert_eq!(fixture.clock.now() - start, 100 * MS);
    let endless = (0..20).find_map(|_| {
        fixture
            .next()
            .err()
            .filter(|e| !matches!(e, SourceError::TimedOut))
    });
    assert!(
        matches!(endless, Some(SourceError::Garbage(_))),
        "{endless:?}"
    );
}

proptest! {
    /// However the bytes come, pictures are given in their order and whole, each at most once, the last for sure.
    #[test]
    fn pictures_come_in_order_whole_and_to_the_last(
        levels in prop::collection::vec(0..8_u8, 1..9),
        lengths in prop::collection::vec(1..3000_usize, 1..9),
        pauses in prop::collection::vec(0..60_u32, 1..9),
        jpegs: bool,
    ) {
        let levels: Vec<u8> = levels.into_iter().map(|level| 20 + 30 * level).collect();
        let bytes = match jpegs {
            true => levels.iter().flat_map(|level| jpeg(*level)).collect(),
            false => y4m(levels.iter().copied()),
        };
        let (mut rest, mut events) = (&bytes[..], Vec::new());
        for (length, pause) in lengths.iter().cycle().zip(pauses.iter().cycle()) {
            let (piece, after) = rest.split_at((*length).min(rest.len()));
            events.extend([Event::Bytes(piece.to_vec()), Event::Pause(*pause * MS)]);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        events.push(Event::Ends);
        let mut fixture = Fixture::new(events, Ending::Final);
        let (mut last, mut asked) = (None, 0);
        loop {
            asked += 1;
            prop_assert!(asked < 10_000);
            match fixture.next() {
                Ok(shot) => {
                    prop_assert!(last < Some(shot.sequence));
                    last = Some(shot.sequence);
                    prop_assert!(near(&fixture.canvas, levels[shot.sequence as usize]));
                }
                Err(SourceError::TimedOut) => {}
                Err(error) => {
                    prop_assert!(matches!(error, SourceError::Ended), "{}", error);
                    break;
                }
            }
        }
        prop_assert_eq!(last, Some(levels.len() as u64 - 1));
    }
}

#[test]
fn a_stream_s_picture_is_the_file_s() {
    let file = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/samples/hc18_230_HC.jpg"
    ))
    .unwrap();
    let mut fixture = Fixture::new([Event::Bytes(file.clone())], Ending::Final);
    fixture.next().unwrap();
    assert_eq!(decode(&file, &FrameLimits::default()), Ok(fixture.canvas));
}
