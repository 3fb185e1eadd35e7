//! Photometric interpretations in the codings that a test can write, and what is refused by name.

use espmedsam_dicom::{DicomError, DicomFile, FrameWish, ShownAs, TransferSyntax, ybr_to_rgb};
use flate2::{Compression, write::DeflateEncoder};
use picture::frame::Stop;
use std::io::Write;

use crate::coders::{lossless, rle};
use crate::writer::{DEFLATED, JPEG, LOSSLESS, RLE, Style, Writer, ramp, small};
use crate::{LIMITS, open, read};

/// Of a picture.
pub const SIDE: usize = 16;
const PIXELS: usize = SIDE * SIDE;

/// Three samples of each pixel.
fn colours() -> Vec<[u8; 3]> {
    let rule = |i: usize| [i as u8, (i * 7 % 256) as u8, (255 - i) as u8];
    (0..PIXELS).map(rule).collect()
}

fn planes(pixels: &[[u8; 3]]) -> [Vec<u8>; 3] {
    [0, 1, 2].map(|i| pixels.iter().map(|pixel| pixel[i]).collect())
}

fn header(kind: &str, bits: [u16; 2], planar: u16, style: Style) -> Writer {
    let mut writer = Writer::new(style);
    writer.words(0x0028_0006, "US", &[planar]);
    writer.pixels(kind, [SIDE as u16; 2], bits);
    writer
}

fn rgb_of(bytes: &[u8]) -> Vec<[u8; 3]> {
    let (frame, shown) = read(bytes, 0).unwrap();
    assert_eq!((frame.size(), shown), ([16, 16], ShownAs::Colours));
    frame.rgb().as_chunks().0.to_vec()
}

#[test]
fn colours_are_read_however_they_lie() {
    for kind in ["RGB", "YBR_FULL"] {
        let shown: Vec<[u8; 3]> = match kind {
            "RGB" => colours(),
            _ => colours().into_iter().map(ybr_to_rgb).collect(),
        };
        let [interleaved, planar] = [colours().concat(), planes(&colours()).concat()];
        for (planes, bytes) in [(0, &interleaved), (1, &planar)] {
            for style in [Style::Implicit, Style::Explicit, Style::BigEndian] {
                for vr in ["OB", "OW"] {
                    // Bytes in words are swapped where words are.
                    let swap = style == Style::BigEndian && vr == "OW";
                    let swapped = |pair: &[u8]| match swap {
                        true => vec![pair[1], pair[0]],
                        false => pair.to_vec(),
                    };
                    let written: Vec<u8> = bytes.chunks(2).flat_map(swapped).collect();
                    let mut writer = header(kind, [8, 8], planes, style);
                    writer.raw(0x7fe0_0010, vr, &written);
                    assert_eq!(
                        rgb_of(&writer.file()),
                        shown,
                        "{kind} {style:?} {vr} {planes}"
                    );
                }
            }
            let mut writer = header(kind, [8, 8], planes, Style::Explicit);
            writer.raw(0x7fe0_0010, "OB", bytes);
            let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
            deflated.write_all(&writer.bytes).unwrap();
            let file = Writer {
                bytes: deflated.finish().unwrap(),
                style: Style::Explicit,
            };
            assert_eq!(rgb_of(&file.file_in(DEFLATED)), shown);
            let mut writer = header(kind, [8, 8], planes, Style::Explicit);
            writer.fragments(&[], &[&bytes[..100], &bytes[100..]]);
            assert_eq!(rgb_of(&writer.file_in("1.2.840.10008.1.2.1.98")), shown);
            let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
            deflated.write_all(bytes).unwrap();
            let mut writer = header(kind, [8, 8], planes, Style::Explicit);
            writer.fragments(&[], &[&deflated.finish().unwrap()]);
            assert_eq!(rgb_of(&writer.file_in("1.2.840.10008.1.2.8.1")), shown);
        }
        let mut writer = header(kind, [8, 8], 0, Style::Explicit);
        writer.fragments(&[0], &[&rle(&planes(&colours()))]);
        assert_eq!(rgb_of(&writer.file_in(RLE)), shown, "{kind}");
    }
}

#[test]
fn shared_chrominance_is_that_of_both_pixels() {
    let mut bytes = Vec::new();
    let mut shown = Vec::new();
    for pair in colours().chunks(2) {
        let [[y, cb, cr], [other, ..]] = [pair[0], pair[1]];
        bytes.extend([y, other, cb, cr]);
        shown.extend([ybr_to_rgb([y, cb, cr]), ybr_to_rgb([other, cb, cr])]);
    }
    let mut writer = header("YBR_FULL_422", [8, 8], 0, Style::Explicit);
    writer.raw(0x7fe0_0010, "OB", &bytes);
    assert_eq!(rgb_of(&writer.file()), shown);
}

