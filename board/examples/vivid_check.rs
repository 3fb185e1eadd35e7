//! The camera source against Linux's own virtual cameras (`vivid`), which must be loaded as `cross/board/init` does. Ends with
//! a panic where anything is not as it should be. Called by `make test-board` in an emulated board.

#![allow(clippy::expect_used, reason = "it is a test, for another kernel")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use espmedsam_board::camera::{
    CameraBus, CameraOpener, CameraWish, LinuxBus, OfferedFormat, PixelCode,
};
use moq_v4l::Device;
use moq_v4l::control::{Control, Value};
use picture::frame::{Frame, FrameLimits};
use picture::segmenter::SystemClock;
use video::source::{Encoding, Opener, Shot, Source, SourceContext, SourceError};

/// A webcam, and a grabber with one HDMI input.
const WEBCAM: &str = "/dev/video0";
const GRABBER: &str = "/dev/video1";
const PATIENCE: Duration = Duration::from_secs(5);
const SIZE: [u32; 2] = [320, 180];
/// So slow that an emulated board, which may stall for a moment, has time for each.
const FPS: f32 = 4.0;

/// vivid's controls (`vivid-ctrls.c`).
const VIVID: u32 = 0x00f0_f000;
const HDMI_SIGNAL: u32 = VIVID + 62;
const DROPPED_PERCENT: u32 = VIVID + 64;
const DISCONNECT: u32 = VIVID + 65;

fn main() {
    lists();
    for encoding in [Encoding::Yuyv, Encoding::Nv12, Encoding::Grey] {
        captures(encoding);
    }
    keeps_gaps();
    times_out_in_time();
    knows_no_signal();
    survives_unplugging();
    println!("vivid: all as it should be");
}

fn canvas() -> Frame {
    Frame::new(1, 1, vec![0; 3]).expect("a canvas")
}

fn opener(device: &str, encoding: Encoding) -> CameraOpener {
    let context = SourceContext {
        clock: Arc::new(SystemClock),
        limits: FrameLimits::default(),
    };
    let mut opener = CameraOpener::new(device, context);
    opener.wish = CameraWish {
        encoding: Some(encoding),
        size: SIZE,
        fps: FPS,
    };
    opener
}

fn next(source: &mut dyn Source, canvas: &mut Frame) -> Result<Shot, SourceError> {
    source.next(canvas, Instant::now() + PATIENCE)
}

fn set(device: &str, id: u32, value: i64) {
    let device = Device::with_path(device).expect("vivid");
    let value = Value::Integer(value);
    device
        .set_control(Control { id, value })
        .expect("a control");
}

fn lists() {
    let found = LinuxBus.list().expect("/dev");
    for camera in &found {
        println!("{} {}", camera.path.display(), camera.card);
        assert_eq!(camera.problem, None);
    }
    let paths: Vec<&Path> = found.iter().map(|camera| camera.path.as_path()).collect();
    assert_eq!(paths, [WEBCAM, GRABBER].map(Path::new));
    let mut camera = LinuxBus.open(Path::new(WEBCAM)).expect("the webcam");
    let offers = camera.offers().expect("formats");
    println!("{} formats", offers.len());
    for code in [PixelCode::YUYV, PixelCode::NV12, PixelCode::GREY] {
        let has = |format: &&OfferedFormat| format.code == code;
        let format = offers.iter().find(has).expect("a format");
        let size = format.sizes.iter().find(|size| size.smallest == SIZE);
        let size = size.expect("a size");
        println!("{code}: {} sizes, {:?} fps", format.sizes.len(), size.fps);
        assert!(size.fps.contains(&FPS));
    }
}

/// Thirty pictures: each the next, and none missing.
fn captures(encoding: Encoding) {
    let mut source = opener(WEBCAM, encoding).open().expect("the webcam");
    let mut canvas = canvas();
    let mut oldest = Duration::ZERO;
    let shots: Vec<Shot> = (0..30)
        .map(|_| {
            let shot = next(&mut *source, &mut canvas).expect("a picture");
            assert_eq!((shot.encoding, canvas.size()), (encoding, SIZE));
            oldest = oldest.max(shot.captured.elapsed());
            shot
        })
        .collect();
    let sequence: Vec<u64> = shots.iter().map(|shot| shot.sequence).collect();
    assert_eq!(sequence, Vec::from_iter(0..30));
    println!("{encoding:?}: 30 pictures, {oldest:.1?} old at most");
    keeps_time(&shots);
    bars(&canvas, encoding);
}

