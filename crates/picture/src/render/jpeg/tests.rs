use image::ExtendedColorType;
use proptest::prelude::*;

use super::*;
use crate::frame::{FrameError, FrameLimits, decode};

fn encoded(frame: &Frame, quality: u8, chroma: Chroma) -> Vec<u8> {
    let mut file = Vec::new();
    JpegEncoder::new(quality, chroma)
        .encode(frame, &mut file)
        .unwrap();
    file
}

/// By the reader that wants every block of a file there.
fn read(file: &[u8]) -> Result<Frame, FrameError> {
    let limits = FrameLimits {
        min_side: 1,
        ..FrameLimits::default()
    };
    decode(file, &limits)
}

fn decoded(file: &[u8]) -> Frame {
    read(file).unwrap()
}

fn drawn(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Frame {
    let all = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let rgb = all.flat_map(|(x, y)| pixel(x, y)).collect();
    Frame::new(width, height, rgb).unwrap()
}

fn gradient(width: u32, height: u32) -> Frame {
    drawn(width, height, |x, y| [(3 * x) as u8, (2 * y) as u8, 90])
}

fn sample(name: &str) -> Frame {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/samples");
    decoded(&std::fs::read(path.join(name)).unwrap())
}

/// Decibels, of all samples.
fn psnr(a: &[f64], b: &[f64]) -> f64 {
    let error: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    10.0 * (255.0_f64.powi(2) * a.len() as f64 / error).log10()
}

fn samples(frame: &Frame) -> Vec<f64> {
    frame.rgb().iter().map(|v| f64::from(*v)).collect()
}

fn luminance(frame: &Frame) -> Vec<f64> {
    let rgb = samples(frame);
    let weighed = |p: &[f64]| 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
    rgb.chunks(3).map(weighed).collect()
}

#[test]
fn no_worse_than_the_image_crate_s_and_about_as_long() {
    let names = [
        "kvasir_cju2htabevq9108015qjei0x7.jpg",
        "usgra_0032.jpg",
        "ISIC_0000390.jpg",
    ];
    for name in names {
        let frame = sample(name);
        for quality in [1, 10, 50, 80, 90, 95, 100] {
            let mut theirs = Vec::new();
            image::codecs::jpeg::JpegEncoder::new_with_quality(&mut theirs, quality)
                .encode(
                    frame.rgb(),
                    frame.width(),
                    frame.height(),
                    ExtendedColorType::Rgb8,
                )
                .unwrap();
            let full = encoded(&frame, quality, Chroma::Full);
            let halved = encoded(&frame, quality, Chroma::Halved);
            let all = |file: &[u8]| psnr(&samples(&decoded(file)), &samples(&frame));
            let light = |file: &[u8]| psnr(&luminance(&decoded(file)), &luminance(&frame));
            let place = format!("{name} at {quality}");
            assert!(all(&full) > all(&theirs) - 0.1, "{place}");
            assert!(light(&full) > light(&theirs) - 0.1, "{place}");
            assert!(light(&halved) > light(&theirs) - 0.1, "{place}");
            assert!(halved.len() < full.len(), "{place}");
            // At 100 theirs rounds down what is to be rounded to the nearest, and is 2 dB worse.
            let longer = full.len() as f64 / theirs.len() as f64;
            assert!(longer < 1.03 || quality == 100, "{place}: {longer}");
        }
    }
}

#[test]
fn any_size_keeps_its_picture() {
    let sizes = [
        (1, 1),
        (1, 40),
        (40, 1),
        (7, 5),
        (8, 8),
        (9, 17),
        (16, 16),
        (17, 9),
        (63, 16),
        (64, 17),
        (65, 33),
        (129, 31),
    ];
    for (width, height) in sizes {
        let frame = gradient(width, height);
        for (chroma, least) in [(Chroma::Full, 40.0), (Chroma::Halved, 36.0)] {
            let back = decoded(&encoded(&frame, 95, chroma));
            assert_eq!(back.size(), [width, height]);
            let near = psnr(&samples(&back), &samples(&frame));
            assert!(near > least, "{width}x{height} {chroma:?}: {near}");
        }
    }
}

#[test]
fn plain_colours_stay() {
    let levels = [0, 1, 127, 128, 254, 255];
    for [r, g, b] in levels
        .iter()
        .flat_map(|r| levels.map(|g| [*r, g, 255 - *r]))
    {
        let frame = drawn(24, 24, |_, _| [r, g, b]);
        for chroma in [Chroma::Full, Chroma::Halved] {
            let back = decoded(&encoded(&frame, 100, chroma));
            let far = back
                .rgb()
                .iter()
                .zip(frame.rgb())
                .map(|(a, b)| a.abs_diff(*b))
                .max();
            // The decoder's own rounding to whole YCbCr takes as much.
            assert!(far <= Some(2), "{r} {g} {b} {chroma:?}: {far:?}");
        }
    }
}

/// The hardest edges, at every quality: what is largest in any sum.
#[test]
fn black_and_white_do_not_wrap() {
    let light = |yes: bool| [if yes { 255 } else { 0 }; 3];
    let checks = |side: u32| drawn(64, 48, move |x, y| light((x / side + y / side) % 2 == 1));
    let plain = |level: u8| drawn(64, 48, move |_, _| [level; 3]);
    let lines = drawn(64, 48, |x, _| light(x % 2 == 1));
    for frame in [checks(1), checks(3), checks(8), plain(0), plain(255), lines] {
        for quality in [0, 1, 50, 100, 255] {
            let full = decoded(&encoded(&frame, quality, Chroma::Full));
            let halved = decoded(&encoded(&frame, quality, Chroma::Halved));
            let near = |a: &Frame| psnr(&samples(a), &samples(&frame));
            let least = if quality >= 100 { 45.0 } else { 8.0 };
            assert!(near(&full) > least, "{quality}: {}", near(&full));
            // Without colour there is nothing to halve.
            assert_eq!(full, halved, "{quality}");
        }
    }
}

#[test]
fn says_the_notice_once_and_what_it_is() {
    let file = encoded(&gradient(70, 40), 80, Chroma::Halved);
    assert_eq!(file[..4], [0xff, 0xd8, 0xff, 0xe0], "JFIF comes first");
    let comment = [&[0xff, 0xfe, 0, NOTICE.len() as u8 + 2], NOTICE.as_bytes()].concat();
    assert_eq!(
        file.windows(comment.len())
            .filter(|w| *w == comment)
            .count(),
        1
    );
    assert_eq!(file[file.len() - 2..], [0xff, 0xd9]);
}

#[test]
fn a_vector_used_again_is_not_allocated_again() {
    let encoder = JpegEncoder::new(80, Chroma::Halved);
    let mut file = Vec::new();
    encoder
        .encode(&sample("usgra_0032.jpg"), &mut file)
        .unwrap();
    let (first, place, room) = (file.clone(), file.as_ptr(), file.capacity());
    encoder.encode(&gradient(99, 33), &mut file).unwrap();
    encoder
        .encode(&sample("usgra_0032.jpg"), &mut file)
        .unwrap();
    assert_eq!((file.as_ptr(), file.capacity()), (place, room));
    assert_eq!(file, first);
}

#[test]
fn a_side_that_no_jpeg_holds_is_refused() {
    let longest = Frame::new(JPEG_MAX_SIDE, 1, vec![0; 3 * 65_535]).unwrap();
    assert_eq!(decoded(&encode_jpeg(&longest, 80).unwrap()), longest);
    let wide = Frame::new(65_536, 1, vec![0; 3 * 65_536]).unwrap();
    let refused = encode_jpeg(&wide, 80).unwrap_err();
    assert_eq!(
        refused.to_string(),
        fits_jpeg(&wide).unwrap_err().to_string()
    );
    let RenderError::TooLongForJpeg { width, height } = refused else {
        panic!("{refused}");
    };
    assert_eq!((width, height), (65_536, 1));
}

fn any_frame() -> impl Strategy<Value = Frame> {
    // Noise, or few levels in long runs.
    (1_u32..150, 1_u32..40, any::<u64>(), 1_u64..9).prop_map(|(width, height, mut random, run)| {
        let mut level = 0;
        let next = |i: u64| {
            if i.is_multiple_of(run) {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                level = (random >> 56) as u8;
            }
            level
        };
        let rgb = (0..3 * u64::from(width * height)).map(next).collect();
        Frame::new(width, height, rgb).unwrap()
    })
}

proptest! {
    #[test]
    fn any_frame_is_a_whole_file(frame in any_frame(), quality in 1_u8..=100, halved: bool) {
        let chroma = if halved { Chroma::Halved } else { Chroma::Full };
        let back = read(&encoded(&frame, quality, chroma));
        prop_assert_eq!(back.map(|frame| frame.size()), Ok(frame.size()));
    }

    /// At the finest steps what comes back is what went in, within what rounding to whole YCbCr takes.
    #[test]
    fn quality_100_keeps_noise(frame in any_frame()) {
        let back = decoded(&encoded(&frame, 100, Chroma::Full));
        let near = psnr(&samples(&back), &samples(&frame));
        prop_assert!(near > 42.0, "{}", near);
    }
}
