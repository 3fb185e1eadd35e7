//! What becomes of a camera's pictures, and of all that is none.

use std::sync::Arc;

use espmedsam_board::camera::{
    CameraBus, CameraError, Happening, InputSignal, PixelCode, PixelLayout,
};
use picture::segmenter::Clock;
use video::convert::YuvStandard;
use video::source::{Opener, Shot, SourceError};

use super::bench::{Bench, EVERY, SECOND, cause, jpeg, layout, png, raw};

#[test]
fn every_encoding_arrives_at_its_time_and_size() {
    let size = [32, 16];
    let codes = [PixelCode::YUYV, PixelCode::NV12, PixelCode::GREY];
    let mut cases: Vec<(PixelLayout, Vec<Happening>)> = codes
        .map(|code| layout(code, size))
        .map(|layout| {
            (
                layout,
                [50, 90]
                    .map(|level| Happening::Picture(raw(layout, level)))
                    .into(),
            )
        })
        .into();
    // Some cameras fill up what they send.
    let padded = |level| [jpeg(size, level), vec![0; 99]].concat();
    let pictures = [50, 90].map(|level| Happening::Picture(padded(level).into()));
    cases.push((layout(PixelCode::MJPG, size), pictures.into()));
    for (layout, pictures) in cases {
        let mut bench = Bench::new(layout, pictures);
        let start = bench.clock.now();
        let mut source = bench.open();
        for (sequence, level) in [(0, 50_u8), (1, 90)] {
            let shot = bench.next(&mut *source).unwrap();
            let encoding = layout.code.encoding().unwrap();
            let captured = start + (sequence as u32 + 1) * EVERY;
            let expected = Shot {
                sequence,
                captured,
                encoding,
                placement: None,
            };
            assert_eq!(shot, expected);
            assert_eq!(bench.canvas.size(), size, "{layout}");
            assert!(bench.level().abs_diff(level) <= 1, "{layout}");
        }
    }
}

#[test]
fn colours_are_those_of_the_standard_that_the_camera_says() {
    let mut layout = layout(PixelCode::YUYV, [32, 16]);
    layout.standard = YuvStandard::Bt709;
    // Red, by BT.709; by BT.601 it would be 232 at most.
    let red: Arc<[u8]> = [54, 99, 54, 255].repeat(32 * 8).into();
    let mut bench = Bench::new(layout, vec![Happening::Picture(red)]);
    let mut source = bench.open();
    bench.next(&mut *source).unwrap();
    for [red, green, blue] in bench.canvas.rgb().as_chunks().0 {
        assert!(*red >= 252 && green.max(blue) <= &3, "{red} {green} {blue}");
    }
}

#[test]
fn silence_ends_when_it_was_to_end_and_pictures_go_on_after_it() {
    let layout = layout(PixelCode::YUYV, [32, 16]);
    let picture = raw(layout, 77);
    let silence = Happening::Silence(3 * SECOND);
    let mut bench = Bench::new(layout, vec![silence, Happening::Picture(picture)]);
    let mut source = bench.open();
    for _ in 0..3 {
        let asked = bench.clock.now();
        let error = bench.next(&mut *source).unwrap_err();
        assert!(matches!(error, SourceError::TimedOut), "{error}");
        assert_eq!(bench.clock.now(), asked + SECOND);
    }
    assert_eq!(bench.next(&mut *source).unwrap().sequence, 0);
    assert_eq!(bench.level(), 77);
    // An end that has passed: what is there is taken, and nothing is waited for.
    let now = bench.clock.now();
    let late = source.next(&mut bench.canvas, now - SECOND);
    assert!(matches!(late, Err(SourceError::TimedOut)));
    assert_eq!(bench.clock.now(), now);
}

#[test]
fn unplugged_is_lost_at_once_and_pictures_come_again_once_it_is_back() {
    let layout = layout(PixelCode::GREY, [32, 16]);
    let [before, after] = [60, 200].map(|level| Happening::Picture(raw(layout, level)));
    let mut bench = Bench::new(layout, vec![before, Happening::Unplugged(SECOND), after]);
    let start = bench.clock.now();
    let mut source = bench.open();
    bench.next(&mut *source).unwrap();
    assert_eq!(bench.bus.list().unwrap().len(), 1);
    let lost = bench.next(&mut *source).unwrap_err();
    assert!(
        matches!(lost, SourceError::Lost(_)) && lost.is_final(),
        "{lost}"
    );
    // The time from the last picture to the unplugging, not the second that was to be waited.
    assert_eq!(bench.clock.now(), start + 2 * EVERY);
    assert_eq!(bench.bus.list().unwrap(), []);
    let gone = bench.opener.open().err().unwrap();
    assert!(matches!(gone, SourceError::Lost(_)), "{gone}");
    assert!(gone.to_string().contains("/dev/video7"), "{gone}");
    bench.clock.sleep_until(start + 2 * EVERY + SECOND);
    // What was opened before stays lost.
    assert!(matches!(
        bench.next(&mut *source),
        Err(SourceError::Lost(_))
    ));
    let mut source = bench.open();
    assert_eq!(bench.next(&mut *source).unwrap().sequence, 0);
    assert_eq!(bench.level(), 200);
}

