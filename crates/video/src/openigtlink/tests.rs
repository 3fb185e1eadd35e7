use std::io::Write;
use std::net::{TcpListener, TcpStream};

use igtl::{
    ByteOrder, HeaderVersion, IgtlFault, IgtlStamp, ImageMatrix, ImageMessage, ImagePart,
    OutMessage, ScalarKind, TypeName, WorldAxes,
};
use picture::frame::{Frame, FrameLimits};
use picture::scale::PixelSize;
use picture::segmenter::{ManualClock, SystemClock};

use super::*;
use crate::placement::Placement;
use crate::source::{Encoding, Shot};
use crate::stream::Reel;

/// By the system's clock: reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

const MATRIX: ImageMatrix = ImageMatrix {
    steps: [[0.0, 0.25, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 1.0]],
    centre: [1.0, 2.0, 3.0],
};

/// A grey picture of 20 x 16.
fn image(samples: &[u8]) -> ImageMessage<'_> {
    let size = [20, 16, 1];
    ImageMessage {
        components: 1,
        scalar: ScalarKind::Uint8,
        order: ByteOrder::Little,
        axes: WorldAxes::Ras,
        size,
        matrix: MATRIX,
        part: ImagePart::whole(size),
        samples,
    }
}

fn message(kind: &str, device: &str, content: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let message = OutMessage {
        version: HeaderVersion::Two,
        kind: TypeName::new(kind),
        device: DeviceName::new(device),
        stamp: IgtlStamp(77 << 32),
        id: 1,
        metadata: &[("Key", "value")],
    };
    let mut bytes = Vec::new();
    message.write(&mut bytes, content);
    bytes
}

fn sent(device: &str, image: &ImageMessage<'_>) -> Vec<u8> {
    message("IMAGE", device, |content| image.write(content))
}

fn grey(level: u8) -> Vec<u8> {
    sent("Image_Reference", &image(&[level; 320]))
}

/// A reel, and where its pictures go.
struct Fixture {
    reel: ImageReel,
    canvas: Frame,
}

impl Fixture {
    fn new(device: Option<&str>) -> Self {
        let limits = FrameLimits {
            max_pixels: 1 << 16,
            ..FrameLimits::default()
        };
        Self {
            reel: ImageReel::new(device.map(DeviceName::new), limits),
            canvas: Frame::new(1, 1, vec![0; 3]).unwrap(),
        }
    }

    /// Lets it have these bytes, and gives the first thing that is wrong with them.
    fn feed(&mut self, mut bytes: &[u8]) -> Result<(), SourceError> {
        let mut first = Ok(());
        while !bytes.is_empty() {
            let room = self.reel.room();
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            let filled = self.reel.filled(count);
            if matches!(filled, Err(SourceError::Unusable(_))) {
                return filled;
            }
            first = first.and(filled);
        }
        first
    }

    fn level(&mut self) -> Option<u8> {
        self.reel.take(&mut self.canvas).ok()?;
        Some(self.canvas.rgb()[0])
    }
}

