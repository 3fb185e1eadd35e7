mod jpegs;
mod pngs;
mod tiff_writer;
mod tiffs;

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageFormat};
use proptest::prelude::*;

use super::*;

fn file(path: &str) -> Vec<u8> {
    std::fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests")
            .join(path),
    )
    .unwrap()
}

fn read(bytes: &[u8]) -> Result<Frame, FrameError> {
    decode(bytes, &FrameLimits::default())
}

fn read_whole(bytes: &[u8]) -> Result<Decoded, FrameError> {
    read_file(bytes, None, &FrameLimits::default(), &Stop::never())
}

/// The picture that the files in `tests/frames` were made of.
fn original() -> Frame {
    read(&file("frames/rgb.png")).unwrap()
}

/// Mean absolute difference of two pictures of one size.
fn difference(a: &Frame, b: &Frame) -> f64 {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let sum: u64 = a
        .rgb
        .iter()
        .zip(&b.rgb)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / a.rgb.len() as f64
}

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).unwrap();
    out.into_inner()
}

const READABLE: [&str; 18] = [
    "frames/rgb.png",
    "frames/palette.png",
    "frames/one_bit.png",
    "frames/palette.bmp",
    "frames/one_bit.bmp",
    "frames/one_bit.tif",
    "frames/lzw.tif",
    "frames/palette.tif",
    "frames/lossless.webp",
    "frames/lossy.webp",
    "frames/baseline_420.jpg",
    "frames/baseline_restart.jpg",
    "frames/progressive_420.jpg",
    "frames/progressive_444.jpg",
    "frames/progressive_grey.jpg",
    "samples/hc18_230_HC.jpg",
    "samples/usgra_0180.jpg",
    "samples/kvasir_cju84hibuktj80871u519o71q.jpg",
];

#[test]
fn lossless_formats_give_the_same_pixels() {
    let original = original();
    assert_eq!((original.width, original.height), (96, 64));
    for path in ["frames/lzw.tif", "frames/lossless.webp"] {
        assert_eq!(read(&file(path)).unwrap(), original, "{path}");
    }
    for path in ["frames/palette.bmp", "frames/palette.tif"] {
        let palette = read(&file("frames/palette.png")).unwrap();
        assert_eq!(read(&file(path)).unwrap(), palette, "{path}");
    }
    assert!(difference(&read(&file("frames/palette.png")).unwrap(), &original) < 8.0);
}

#[test]
fn one_bit_is_black_and_white() {
    let png = read(&file("frames/one_bit.png")).unwrap();
    assert!(png.rgb.contains(&0) && png.rgb.contains(&255));
    assert!(png.rgb.iter().all(|v| [0, 255].contains(v)));
    for path in ["frames/one_bit.bmp", "frames/one_bit.tif"] {
        assert_eq!(read(&file(path)).unwrap(), png, "{path}");
    }
}

#[test]
fn lossy_formats_are_near_the_original() {
    let original = original();
    let names = [
        "baseline_420.jpg",
        "baseline_restart.jpg",
        "progressive_420.jpg",
        "progressive_444.jpg",
        "lossy.webp",
    ];
    for name in names {
        let error = difference(&read(&file(&format!("frames/{name}"))).unwrap(), &original);
        assert!(error < 4.0, "{name}: {error}");
    }
    let grey = read(&file("frames/progressive_grey.jpg")).unwrap();
    assert!(grey.rgb.chunks(3).all(|p| p[0] == p[1] && p[1] == p[2]));
}

#[test]
fn transparent_pixels_are_laid_on_black() {
    let rgba = image::RgbaImage::from_fn(40, 30, |x, y| {
        image::Rgba([x as u8 * 5, y as u8 * 8, 200, (x * 6) as u8])
    });
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        let bytes = encode(&rgba.clone().into(), format);
        let Decoded { frame, file } = read_whole(&bytes).unwrap();
        for (shown, pixel) in frame.rgb.chunks(3).zip(rgba.pixels()) {
            let [r, g, b, a] = pixel.0.map(f64::from);
            let expected = [r, g, b].map(|v| (v * a / 255.0).round() as u8);
            assert_eq!(shown, expected, "{pixel:?}");
        }
        assert!(file.transparent);
    }
    let opaque = image::RgbaImage::from_pixel(20, 20, image::Rgba([7, 8, 9, 255]));
    let Decoded { frame, file } = read_whole(&encode(&opaque.into(), ImageFormat::Png)).unwrap();
    assert!(!file.transparent && frame.rgb.chunks(3).all(|p| p == [7, 8, 9]));
}

#[test]
fn sixteen_bits_are_rounded() {
    // All 65536 values, against the formula in double precision.
    let deep = image::ImageBuffer::<image::Luma<u16>, _>::from_fn(256, 256, |x, y| {
        image::Luma([(y * 256 + x) as u16])
    });
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        let grey = read(&encode(&deep.clone().into(), format)).unwrap();
        for (value, pixel) in grey.rgb.chunks(3).enumerate() {
            let expected = (value as f64 * 255.0 / 65535.0).round() as u8;
            assert_eq!(pixel, [expected; 3], "{value}");
        }
    }
}