/// Times go on with every picture, and in the mean by as much as they should for each that came or was dropped.
fn keeps_time(shots: &[Shot]) {
    assert!(shots.is_sorted_by(|a, b| a.captured < b.captured));
    let (first, last) = (shots[0], shots[shots.len() - 1]);
    let steps = (last.sequence - first.sequence) as f64;
    let apart = (last.captured - first.captured).as_secs_f64() / steps;
    println!("{:.1} ms from one to the next", 1000.0 * apart);
    assert!((apart * f64::from(FPS) - 1.0).abs() < 0.1);
}

/// vivid's pattern: bars from white to black.
fn bars(canvas: &Frame, encoding: Encoding) {
    let at = |part: usize| {
        let x = (2 * part + 1) * SIZE[0] as usize / 16;
        let at = 3 * (150 * SIZE[0] as usize + x);
        let rgb = &canvas.rgb()[at..at + 3];
        [rgb[0], rgb[1], rgb[2]]
    };
    let found: Vec<[u8; 3]> = (0..8).map(at).collect();
    println!("{encoding:?}: {found:?}");
    // White, yellow, cyan, green, magenta, red, blue, black.
    let bits = [7, 3, 6, 2, 5, 1, 4, 0];
    let mut last = 256;
    for (rgb, bits) in found.iter().zip(bits) {
        if encoding == Encoding::Grey {
            assert!(u32::from(rgb[0]) < last, "{found:?}");
            last = u32::from(rgb[0]);
            continue;
        }
        for (channel, sample) in rgb.iter().enumerate() {
            assert_eq!(bits >> channel & 1 == 1, *sample > 100, "{found:?}");
        }
    }
}

fn keeps_gaps() {
    let (mut source, mut canvas) = (
        opener(WEBCAM, Encoding::Yuyv).open().expect("the webcam"),
        canvas(),
    );
    set(WEBCAM, DROPPED_PERCENT, 40);
    let shots: Vec<Shot> = (0..20)
        .map(|_| next(&mut *source, &mut canvas).expect("a picture"))
        .collect();
    set(WEBCAM, DROPPED_PERCENT, 0);
    let missing = shots[19].sequence - shots[0].sequence - 19;
    println!("20 pictures came, {missing} were dropped");
    assert!((1..100).contains(&missing));
    keeps_time(&shots);
}

fn times_out_in_time() {
    let (mut source, mut canvas) = (
        opener(WEBCAM, Encoding::Yuyv).open().expect("the webcam"),
        canvas(),
    );
    next(&mut *source, &mut canvas).expect("a picture");
    set(WEBCAM, DROPPED_PERCENT, 100);
    std::thread::sleep(Duration::from_millis(600));
    while source.next(&mut canvas, Instant::now()).is_ok() {}
    let start = Instant::now();
    let silent = source.next(&mut canvas, start + Duration::from_millis(700));
    let waited = start.elapsed();
    set(WEBCAM, DROPPED_PERCENT, 0);
    assert!(matches!(silent, Err(SourceError::TimedOut)), "{silent:?}");
    println!("silence: timed out after {waited:.1?} of 700 ms");
    assert!((700..1500).contains(&waited.as_millis()));
    next(&mut *source, &mut canvas).expect("a picture after the silence");
}

fn knows_no_signal() {
    let (mut source, mut canvas) = (
        opener(GRABBER, Encoding::Yuyv).open().expect("the grabber"),
        canvas(),
    );
    next(&mut *source, &mut canvas).expect("a picture");
    set(GRABBER, HDMI_SIGNAL, 1);
    let start = Instant::now();
    let lost = loop {
        match next(&mut *source, &mut canvas) {
            Ok(_) => assert!(start.elapsed() < PATIENCE, "no word of the lost signal"),
            Err(error) => break error,
        }
    };
    println!("no signal: known after {:.1?}", start.elapsed());
    assert!(matches!(lost, SourceError::NoSignal), "{lost}");
    set(GRABBER, HDMI_SIGNAL, 0);
}

fn survives_unplugging() {
    let opener = opener(WEBCAM, Encoding::Yuyv);
    let (mut source, mut canvas) = (opener.open().expect("the webcam"), canvas());
    next(&mut *source, &mut canvas).expect("a picture");
    set(WEBCAM, DISCONNECT, 1);
    let start = Instant::now();
    let lost = loop {
        match next(&mut *source, &mut canvas) {
            Ok(_) => assert!(start.elapsed() < PATIENCE, "unplugged, and pictures go on"),
            Err(error) => break error,
        }
    };
    println!("unplugged: known after {:.1?}: {lost}", start.elapsed());
    assert!(matches!(lost, SourceError::Lost(_)));
    assert!(matches!(opener.open(), Err(SourceError::Lost(_))));
    // vivid comes back when its last handle is closed.
    drop(source);
    let mut source = opener.open().expect("the webcam again");
    let shot = next(&mut *source, &mut canvas).expect("a picture again");
    assert_eq!((shot.sequence, canvas.size()), (0, SIZE));
}