/// What was wrong with a picture.
fn refusal(fed: Result<(), SourceError>) -> ImageRefusal {
    match fed {
        Err(SourceError::Garbage(cause)) => *cause.downcast().expect("a refusal"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_newest_picture_wins_and_has_its_place() {
    let mut fixture = Fixture::new(None);
    let stream = [
        message("TRANSFORM", "Probe", |content| content.extend([0; 48])),
        grey(10),
        message("NEVER_SEEN", "x", |content| content.extend([1; 5000])),
        grey(20),
    ];
    fixture.feed(&stream.concat()).unwrap();
    assert_eq!(fixture.reel.came(), 2);
    assert_eq!(fixture.level(), Some(20));
    assert_eq!(fixture.canvas.size(), [20, 16]);
    assert_eq!(fixture.level(), None, "given once");
    let placement = fixture.reel.placement().unwrap();
    assert_eq!(placement.matrix([20, 16]), MATRIX);
    assert_eq!(
        (placement.axes, placement.stamp),
        (WorldAxes::Ras, IgtlStamp(77 << 32))
    );
    assert_eq!(placement.pixel(), PixelSize::new([0.25, 0.5]).ok());
}

#[test]
fn colours_and_deep_samples_are_as_they_are_elsewhere() {
    let mut fixture = Fixture::new(None);
    let rgb: Vec<u8> = (0..960).map(|i| (i % 251) as u8).collect();
    let colour = ImageMessage {
        components: 3,
        ..image(&rgb)
    };
    fixture.feed(&sent("a", &colour)).unwrap();
    assert_eq!(
        fixture.reel.take(&mut fixture.canvas).unwrap(),
        Encoding::Rgb
    );
    assert_eq!(fixture.canvas.rgb(), rgb);
    let mut deep = |word: u16, order| {
        let bytes = match order {
            ByteOrder::Big => word.to_be_bytes(),
            ByteOrder::Little => word.to_le_bytes(),
        };
        let samples = bytes.repeat(320);
        let deep = ImageMessage {
            scalar: ScalarKind::Uint16,
            order,
            ..image(&samples)
        };
        fixture.feed(&sent("a", &deep)).unwrap();
        fixture.level()
    };
    // Of 12 bits the upper eight, in either order; once there were 12, a darker picture is no brighter for it.
    assert_eq!(deep(0x0fa0, ByteOrder::Big), Some(0xfa));
    assert_eq!(deep(0x0fa0, ByteOrder::Little), Some(0xfa));
    assert_eq!(deep(0x00a0, ByteOrder::Little), Some(0x0a));
}

#[test]
fn what_is_no_picture_is_refused_by_name_and_the_next_one_is_taken() {
    let mut fixture = Fixture::new(None);
    let volume: Vec<u8> = vec![0; 640];
    let two = ImageMessage {
        size: [20, 16, 2],
        part: ImagePart::whole([20, 16, 2]),
        ..image(&volume)
    };
    let part = ImageMessage {
        size: [40, 16, 1],
        ..image(&[0; 320])
    };
    let thin = ImageMessage {
        size: [320, 1, 1],
        part: ImagePart::whole([320, 1, 1]),
        ..image(&[0; 320])
    };
    let real = vec![0; 4 * 320];
    let real = ImageMessage {
        scalar: ScalarKind::Float32,
        ..image(&real)
    };
    let pair = ImageMessage {
        components: 2,
        ..image(&volume)
    };
    for (wrong, expected) in [
        (&two, "an image of 2 slices is no picture"),
        (&part, "a part of an image is no picture"),
        (&real, "images of 1 x float32 are not taken"),
        (&pair, "images of 2 x uint8 are not taken"),
        (&thin, "320x1"),
    ] {
        let refused = refusal(fixture.feed(&sent("a", wrong))).to_string();
        assert!(refused.contains(expected), "{refused}");
        fixture.feed(&sent("a", &image(&[7; 320]))).unwrap();
        assert_eq!(fixture.level(), Some(7), "{expected}");
    }
    let mut damaged = sent("a", &image(&[9; 320]));
    *damaged.last_mut().unwrap() ^= 1;
    let refused = refusal(fixture.feed(&damaged));
    assert!(
        matches!(refused, ImageRefusal::Fault(IgtlFault::Crc { .. })),
        "{refused}"
    );
    assert_eq!(fixture.level(), None, "nothing of it is shown");
    let fed = fixture.feed(&[sent("a", &image(&[8; 320])), damaged].concat());
    assert!(matches!(
        refusal(fed),
        ImageRefusal::Fault(IgtlFault::Crc { .. })
    ));
    assert_eq!(fixture.level(), Some(8), "the one before is not lost");
}

#[test]
fn a_device_is_kept_to() {
    let mut named = Fixture::new(Some("Image_Reference"));
    named
        .feed(
            &[
                sent("Other", &image(&[1; 320])),
                grey(2),
                sent("Other", &image(&[3; 320])),
            ]
            .concat(),
        )
        .unwrap();
    assert_eq!((named.reel.came(), named.level()), (1, Some(2)));
    let mut first = Fixture::new(None);
    first
        .feed(&[grey(4), sent("Other", &image(&[5; 320]))].concat())
        .unwrap();
    assert_eq!((first.reel.came(), first.level()), (1, Some(4)));
}

#[test]
fn lengths_that_lie_end_the_connection_before_memory_is_taken() {
    for claimed in [1_u64 << 30, u64::MAX] {
        let mut lying = grey(1);
        lying[42..50].copy_from_slice(&claimed.to_be_bytes());
        let mut fixture = Fixture::new(None);
        let ended = fixture.feed(&lying);
        assert!(matches!(ended, Err(SourceError::Unusable(_))), "{ended:?}");
    }
    let mut foreign = Fixture::new(None);
    let ended = foreign.feed(&b"HTTP/1.1 200 OK\r\n".repeat(9));
    assert!(matches!(ended, Err(SourceError::Unusable(_))), "{ended:?}");
}

fn link(listener: &TcpListener) -> LinkStream {
    let address = listener.local_addr().unwrap().to_string();
    LinkStream {
        address: address.try_into().unwrap(),
        device: None,
        context: SourceContext {
            clock: Arc::new(SystemClock),
            limits: FrameLimits::default(),
        },
    }
}

fn next(source: &mut dyn Source) -> Result<(Shot, u8), SourceError> {
    let mut canvas = Frame::new(1, 1, vec![0; 3]).unwrap();
    let shot = source.next(&mut canvas, Instant::now() + PATIENCE)?;
    Ok((shot, canvas.rgb()[0]))
}

#[test]
fn a_server_that_goes_is_lost_and_opened_anew_when_it_is_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let link = link(&listener);
    for level in [30, 40] {
        let mut source = link.open().unwrap();
        let (mut peer, _): (TcpStream, _) = listener.accept().unwrap();
        let picture = grey(level);
        // In two pieces: half a picture is none.
        peer.write_all(&picture[..100]).unwrap();
        let mut canvas = Frame::new(1, 1, vec![0; 3]).unwrap();
        let early = source.next(&mut canvas, Instant::now());
        assert!(matches!(early, Err(SourceError::TimedOut)), "{early:?}");
        peer.write_all(&picture[100..]).unwrap();
        let (shot, found) = next(source.as_mut()).unwrap();
        assert_eq!((shot.sequence, found), (0, level));
        assert_eq!(
            shot.placement
                .map(|place: Placement| place.matrix([20, 16])),
            Some(MATRIX)
        );
        peer.write_all(&picture[..99]).unwrap();
        drop(peer);
        let gone = next(source.as_mut());
        assert!(matches!(gone, Err(SourceError::Lost(_))), "{gone:?}");
    }
    drop(listener);
    assert!(matches!(link.open().err(), Some(SourceError::Lost(_))));
}

#[test]
fn a_server_that_talks_something_else_may_be_another_tomorrow() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut source = link(&listener).open().unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(&b"220 mail.local ESMTP\r\n".repeat(9))
        .unwrap();
    let lost = next(source.as_mut());
    assert!(matches!(lost, Err(SourceError::Lost(_))), "{lost:?}");
}

/// Says nothing, for ever.
struct Silent(Arc<ManualClock>);

impl Intake for Silent {
    fn read(&mut self, _: &mut [u8], until: Instant) -> IoResult<Option<usize>> {
        self.0
            .advance(until.saturating_duration_since(self.0.now()));
        Ok(None)
    }
}

#[test]
fn a_connection_that_fell_silent_is_lost_in_time() {
    let clock = Arc::new(ManualClock::default());
    let start = clock.now();
    let mut heard = HeardLink {
        intake: Silent(clock.clone()),
        at: start,
        clock,
    };
    let mut read = |after: u64| heard.read(&mut [0], start + Duration::from_secs(after));
    assert!(matches!(read(9), Ok(None)));
    assert_eq!(read(10).unwrap_err().kind(), ErrorKind::TimedOut);
}