/// 12 bits in 16, raw and in runs, both ways round; a window that is asked for.
#[test]
fn deep_grey_is_windowed() {
    let values: Vec<u16> = (0..PIXELS as u16).map(|i| i * 16).collect();
    for style in [Style::Implicit, Style::Explicit, Style::BigEndian] {
        let mut writer = header("MONOCHROME2", [16, 12], 0, style);
        writer.words(0x7fe0_0010, "OW", &values);
        let (frame, shown) = read(&writer.file(), 0).unwrap();
        assert_eq!(shown, ShownAs::FrameRange);
        let expected = |i: usize| (values[i] as f64 / 4080.0 * 255.0 + 0.5) as u8;
        for (i, pixel) in frame.rgb().as_chunks::<3>().0.iter().enumerate() {
            assert_eq!(*pixel, [expected(i); 3], "{style:?} {i}");
        }
        let window = "1024.5,1025".parse().unwrap();
        let wish = FrameWish {
            frame: 0,
            window: Some(window),
        };
        let mut file = open(&writer.file()).unwrap();
        let (frame, shown) = file.read(wish, &Stop::never()).unwrap();
        assert_eq!(shown, ShownAs::Asked(window));
        let at = |i: usize| frame.rgb()[3 * i];
        // Black up to 512, white from 1536, in the middle between.
        assert_eq!(
            [at(0), at(32), at(64), at(96), at(255)],
            [0, 0, 128, 255, 255]
        );
    }
    let segments = [1, 0].map(|byte| values.iter().map(|v| v.to_le_bytes()[byte]).collect());
    let mut writer = header("MONOCHROME2", [16, 12], 0, Style::Explicit);
    writer.fragments(&[], &[&rle(&segments)]);
    let mut raw = header("MONOCHROME2", [16, 12], 0, Style::Explicit);
    raw.words(0x7fe0_0010, "OW", &values);
    assert_eq!(
        read(&writer.file_in(RLE), 0).unwrap(),
        read(&raw.file(), 0).unwrap()
    );
}

#[test]
fn the_least_value_is_white_where_the_file_has_it_so() {
    let mut writer = header("MONOCHROME1", [8, 8], 0, Style::Explicit);
    writer.raw(0x7fe0_0010, "OB", &ramp());
    let (frame, shown) = read(&writer.file(), 0).unwrap();
    assert_eq!(shown, ShownAs::Bits);
    let expected: Vec<u8> = (0..=255).rev().flat_map(|v| [v; 3]).collect();
    assert_eq!(frame.rgb(), expected);
}

/// Tables of 8 and 16 bits; in segments; a first value that is not 0; 8 bits that are called 16.
#[test]
fn palettes_are_looked_up() {
    let rule = |v: usize, channel: usize| ((v * (3 + channel)) % 256) as u16;
    let file = |bits: u16, first: u16, tables: [Vec<u8>; 3], segmented: bool, vr: &str| {
        let mut writer = header("PALETTE COLOR", [8, 8], 0, Style::Explicit);
        for i in 0..3 {
            writer.words(0x0028_1101 + i, "US", &[200, first, bits]);
        }
        let tag = if segmented { 0x0028_1221 } else { 0x0028_1201 };
        for (i, table) in (0..).zip(&tables) {
            writer.raw(tag + i, vr, table);
        }
        writer.raw(0x7fe0_0010, "OB", &ramp());
        writer.file()
    };
    let shown = |first: usize| -> Vec<[u8; 3]> {
        let place = |v: usize| v.saturating_sub(first).min(199);
        (0..256)
            .map(|v| [0, 1, 2].map(|channel| rule(place(v), channel) as u8))
            .collect()
    };
    let words = |scale: u16| {
        [0, 1, 2].map(|channel| {
            (0..200)
                .flat_map(|v| (rule(v, channel) * scale).to_le_bytes())
                .collect()
        })
    };
    let bytes = [0, 1, 2].map(|channel| (0..200).map(|v| rule(v, channel) as u8).collect());
    assert_eq!(rgb_of(&file(16, 0, words(257), false, "OW")), shown(0));
    assert_eq!(rgb_of(&file(16, 20, words(256), false, "OW")), shown(20));
    assert_eq!(
        rgb_of(&file(16, 0, words(1), false, "OW")),
        shown(0),
        "8 bits called 16"
    );
    assert_eq!(
        rgb_of(&file(8, 0, words(1), false, "OW")),
        shown(0),
        "8 bits in 16"
    );
    assert_eq!(rgb_of(&file(8, 5, bytes, false, "OB")), shown(5));
    // 100 entries as they are, a line of 60 up to 60000, the first segment's kin of 40 once more.
    let mut segments: Vec<u16> = vec![0, 40];
    segments.extend((0..40).map(|v| v * 256));
    segments.extend([0, 60]);
    segments.extend((0..60).map(|v| v * 500));
    segments.extend([1, 60, 60000, 2, 1, 0, 0]);
    let table: Vec<u8> = segments.iter().flat_map(|v| v.to_le_bytes()).collect();
    let found = rgb_of(&file(
        16,
        0,
        [table.clone(), table.clone(), table],
        true,
        "OW",
    ));
    let line = |i: f64| 29500.0 + (60000.0 - 29500.0) / 60.0 * i;
    let entry = |v: usize| match v {
        0..40 => v * 256,
        40..100 => (v - 40) * 500,
        100..160 => line(v as f64 - 99.0).round_ties_even() as usize,
        _ => (v.min(199) - 160) * 256,
    };
    let expected: Vec<[u8; 3]> = (0..256).map(|v| [(entry(v) >> 8) as u8; 3]).collect();
    assert_eq!(found, expected);
}

