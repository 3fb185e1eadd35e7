//! What is refused, by the header where that tells, and in which words.

use std::error::Error;

use super::*;

#[test]
fn codings_that_would_be_wrong_are_refused_by_name() {
    for (path, word) in [
        ("frames/cmyk.jpg", "CMYK"),
        ("frames/cmyk.tif", "CMYK"),
        ("frames/animated.webp", "animated"),
    ] {
        assert_unsupported(read(&file(path)), word);
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

/// What a library says of damage is kept for the log; the words for people are ours and name no library.
#[test]
fn a_refusal_keeps_its_cause() {
    let damaged = |path: &str, at: usize| {
        let mut bytes = file(path);
        bytes[at..at + 2].fill(0xff);
        bytes
    };
    let without_quantisation = {
        let mut jpeg = file("frames/baseline_420.jpg");
        let table = jpeg.windows(2).position(|w| w == [0xff, 0xdb]).unwrap();
        jpeg[table + 1] = 0xfe; // a comment instead
        jpeg
    };
    for (bytes, words) in [
        (damaged("frames/rgb.png", 300), "the PNG's data is damaged"),
        (without_quantisation, "the JPEG's data is damaged"),
        (
            file("frames/palette.bmp")[..200].to_vec(),
            "the BMP ends early",
        ),
        (
            damaged("frames/lossless.webp", 40),
            "the WebP's data is damaged",
        ),
        (damaged("frames/lzw.tif", 30), "the TIFF's data is damaged"),
    ] {
        let error = read(&bytes).map(drop).expect_err(words);
        assert_eq!(
            error.to_string(),
            format!("the picture is truncated or damaged: {words}")
        );
        let cause = error.source().unwrap().to_string();
        assert!(
            !cause.is_empty() && !error.to_string().contains(&cause),
            "{cause}"
        );
    }
    // What is found here has no cause but itself.
    let error = read(&file("frames/cmyk.jpg")).unwrap_err();
    assert!(error.source().is_none(), "{error}");
}
