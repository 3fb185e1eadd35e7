//! The pixels of every format: exact where it is lossless, upright, on black.

use ::tiff::encoder::colortype::{Gray16, RGBA8};

use super::*;

#[test]
fn lossless_formats_give_the_same_pixels() {
    let original = original();
    assert_eq!((original.width(), original.height()), (96, 64));
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
    assert!(png.rgb().contains(&0) && png.rgb().contains(&255));
    assert!(png.rgb().iter().all(|v| [0, 255].contains(v)));
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
    assert!(grey.rgb().chunks(3).all(|p| p[0] == p[1] && p[1] == p[2]));
}

#[test]
fn transparent_pixels_are_laid_on_black() {
    let rgba = image::RgbaImage::from_fn(40, 30, |x, y| {
        image::Rgba([x as u8 * 5, y as u8 * 8, 200, (x * 6) as u8])
    });
    for bytes in [
        encode(&rgba.clone().into(), ImageFormat::Png),
        encode_tiff::<RGBA8>(rgba.dimensions(), &rgba),
    ] {
        let Decoded { frame, file } = read_whole(&bytes).unwrap();
        for (shown, pixel) in frame.rgb().chunks(3).zip(rgba.pixels()) {
            let [r, g, b, a] = pixel.0.map(f64::from);
            let expected = [r, g, b].map(|v| (v * a / 255.0).round() as u8);
            assert_eq!(shown, expected, "{pixel:?}");
        }
        assert!(file.transparent);
    }
    let opaque = image::RgbaImage::from_pixel(20, 20, image::Rgba([7, 8, 9, 255]));
    let Decoded { frame, file } = read_whole(&encode(&opaque.into(), ImageFormat::Png)).unwrap();
    assert!(!file.transparent && frame.rgb().chunks(3).all(|p| p == [7, 8, 9]));
}

#[test]
fn sixteen_bits_are_rounded() {
    // All 65536 values, against the formula in double precision.
    let deep = image::ImageBuffer::<image::Luma<u16>, _>::from_fn(256, 256, |x, y| {
        image::Luma([(y * 256 + x) as u16])
    });
    for bytes in [
        encode(&deep.clone().into(), ImageFormat::Png),
        encode_tiff::<Gray16>(deep.dimensions(), &deep),
    ] {
        let grey = read(&bytes).unwrap();
        for (value, pixel) in grey.rgb().chunks(3).enumerate() {
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
    let size = (stored.width(), stored.height());
    for orientation in 1..=8 {
        let frame = read(&with_orientation(&jpeg, orientation)).unwrap();
        let turned = if orientation < 5 {
            size
        } else {
            (size.1, size.0)
        };
        assert_eq!(
            (frame.width(), frame.height()),
            turned,
            "orientation {orientation}"
        );
        for y in 0..size.1 {
            for x in 0..size.0 {
                let (u, v) = upright_place(orientation, (x, y), size);
                let (from, to) = (
                    3 * (y * size.0 + x) as usize,
                    3 * (v * frame.width() + u) as usize,
                );
                assert_eq!(
                    stored.rgb()[from..from + 3],
                    frame.rgb()[to..to + 3],
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