#[test]
fn lossless_jpeg_gives_the_very_samples() {
    let noise = |i: usize| (i * i * 40_503 / 7 + i * 911) as u16;
    for predictor in 1..=7 {
        for restart in [0, 5] {
            let values: Vec<u16> = (0..PIXELS).map(noise).collect();
            let mut writer = header("MONOCHROME2", [16, 16], 0, Style::Explicit);
            let mut raw = writer.clone();
            raw.words(0x7fe0_0010, "OW", &values);
            writer.fragments(&[], &[&lossless(&values, 1, 16, predictor, restart)]);
            let found = read(&writer.file_in(LOSSLESS), 0).unwrap();
            assert_eq!(
                found,
                read(&raw.file(), 0).unwrap(),
                "{predictor} {restart}"
            );
            let values: Vec<u16> = (0..3 * PIXELS).map(|i| noise(i) % 256).collect();
            let mut writer = header("RGB", [8, 8], 0, Style::Explicit);
            writer.fragments(&[], &[&lossless(&values, 3, 8, predictor, restart)]);
            let expected: Vec<u8> = values.iter().map(|v| *v as u8).collect();
            let found = read(&writer.file_in(LOSSLESS), 0).unwrap().0;
            assert_eq!(found.rgb(), expected, "{predictor} {restart}");
        }
    }
}

/// Whatever a lossless frame lacks, it is refused.
#[test]
fn a_frame_that_is_cut_short_is_none() {
    let values: Vec<u16> = (0..PIXELS).map(|i| (i * i % 4096) as u16).collect();
    let jpeg = lossless(&values, 1, 12, 6, 0);
    let segments = [1, 0].map(|byte| values.iter().map(|v| v.to_le_bytes()[byte]).collect());
    for (syntax, frame, spare) in [(LOSSLESS, jpeg, 4), (RLE, rle(&segments), 0)] {
        let file = |length: usize| {
            let mut writer = header("MONOCHROME2", [16, 12], 0, Style::Explicit);
            writer.fragments(&[], &[&frame[..length]]);
            read(&writer.file_in(syntax), 0)
        };
        assert!(file(frame.len()).is_ok());
        for length in 0..frame.len() - spare {
            // One byte more is there where the length is odd, and may be the very one that was cut.
            if length % 2 == 0 {
                assert!(
                    file(length).is_err(),
                    "{syntax} {length} of {}",
                    frame.len()
                );
            }
        }
    }
}

