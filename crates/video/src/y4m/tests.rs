use std::time::Duration;

use picture::frame::{Frame, FrameLimits};
use proptest::prelude::*;

use super::*;
use crate::convert::{Subsampling, YuvRange};

fn read(header: &str) -> Result<Option<(Y4mHeader, usize)>, Y4mError> {
    Y4mHeader::read(header.as_bytes(), &FrameLimits::default())
}

fn header(parameters: &str) -> Result<Y4mHeader, Y4mError> {
    let line = format!("YUV4MPEG2 {parameters}\n");
    let (header, length) = read(&line)?.expect("a whole line");
    assert_eq!(length, line.len());
    Ok(header)
}

#[test]
fn headers_of_several_programs_are_read() {
    let ffmpeg =
        header("W641 H481 F30000:1001 Ip A1:1 C420jpeg XYSCSS=420JPEG XCOLORRANGE=LIMITED")
            .unwrap();
    let expected = Y4mHeader {
        size: [641, 481],
        rate: Some([30_000, 1001]),
        colours: Y4mColours::Colour(Subsampling::Yuv420),
        range: YuvRange::Limited,
    };
    assert_eq!(ffmpeg, expected);
    assert_eq!(ffmpeg.picture_bytes(), 641 * 481 + 2 * 321 * 241);
    assert_eq!(ffmpeg.duration(), Some(Duration::from_nanos(33_366_666)));
    for (colours, bytes) in [
        ("", 24 * 20 + 2 * 12 * 10),
        (" C420", 24 * 20 + 2 * 12 * 10),
        (" C420mpeg2", 24 * 20 + 2 * 12 * 10),
        (" C420paldv", 24 * 20 + 2 * 12 * 10),
        (" C422", 24 * 20 + 2 * 12 * 20),
        (" C444", 3 * 24 * 20),
        (" Cmono", 24 * 20),
    ] {
        let header = header(&format!("W24 H20{colours} XCOLORRANGE=FULL I? F0:0")).unwrap();
        assert_eq!(header.picture_bytes(), bytes, "{colours}");
        assert_eq!((header.range, header.rate), (YuvRange::Full, None));
    }
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    for (parameters, word) in [
        ("W24", "no height"),
        ("H24 F25:1", "no width"),
        ("W24 H20 It", "interlaced"),
        ("W24 H20 Ib", "interlaced"),
        ("W24 H20 Im", "interlaced"),
        ("W24 H20 Iz", "'Iz'"),
        ("W24 H20 C420p10", "C420p10"),
        ("W24 H20 C411", "C411"),
        ("W24 H20 C444alpha", "C444alpha"),
        ("W+24 H20", "'W+24'"),
        ("W24 H0", "'H0'"),
        ("W99999999999 H24", "W99999999999"),
        ("W24 H20 F25", "'F25'"),
        ("W24 H20 F25:0", "'F25:0'"),
        ("W4 H20", "at least 16"),
        ("W60000 H60000", "pixels, more than"),
        ("W4294967295 H4294967295", "pixels, more than"),
    ] {
        let refused = header(parameters).expect_err(parameters).to_string();
        assert!(refused.contains(word), "{parameters}: {refused}");
    }
    assert!(matches!(read("RIFF"), Err(Y4mError::NotY4m)));
    assert!(matches!(read("YUV4MPEG2\n"), Err(Y4mError::NotY4m)));
    let endless = format!("YUV4MPEG2 X{}", "x".repeat(Y4M_LINE));
    assert!(matches!(read(&endless), Err(Y4mError::LongLine)));
}

#[test]
fn a_header_is_waited_for_to_its_end() {
    let whole = "YUV4MPEG2 W24 H20 F25:1\n";
    for cut in 0..whole.len() {
        assert!(matches!(read(&whole[..cut]), Ok(None)), "{cut}");
    }
    assert!(matches!(read(whole), Ok(Some(_))));
}

#[test]
fn a_picture_s_line_may_have_parameters_and_an_end() {
    for (bytes, length) in [
        ("", None),
        ("FRA", None),
        ("FRAME", None),
        ("FRAME Ip", None),
        ("FRAME\n", Some(6)),
        ("FRAME\nFRAME\n", Some(6)),
        ("FRAME Ip XA=1\nxyz", Some(14)),
    ] {
        assert_eq!(frame_line(bytes.as_bytes()).unwrap(), length, "{bytes:?}");
    }
    for bytes in ["x", "FRAMES\n", "\nFRAME"] {
        let refused = frame_line(bytes.as_bytes());
        assert!(matches!(refused, Err(Y4mError::NoFrame)), "{bytes}");
    }
    let endless = format!("FRAME {}", "x".repeat(Y4M_LINE));
    assert!(matches!(
        frame_line(endless.as_bytes()),
        Err(Y4mError::LongLine)
    ));
}

#[test]
fn what_is_written_is_read_back() {
    let rgb = (0..3 * 26 * 18).map(|i| (i / 9) as u8 & 0xf0).collect();
    let frame = Frame::new(26, 18, rgb).unwrap();
    let mut bytes = Vec::new();
    let writer = Y4mWriter::begin(frame.size(), [30, 1], &mut bytes);
    assert!(writer.push(&frame, &mut bytes));
    let length = bytes.len();
    let other = Frame::new(18, 26, vec![0; 3 * 26 * 18]).unwrap();
    assert!(!writer.push(&other, &mut bytes));
    assert_eq!(bytes.len(), length);

    let text = String::from_utf8_lossy(&bytes).into_owned();
    let line = text.lines().next().unwrap();
    assert!(
        line.replace("W26 H18 F30:1", "W1920 H1080 F30000:1001")
            .len()
            <= 95
    );
    assert!(text.contains(" XResearch_use_only._Not_for_clinical_use.\n"));
    let (header, at) = Y4mHeader::read(&bytes, &FrameLimits::default())
        .unwrap()
        .unwrap();
    assert_eq!((header.size, header.rate), ([26, 18], Some([30, 1])));
    let picture = &bytes[at + frame_line(&bytes[at..]).unwrap().unwrap()..];
    assert_eq!(picture.len(), header.picture_bytes());
    let mut read = other;
    header.picture(picture).write(&mut read).unwrap();
    let mean: f64 = (frame.rgb().iter().zip(read.rgb()))
        .map(|(a, b)| f64::from(a.abs_diff(*b)))
        .sum::<f64>()
        / frame.rgb().len() as f64;
    assert!(mean < 8.0, "{mean}");
}

proptest! {
    #[test]
    fn any_bytes_are_a_header_or_none(text in "[WHFICX0-9:pm? ]{0,40}", junk: Vec<u8>) {
        let limits = FrameLimits::default();
        let bytes = [b"YUV4MPEG2 ", text.as_bytes(), &junk, b"\n"].concat();
        if let Ok(Some((header, length))) = Y4mHeader::read(&bytes, &limits) {
            prop_assert!(length <= bytes.len());
            prop_assert!(header.picture_bytes() <= 3 * limits.max_pixels as usize);
        }
        let _ = Y4mHeader::read(&junk, &limits);
        let _ = frame_line(&junk);
    }
}