#[test]
fn half_a_picture_is_garbage_and_the_next_is_whole() {
    let yuyv = layout(PixelCode::YUYV, [32, 16]);
    let mjpg = layout(PixelCode::MJPG, [32, 16]);
    let long = [&raw(yuyv, 60)[..], &[0]].concat();
    let jpeg = jpeg([32, 16], 60);
    for (layout, whole, parts) in [
        (
            yuyv,
            raw(yuyv, 60),
            vec![raw(yuyv, 60)[..600].into(), [].into(), long.into()],
        ),
        (
            mjpg,
            jpeg.clone().into(),
            vec![
                jpeg[..jpeg.len() / 2].into(),
                [].into(),
                [9; 80].into(),
                png([32, 16], 60).into(),
            ],
        ),
    ] {
        let parts: Vec<Arc<[u8]>> = parts;
        let mut happenings: Vec<Happening> = parts.into_iter().map(Happening::Picture).collect();
        happenings.push(Happening::Damaged(whole.clone()));
        let bad = happenings.len() as u64;
        happenings.push(Happening::Picture(whole));
        let mut bench = Bench::new(layout, happenings);
        let mut source = bench.open();
        for i in 0..bad {
            let error = bench.next(&mut *source).unwrap_err();
            assert!(
                matches!(error, SourceError::Garbage(_)),
                "{layout} {i}: {error}"
            );
            assert!(!error.is_final());
        }
        assert_eq!(bench.next(&mut *source).unwrap().sequence, bad);
        assert_eq!(bench.level(), 60);
    }
}

#[test]
fn what_the_driver_dropped_and_what_came_while_nobody_asked_is_a_gap() {
    let layout = layout(PixelCode::GREY, [32, 16]);
    let mut happenings: Vec<Happening> = (0..8)
        .map(|level| Happening::Picture(raw(layout, level)))
        .collect();
    happenings.insert(1, Happening::Dropped(5));
    let mut bench = Bench::new(layout, happenings);
    let start = bench.clock.now();
    let mut source = bench.open();
    assert_eq!(bench.next(&mut *source).unwrap().sequence, 0);
    assert_eq!(bench.next(&mut *source).unwrap().sequence, 6);
    // Six more come; four have a buffer, and of these the newest is given.
    bench.clock.sleep_until(start + SECOND);
    let shot = bench.next(&mut *source).unwrap();
    assert_eq!((shot.sequence, bench.level()), (10, 5));
    assert_eq!(shot.captured, start + 6 * EVERY);
    assert!(matches!(
        bench.next(&mut *source),
        Err(SourceError::TimedOut)
    ));
}

#[test]
fn a_camera_that_is_laid_out_anew_is_opened_anew() {
    let small = layout(PixelCode::YUYV, [32, 16]);
    let large = layout(PixelCode::YUYV, [64, 32]);
    for (before, after) in [(small, large), (large, small)] {
        let happenings = vec![
            Happening::Picture(raw(before, 60)),
            Happening::Relaid(after),
            Happening::Picture(raw(after, 70)),
            Happening::Picture(raw(after, 80)),
        ];
        let mut bench = Bench::new(before, happenings);
        let mut source = bench.open();
        bench.next(&mut *source).unwrap();
        let error = bench.next(&mut *source).unwrap_err();
        assert!(matches!(error, SourceError::Lost(_)), "{error}");
        let CameraError::Changed { before: was, now } = cause(&error) else {
            panic!("{error}");
        };
        assert_eq!((*was, *now), (before, after));
        let mut source = bench.open();
        bench.next(&mut *source).unwrap();
        assert_eq!((bench.canvas.size(), bench.level()), (after.size, 80));
    }
    // A JPEG says itself how large it is.
    let mjpg = layout(PixelCode::MJPG, [32, 16]);
    let pictures = [[32, 16], [48, 24]].map(|size| Happening::Picture(jpeg(size, 60).into()));
    let mut bench = Bench::new(mjpg, pictures.into());
    let mut source = bench.open();
    for size in [[32, 16], [48, 24]] {
        bench.next(&mut *source).unwrap();
        assert_eq!(bench.canvas.size(), size);
    }
}

#[test]
fn an_input_without_signal_is_known_with_and_without_pictures() {
    let layout = layout(PixelCode::GREY, [32, 16]);
    let picture = || Happening::Picture(raw(layout, 60));
    let mut happenings = vec![Happening::Input(InputSignal::Absent)];
    happenings.extend((0..30).map(|_| picture()));
    happenings.push(Happening::Silence(3 * SECOND));
    happenings.push(Happening::Input(InputSignal::Present));
    happenings.extend((0..30).map(|_| picture()));
    let mut bench = Bench::new(layout, happenings);
    let start = bench.clock.now();
    let mut source = bench.open();
    let mut first = None;
    loop {
        match bench.next(&mut *source) {
            Ok(_) => break,
            Err(error) => assert!(matches!(error, SourceError::NoSignal), "{error}"),
        }
        first.get_or_insert(bench.clock.now() - start);
    }
    assert_eq!(first, Some(EVERY), "paced by its pictures");
    let back = bench.clock.now() - (start + 30 * EVERY + 3 * SECOND);
    assert!(back <= SECOND + EVERY, "{back:?} after the signal was back");
}

#[test]
fn a_picture_that_a_grabber_makes_up_is_no_signal_after_a_second() {
    let size = [64, 64];
    let layout = layout(PixelCode::YUYV, size);
    // Blue, by BT.601.
    let blue: Arc<[u8]> = [29, 255, 29, 107].repeat(64 * 32).into();
    let real: Arc<[u8]> = (0..64 * 128_u32).map(|i| ((i * i) >> 3) as u8).collect();
    let mut happenings: Vec<Happening> =
        (0..75).map(|_| Happening::Picture(blue.clone())).collect();
    happenings.push(Happening::Picture(real));
    let mut bench = Bench::new(layout, happenings);
    let mut source = bench.open();
    for i in 0..75_u64 {
        let answer = bench.next(&mut *source);
        match i < 25 {
            true => assert_eq!(answer.unwrap().sequence, i),
            false => assert!(matches!(answer, Err(SourceError::NoSignal)), "{i}"),
        }
    }
    assert_eq!(bench.next(&mut *source).unwrap().sequence, 75);
}