#[test]
fn frames_are_found_by_their_fragments() {
    let pictures: Vec<Vec<u8>> = (0..3).map(|n| vec![n * 50; PIXELS]).collect();
    let frames: Vec<Vec<u8>> = pictures
        .iter()
        .map(|picture| rle(std::slice::from_ref(picture)))
        .collect();
    let halves: Vec<&[u8]> = frames
        .iter()
        .flat_map(|frame| [&frame[..40], &frame[40..]])
        .collect();
    let lengths: Vec<u32> = frames
        .iter()
        .map(|frame| (frame.len() + frame.len() % 2) as u32)
        .collect();
    let file = |offsets: &[u32], fragments: &[&[u8]]| {
        let mut writer = Writer::new(Style::Explicit);
        writer
            .text(0x0028_0008, "IS", "3")
            .pixels("MONOCHROME2", [16, 16], [8, 8]);
        writer.fragments(offsets, fragments);
        writer.file_in(RLE)
    };
    let whole: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    let second = 16 + lengths[0];
    for file in [
        file(&[], &whole),
        file(&[0, 9, 5], &whole), // lies that do not matter
        file(&[0, second, second + 16 + lengths[1]], &halves),
    ] {
        for frame in 0..3 {
            let (found, _) = read(&file, frame).unwrap();
            assert!(found.rgb().iter().all(|v| *v == frame as u8 * 50));
        }
        let missing = read(&file, 3).unwrap_err();
        assert!(matches!(
            missing,
            DicomError::NoSuchFrame {
                asked: 3,
                frames: 3
            }
        ));
    }
    for lies in [
        &[][..],
        &[0, 0, second],
        &[0, second + 2, second * 2],
        &[8, second, second * 2],
        &[0, u32::MAX, 1],
    ] {
        let refused = open(&file(lies, &halves)).unwrap_err();
        assert!(
            refused.to_string().contains("which of its fragments"),
            "{refused}"
        );
    }
    let fewer = open(&file(&[], &whole[..2])).unwrap_err();
    assert!(fewer.to_string().contains("fewer"), "{fewer}");
    let empty = read(&file(&[], &[&[], whole[1], whole[2]]), 0).unwrap_err();
    assert!(empty.to_string().contains("no bytes"), "{empty}");
}

#[test]
fn what_is_not_read_is_named() {
    let named = TransferSyntax::all().filter(|(_, read)| !read).count();
    assert!(named > 20);
    for (uid, words) in [
        ("1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264"),
        ("1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000"),
        ("1.2.840.10008.1.2.4.110", "JPEG XL"),
        ("1.2.3.4", "not known here"),
    ] {
        let mut writer = header("RGB", [8, 8], 0, Style::Explicit);
        writer.fragments(&[], &[&[1, 2]]);
        let refused = open(&writer.file_in(uid)).unwrap_err().to_string();
        assert!(refused.contains(words), "{refused}");
    }
    for (kind, bits, words) in [
        ("CMYK", [8, 8], "colours"),
        ("YBR_PARTIAL_420", [8, 8], "colours"),
        ("RGB", [16, 16], "more than 8 bits"),
        ("MONOCHROME2", [1, 1], "1 bit"),
        ("MONOCHROME2", [32, 32], "neither 8 nor 16"),
        ("MONOCHROME2", [8, 9], "more bits than room"),
    ] {
        let mut writer = header(kind, bits, 0, Style::Explicit);
        writer.raw(0x7fe0_0010, "OB", &[0; 3 * PIXELS]);
        let refused = open(&writer.file()).unwrap_err().to_string();
        assert!(refused.contains(words), "{kind} {bits:?}: {refused}");
    }
    // 12 bits by cosines: the frame says so, not the file.
    let mut jpeg = vec![
        0xff, 0xd8, 0xff, 0xc1, 0, 11, 12, 0, 16, 0, 16, 1, 1, 0x11, 0,
    ];
    jpeg.extend([0xff, 0xd9]);
    let mut writer = header("MONOCHROME2", [16, 12], 0, Style::Explicit);
    writer.fragments(&[], &[&jpeg]);
    let refused = read(&writer.file_in(JPEG), 0).unwrap_err().to_string();
    assert!(refused.contains("JPEG Extended with 12 bits"), "{refused}");
}

#[test]
fn a_window_is_for_grey() {
    let mut writer = header("RGB", [8, 8], 0, Style::Explicit);
    writer.raw(0x7fe0_0010, "OB", &colours().concat());
    let window = Some("40,400".parse().unwrap());
    let mut file = open(&writer.file()).unwrap();
    let refused = file.read(FrameWish { frame: 0, window }, &Stop::never());
    assert!(matches!(refused, Err(DicomError::WindowOnColour)));
}

#[test]
fn what_it_costs_is_known_before() {
    let file = DicomFile::of_bytes(small(Style::Explicit, |_| ()), LIMITS).unwrap();
    assert!(file.need(0).unwrap() >= 4 * PIXELS as u64);
    let tight = picture::frame::FrameLimits {
        max_memory: 1000,
        ..LIMITS
    };
    let mut file = DicomFile::of_bytes(small(Style::Explicit, |_| ()), tight).unwrap();
    let refused = file.read(FrameWish::default(), &Stop::never()).unwrap_err();
    assert!(refused.to_string().contains("MiB"), "{refused}");
    let stop = Stop::never();
    stop.cancel();
    let mut file = DicomFile::of_bytes(small(Style::Explicit, |_| ()), LIMITS).unwrap();
    assert!(file.read(FrameWish::default(), &stop).is_err());
}