/// A JPEG with an EXIF block (TIFF header, one entry: 0x112, SHORT, 1 value) after its first two bytes.
fn with_orientation(jpeg: &[u8], value: u8) -> Vec<u8> {
    let tiff = [
        b'M', b'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, value, 0, 0, 0, 0, 0,
        0,
    ];
    let mut out = jpeg[..2].to_vec();
    out.extend([0xff, 0xe1, 0, 2 + 6 + tiff.len() as u8]);
    out.extend(b"Exif\0\0");
    out.extend(tiff);
    out.extend(&jpeg[2..]);
    out
}

/// Where the stored pixel (x, y) of a `w` × `h` picture belongs (EXIF 2.32, tag 0x112: "the 0th row is the
/// visual ... , the 0th column is the visual ...").
fn upright_place(orientation: u8, (x, y): (u32, u32), (w, h): (u32, u32)) -> (u32, u32) {
    match orientation {
        1 => (x, y),                 // top, left
        2 => (w - 1 - x, y),         // top, right
        3 => (w - 1 - x, h - 1 - y), // bottom, right
        4 => (x, h - 1 - y),         // bottom, left
        5 => (y, x),                 // left, top
        6 => (h - 1 - y, x),         // right, top
        7 => (h - 1 - y, w - 1 - x), // right, bottom
        _ => (y, w - 1 - x),         // left, bottom
    }
}

#[test]
fn all_exif_orientations_are_honoured() {
    let jpeg = file("samples/usgra_0180.jpg"); // 512 × 491, unlike its own mirror images
    let stored = read(&jpeg).unwrap();
    let size = (stored.width, stored.height);
    for orientation in 1..=8 {
        let frame = read(&with_orientation(&jpeg, orientation)).unwrap();
        let turned = if orientation < 5 {
            size
        } else {
            (size.1, size.0)
        };
        assert_eq!(
            (frame.width, frame.height),
            turned,
            "orientation {orientation}"
        );
        for y in 0..size.1 {
            for x in 0..size.0 {
                let (u, v) = upright_place(orientation, (x, y), size);
                let (from, to) = (
                    3 * (y * size.0 + x) as usize,
                    3 * (v * frame.width + u) as usize,
                );
                assert_eq!(
                    stored.rgb[from..from + 3],
                    frame.rgb[to..to + 3],
                    "orientation {orientation}"
                );
            }
        }
    }
    assert_eq!(
        read(&with_orientation(&jpeg, 9)).unwrap(),
        stored,
        "an unknown value says nothing"
    );
}

#[test]
fn codings_that_would_be_wrong_are_refused_by_name() {
    for (path, word) in [
        ("frames/cmyk.jpg", "CMYK"),
        ("frames/cmyk.tif", "CMYK"),
        ("frames/animated.webp", "animated"),
    ] {
        match read(&file(path)) {
            Err(FrameError::Unsupported(why)) => assert!(why.contains(word), "{path}: {why}"),
            other => panic!("{path}: {other:?}"),
        }
    }
    // 12 bits, arithmetic coding, lossless: by patching the frame header of a baseline file.
    let jpeg = file("frames/baseline_420.jpg");
    let header = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    for (at, value) in [(header + 4, 12), (header + 1, 0xc9), (header + 1, 0xc3)] {
        let mut patched = jpeg.clone();
        patched[at] = value;
        let error = read(&patched).unwrap_err();
        assert!(
            matches!(error, FrameError::Unsupported(_)),
            "{value}: {error}"
        );
    }
}

#[test]
fn what_is_no_picture_is_refused() {
    assert!(matches!(read(&[]), Err(FrameError::Empty)));
    for bytes in [&b"hello, this is text"[..], &[0; 64]] {
        assert!(
            matches!(read(bytes), Err(FrameError::UnknownFormat)),
            "{bytes:?}"
        );
    }
}

/// A PNG that consists of its signature and header.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut png = encode(&DynamicImage::new_luma8(20, 20), ImageFormat::Png)[..33].to_vec();
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    png
}

#[test]
fn size_is_judged_on_the_header() {
    let bomb = read(&png_header(30_000, 30_000)).unwrap_err();
    assert!(
        matches!(
            bomb,
            FrameError::TooLarge {
                width: 30_000,
                height: 30_000,
                pixels: 900_000_000,
                ..
            }
        ),
        "{bomb}"
    );
    assert!(matches!(
        read(&png_header(u32::MAX, u32::MAX)),
        Err(FrameError::TooLarge { .. })
    ));
    assert!(matches!(
        read(&png_header(1, 1)),
        Err(FrameError::TooSmall { width: 1, .. })
    ));
    assert!(matches!(
        read(&png_header(1, 10_000)),
        Err(FrameError::TooSmall { min_side: 16, .. })
    ));

    // Every format, by a limit just under the picture's size: 96 × 64.
    for path in READABLE.iter().filter(|p| p.starts_with("frames/")) {
        let bytes = file(path);
        let limits = |max_pixels, min_side| FrameLimits {
            max_pixels,
            min_side,
            ..FrameLimits::default()
        };
        assert!(decode(&bytes, &limits(96 * 64, 64)).is_ok(), "{path}");
        assert!(
            matches!(
                decode(&bytes, &limits(96 * 64 - 1, 64)),
                Err(FrameError::TooLarge { .. })
            ),
            "{path}"
        );
        assert!(
            matches!(
                decode(&bytes, &limits(96 * 64, 65)),
                Err(FrameError::TooSmall { .. })
            ),
            "{path}"
        );
    }
}

