//! What a 720p picture costs before anybody looks at it: `cargo bench -p espmedsam-video`.

#![allow(
    clippy::expect_used,
    missing_docs,
    reason = "a bench without its picture cannot run"
)]

use std::sync::LazyLock;

use divan::Bencher;
use espmedsam_video::convert::{
    Plane, Planes, RawPicture, Subsampling, YuvRange, YuvStandard, write_yuv420,
};
use espmedsam_video::mjpeg::{JPEG_BYTES, JpegSplitter};
use espmedsam_video::prepare::{Rotation, SourceView};
use picture::frame::PixelRect;
use picture::frame::{Frame, FrameLimits, Stop, decode, read_file_into};
use picture::render::encode_jpeg;

const SIZE: [u32; 2] = [1280, 720];

fn main() {
    divan::main();
}

/// A shipped sample, stretched to 720p.
static FRAME: LazyLock<Frame> = LazyLock::new(|| {
    let sample = "/../../tests/samples/kvasir_cju84hibuktj80871u519o71q.jpg";
    let path = env!("CARGO_MANIFEST_DIR").to_owned() + sample;
    let file = std::fs::read(path).expect("the shipped sample");
    let sample = decode(&file, &FrameLimits::default()).expect("a picture");
    let [width, height] = SIZE.map(|side| side as usize);
    let [from_width, from_height] = sample.size().map(|side| side as usize);
    let pixels = sample.rgb().as_chunks::<3>().0;
    let at = |i: usize| {
        let (x, y) = (
            i % width * from_width / width,
            i / width * from_height / height,
        );
        pixels[y * from_width + x]
    };
    let rgb = (0..width * height).flat_map(at).collect();
    Frame::new(SIZE[0], SIZE[1], rgb).expect("720p")
});

static JPEG: LazyLock<Vec<u8>> = LazyLock::new(|| encode_jpeg(&FRAME, 80).expect("a JPEG"));

#[divan::bench(args = ["grey", "yuyv", "nv12", "4:2:0", "4:4:4"])]
fn to_rgb(bencher: Bencher<'_, '_>, layout: &str) {
    let bytes: Vec<u8> = FRAME.rgb().to_vec();
    let width = SIZE[0] as usize;
    let plane = |stride| Plane {
        bytes: &bytes,
        stride,
    };
    let planes = match layout {
        "grey" => Planes::Grey(plane(width)),
        "yuyv" => Planes::Yuyv(plane(2 * width)),
        "nv12" => Planes::nv12(&bytes, width, SIZE[1]),
        "4:2:0" => Planes::planar(&bytes, SIZE, Subsampling::Yuv420),
        _ => Planes::planar(&bytes, SIZE, Subsampling::Yuv444),
    };
    let raw = RawPicture {
        size: SIZE,
        range: YuvRange::Limited,
        standard: YuvStandard::Bt601,
        planes,
    };
    let mut frame = FRAME.clone();
    bencher.bench_local(|| raw.write(&mut frame));
}

#[divan::bench]
fn from_rgb_to_yuv420(bencher: Bencher<'_, '_>) {
    let mut bytes = Vec::new();
    bencher.bench_local(|| {
        bytes.clear();
        write_yuv420(&FRAME, &mut bytes);
    });
}

#[divan::bench]
fn split_a_jpeg_off(bencher: Bencher<'_, '_>) {
    let mut splitter = JpegSplitter::new(JPEG_BYTES);
    bencher.bench_local(|| {
        for piece in JPEG.chunks(32 << 10) {
            splitter.room()[..piece.len()].copy_from_slice(piece);
            splitter.filled(piece.len());
            while splitter.split().is_some() {}
        }
    });
}

#[divan::bench]
fn decode_a_jpeg_to_a_new_frame(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| decode(&JPEG, &FrameLimits::default()));
}

#[divan::bench]
fn decode_a_jpeg_into_a_frame(bencher: Bencher<'_, '_>) {
    let (mut frame, limits) = (FRAME.clone(), FrameLimits::default());
    bencher.bench_local(|| read_file_into(&JPEG, &limits, &Stop::never(), &mut frame));
}

#[divan::bench(args = [0, 90, 180, 270])]
fn turn(bencher: Bencher<'_, '_>, degrees: u16) {
    let region = PixelRect {
        x: 0,
        y: 0,
        width: SIZE[0],
        height: SIZE[1],
    };
    let view = SourceView {
        region: Some(region),
        rotate: Rotation::try_from(degrees).expect("quarters"),
        mirror: true,
        crop: None,
    };
    let mut to = FRAME.clone();
    bencher.bench_local(|| view.write(&FRAME, &mut to));
}
