mod jpegs;
mod pixels;
mod pngs;
mod refusals;
mod tiff_writer;
mod tiffs;
mod wholeness;

use std::io::Cursor;
use std::path::Path;

use ::tiff::encoder::colortype::ColorType;
use ::tiff::encoder::{TiffEncoder, TiffValue};
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
    read_whole(bytes).map(|decoded| decoded.frame)
}

/// Both ways: to a new frame, and into one that holds another picture.
fn read_whole(bytes: &[u8]) -> Result<Decoded, FrameError> {
    let (limits, stop) = (FrameLimits::default(), Stop::never());
    let new = read_file(bytes, None, &limits, &stop);
    let mut frame = Frame::new(70, 50, vec![165; 3 * 70 * 50]).unwrap();
    let file = read_file_into(bytes, &limits, &stop, &mut frame);
    assert_eq!(file.map(|file| Decoded { frame, file }), new);
    new
}

/// The picture that the files in `tests/frames` were made of.
fn original() -> Frame {
    read(&file("frames/rgb.png")).unwrap()
}

/// Mean absolute difference of two pictures of one size.
fn difference(a: &Frame, b: &Frame) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let sum: u64 = a
        .rgb()
        .iter()
        .zip(b.rgb())
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / a.rgb().len() as f64
}

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).unwrap();
    out.into_inner()
}

/// As `tiff` writes it. `image` would, too, with a feature that the program does without: and so be built twice.
fn encode_tiff<C: ColorType>((width, height): (u32, u32), samples: &[C::Inner]) -> Vec<u8>
where
    [C::Inner]: TiffValue,
{
    let mut out = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut out).unwrap();
    encoder.write_image::<C>(width, height, samples).unwrap();
    out.into_inner()
}

/// That a picture is refused as damaged, in words with `word`.
fn assert_damaged(read: Result<Frame, FrameError>, word: &str) {
    match read.map(drop) {
        Err(FrameError::Corrupt(why)) if why.to_string().contains(word) => {}
        other => panic!("not damaged by {word}: {other:?}"),
    }
}

/// That a picture is refused as one of a kind that is not read, in words with `word`.
fn assert_unsupported(read: Result<Frame, FrameError>, word: &str) {
    match read.map(drop) {
        Err(FrameError::Unsupported(why)) if why.to_string().contains(word) => {}
        other => panic!("not unsupported for {word}: {other:?}"),
    }
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
            prop_assert_eq!(frame.rgb().len() as u64, 3 * u64::from(frame.width()) * u64::from(frame.height()));
            prop_assert!(frame.rgb().len() <= 3_000_000);
        }
    }
}