#[test]
fn a_webp_cannot_hide_a_larger_picture_behind_its_canvas() {
    // RIFF, an extended header with a canvas of 32 × 32, and a lossy picture of 16383 × 16383.
    let mut webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x1f\0\0\x1f\0\0VP8 \x0a\0\0\0\x10\0\0\x9d\x01\x2a\xff\x3f\xff\x3f".to_vec();
    let riff = webp.len() as u32 - 8;
    webp[4..8].copy_from_slice(&riff.to_le_bytes());
    assert!(matches!(
        read(&webp),
        Err(FrameError::TooLarge { width: 16_383, .. })
    ));
}

/// Every cut of a file is refused, or (where only what follows the pixels is lost) gives the very same picture.
#[test]
fn no_cut_picture_passes_for_a_whole_one() {
    for path in READABLE {
        let bytes = file(path);
        let whole = read(&bytes).unwrap();
        let step = (bytes.len() / 150).max(1);
        let near_the_end = bytes.len().saturating_sub(40)..bytes.len();
        for cut in (0..bytes.len()).step_by(step).chain(near_the_end) {
            match read(&bytes[..cut]) {
                Err(_) => {}
                Ok(frame) => {
                    assert_eq!(frame, whole, "{path} cut at {cut} of {}", bytes.len());
                }
            }
        }
    }
}

/// What lenient decoders end in grey: data missing although an end marker is there.
#[test]
fn a_cut_jpeg_with_its_end_marker_glued_on_is_refused() {
    for path in READABLE.iter().filter(|p| p.ends_with(".jpg")) {
        let bytes = file(path);
        let scan = bytes.windows(2).position(|w| w == [0xff, 0xda]).unwrap() + 14;
        // A progressive file cut at the end of a scan is whole, only coarser: cut within the first scan.
        let end = match path.contains("progressive") {
            true => {
                scan + bytes[scan..]
                    .windows(2)
                    .position(|w| w[0] == 0xff && w[1] != 0)
                    .unwrap()
            }
            false => bytes.len() - 2,
        };
        for tenth in 0..10 {
            let cut = scan + (end - scan) * tenth / 10;
            let glued = [&bytes[..cut], &[0xff, 0xd9]].concat();
            let result = read(&glued);
            assert!(
                matches!(result, Err(FrameError::Corrupt(_))),
                "{path} at {cut}: {:?}",
                result.map(|_| "whole")
            );
        }
        let short = [&bytes[..end - 8], &[0xff, 0xd9]].concat();
        assert!(read(&short).is_err(), "{path}: the last 8 bytes");
    }
}

#[test]
fn bytes_after_the_end_of_a_jpeg_are_ignored() {
    let bytes = file("frames/baseline_420.jpg");
    let longer = [&bytes[..], &[0; 300]].concat();
    assert_eq!(read(&longer).unwrap(), read(&bytes).unwrap());
}

#[test]
fn a_picture_that_nobody_waits_for_is_given_up() {
    let stop = Stop::never();
    stop.cancel();
    for path in READABLE {
        let result = read_file(&file(path), None, &FrameLimits::default(), &stop);
        assert_eq!(
            result,
            Err(FrameError::Stopped(Stopped::Cancelled)),
            "{path}"
        );
    }
    let late = Stop::at(std::time::Instant::now());
    let result = read_file(&file(READABLE[0]), None, &FrameLimits::default(), &late);
    assert_eq!(result, Err(FrameError::Stopped(Stopped::Late)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// Damage anywhere gives an error or a frame of an honest size, never a panic or an endless loop.
    #[test]
    fn damaged_files_never_panic(
        which in 0..15_usize,
        cut in prop::option::of(0.0..1.0_f64),
        edits in prop::collection::vec((0.0..1.0_f64, any::<u8>()), 1..12),
    ) {
        let mut bytes = file(READABLE[which]);
        for (place, value) in edits {
            let at = (place * place * bytes.len() as f64) as usize; // headers more often than pixels
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate((cut * bytes.len() as f64) as usize);
        }
        let limits = FrameLimits { max_pixels: 1_000_000, min_side: 1, ..FrameLimits::default() };
        // Past the guard of `decode`, so that a panic of ours or of a decoder's is seen.
        let file = File { bytes: &bytes, page: None, limits: &limits, stop: &Stop::never() };
        if let Ok(Decoded { frame, .. }) = read_unguarded(&file) {
            prop_assert_eq!(frame.rgb.len() as u64, 3 * u64::from(frame.width) * u64::from(frame.height));
            prop_assert!(frame.rgb.len() <= 3_000_000);
        }
    }
}
