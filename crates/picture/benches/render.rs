//! What a live picture costs on its way out, at 1280 × 720: `cargo bench -p espmedsam-picture --bench render`.

#![allow(
    clippy::expect_used,
    missing_docs,
    reason = "a bench without its picture cannot run"
)]

use std::path::Path;
use std::sync::LazyLock;

use divan::Bencher;
use espmedsam_picture::frame::{Frame, FrameLimits, decode};
use espmedsam_picture::mask::Mask;
use espmedsam_picture::render::{
    Banner, Chroma, JpegEncoder, OverlayPen, OverlayStyle, Shrinker, Tone, burn_banner,
};
use image::ExtendedColorType;
use image::codecs::jpeg;
use image::imageops::{self, FilterType};

const SIZE: [u32; 2] = [1280, 720];
const QUALITY: u8 = 80;

fn main() {
    divan::main();
}

/// A sample at twice its size with a camera's noise, side by side until it fills the frame.
static FRAME: LazyLock<Frame> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/samples");
    let file = std::fs::read(root.join("kvasir_cju84hibuktj80871u519o71q.jpg")).expect("a sample");
    let sample = decode(&file, &FrameLimits::default()).expect("a picture");
    let [width, height] = sample.size();
    let sample = image::RgbImage::from_raw(width, height, sample.into_rgb()).expect("its pixels");
    let large = imageops::resize(&sample, 2 * width, 2 * height, FilterType::CatmullRom);
    let mut random = 1_u32;
    let mut noisy = |v: u8| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (v.saturating_add((random >> 24) as u8 % 7)).saturating_sub(3)
    };
    let pixel = |i: u32| large.get_pixel(i % SIZE[0] % large.width(), i / SIZE[0] % large.height());
    let rgb = (0..SIZE[0] * SIZE[1]).flat_map(|i| pixel(i).0);
    let rgb = rgb.map(&mut noisy).collect();
    Frame::new(SIZE[0], SIZE[1], rgb).expect("the size")
});

/// An ellipse over a seventh of the frame.
static MASK: LazyLock<Mask> = LazyLock::new(|| {
    let inside = |i: u32| {
        let (x, y) = ((i % SIZE[0]).abs_diff(640), (i / SIZE[0]).abs_diff(360));
        (2 * x / 3).pow(2) + y.pow(2) < 170 * 170
    };
    let pixels = (0..SIZE[0] * SIZE[1]).map(|i| if inside(i) { 255 } else { 0 });
    Mask::new(SIZE[0], SIZE[1], pixels.collect()).expect("the size")
});

#[divan::bench(args = [Chroma::Halved, Chroma::Full])]
fn encode(bencher: Bencher, chroma: Chroma) {
    let (encoder, mut file) = (JpegEncoder::new(QUALITY, chroma), Vec::new());
    bencher.bench_local(|| encoder.encode(&FRAME, &mut file));
}

/// What there was before.
#[divan::bench]
fn encode_by_the_image_crate(bencher: Bencher) {
    let [width, height] = SIZE;
    let mut file = Vec::new();
    bencher.bench_local(|| {
        file.clear();
        jpeg::JpegEncoder::new_with_quality(&mut file, QUALITY).encode(
            FRAME.rgb(),
            width,
            height,
            ExtendedColorType::Rgb8,
        )
    });
}

#[divan::bench]
fn overlay(bencher: Bencher) {
    let (mut pen, mut frame, style) = (
        OverlayPen::default(),
        FRAME.clone(),
        OverlayStyle::default(),
    );
    bencher.bench_local(|| pen.draw(&mut frame, &MASK, &style));
}

#[divan::bench(args = [Tone::Note, Tone::Alarm])]
fn banner(bencher: Bencher, tone: Tone) {
    let mut frame = FRAME.clone();
    let banner = Banner {
        words: "NO SIGNAL",
        detail: "AGE 1043 MS",
        tone,
    };
    bencher.bench_local(|| burn_banner(&mut frame, &banner));
}

#[divan::bench(args = [640, 960, 320])]
fn shrink(bencher: Bencher, width: u32) {
    let (mut shrinker, mut small) = (Shrinker::default(), FRAME.clone());
    bencher.bench_local(|| shrinker.shrink(&FRAME, width, &mut small));
}

/// All that a live picture takes at its own size.
#[divan::bench]
fn overlay_and_encode(bencher: Bencher) {
    let (mut pen, mut frame, style) = (
        OverlayPen::default(),
        FRAME.clone(),
        OverlayStyle::default(),
    );
    let (encoder, mut file) = (JpegEncoder::new(QUALITY, Chroma::Halved), Vec::new());
    bencher.bench_local(|| {
        frame.rgb_mut().copy_from_slice(FRAME.rgb());
        pen.draw(&mut frame, &MASK, &style)?;
        encoder.encode(&frame, &mut file)
    });
}
