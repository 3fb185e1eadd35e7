//! Decoding takes no more memory than it says beforehand: measured by the allocator itself.

#![allow(unsafe_code, reason = "a measuring allocator")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Cursor, Write};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use espmedsam_picture::frame::{FrameError, FrameLimits, Stop, need, read_file, read_file_into};
use image::{DynamicImage, ImageFormat, Luma, Rgb, Rgba};
use tiff::encoder::colortype::{ColorType, RGB8, RGBA16};
use tiff::encoder::{TiffEncoder, TiffValue};

struct Measuring;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn grow(bytes: usize) {
    PEAK.fetch_max(NOW.fetch_add(bytes, Relaxed) + bytes, Relaxed);
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Measuring {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static MEASURING: Measuring = Measuring;

fn encode(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image.into().write_to(&mut out, format).unwrap();
    out.into_inner()
}

fn encode_tiff<C: ColorType>((width, height): (u32, u32), samples: &[C::Inner]) -> Vec<u8>
where
    [C::Inner]: TiffValue,
{
    let mut out = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut out).unwrap();
    encoder.write_image::<C>(width, height, samples).unwrap();
    out.into_inner()
}

/// An EXIF block that says "on its side" after a JPEG's first two bytes.
fn turned(jpeg: &[u8]) -> Vec<u8> {
    let exif =
        b"\xff\xe1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    [&jpeg[..2], exif, &jpeg[2..]].concat()
}

/// A small PNG with a colour profile that inflates to 256 MiB.
fn with_a_profile_bomb(png: &[u8]) -> Vec<u8> {
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    (0..256).for_each(|_| zlib.write_all(&[0; 1 << 20]).unwrap());
    let body = [&b"iCCPx\0\0"[..], &zlib.finish().unwrap()].concat();
    let mut sum = flate2::Crc::new();
    sum.update(&body);
    let length = (body.len() as u32 - 4).to_be_bytes();
    [
        &png[..33],
        &length,
        &body,
        &sum.sum().to_be_bytes(),
        &png[33..],
    ]
    .concat()
}

/// Alone in its process: the allocator sees every thread.
#[test]
fn decoding_takes_what_it_said_and_no_more() {
    let (width, height) = (1500, 1000);
    let value = |x: u32, y: u32| (x * 7 + y * 3) as u8;
    let grey = image::GrayImage::from_fn(width, height, |x, y| Luma([value(x, y)]));
    let rgb = image::RgbImage::from_fn(width, height, |x, y| {
        Rgb([value(x, y), value(y, x), value(x, x)])
    });
    let deep = image::ImageBuffer::<Rgba<u16>, Vec<u16>>::from_fn(width, height, |x, y| {
        Rgba([value(x, y), value(y, x), value(x, x), 200].map(|v| u16::from(v) << 4))
    });
    let rgba = DynamicImage::ImageRgba16(deep.clone()).into_rgba8();
    let jpeg = encode(rgb.clone(), ImageFormat::Jpeg);
    let small = encode(image::GrayImage::new(32, 32), ImageFormat::Png);
    let files = [
        ("grey PNG", encode(grey.clone(), ImageFormat::Png)),
        ("deep PNG", encode(deep.clone(), ImageFormat::Png)),
        ("profile", with_a_profile_bomb(&small)),
        ("JPEG", jpeg.clone()),
        ("grey JPEG", encode(grey, ImageFormat::Jpeg)),
        ("turned JPEG", turned(&jpeg)),
        ("BMP", encode(rgb.clone(), ImageFormat::Bmp)),
        ("BMP with alpha", encode(rgba.clone(), ImageFormat::Bmp)),
        ("TIFF", encode_tiff::<RGB8>(rgb.dimensions(), &rgb)),
        ("deep TIFF", encode_tiff::<RGBA16>(deep.dimensions(), &deep)),
        ("WebP", encode(rgb, ImageFormat::WebP)),
        ("WebP with alpha", encode(rgba, ImageFormat::WebP)),
    ];
    for (name, bytes) in files {
        let limits = FrameLimits::default();
        let said = need(&bytes, None, &limits).unwrap();
        let before = NOW.load(Relaxed);
        PEAK.store(before, Relaxed);
        let decoded = read_file(&bytes, None, &limits, &Stop::never()).unwrap();
        let peak = (PEAK.load(Relaxed) - before) as u64;
        let mut frame = decoded.frame;
        if matches!(name, "JPEG" | "grey JPEG") {
            // Into the memory of the picture before: rows and tables, and no picture.
            let before = NOW.load(Relaxed);
            PEAK.store(before, Relaxed);
            read_file_into(&bytes, &limits, &Stop::never(), &mut frame).unwrap();
            let peak = PEAK.load(Relaxed) - before;
            assert!(peak < 1 << 20, "{name}: {peak} beside the frame");
        }
        drop(frame);
        // Tables and rows of the libraries are not counted out: a MiB, and no share of the picture.
        assert!(peak <= said + (1 << 20), "{name}: {peak} for {said}");
        let tight = FrameLimits {
            max_memory: said - 1,
            ..limits
        };
        PEAK.store(NOW.load(Relaxed), Relaxed);
        let before = NOW.load(Relaxed);
        let refused = read_file(&bytes, None, &tight, &Stop::never());
        let peak = PEAK.load(Relaxed) - before;
        if name == "turned JPEG" {
            // With less it is turned in place.
            assert!(refused.is_ok() && peak < said as usize, "{peak}");
            continue;
        }
        let expected = FrameError::TooMuchMemory {
            need: said,
            limit: said - 1,
        };
        assert_eq!(refused.err(), Some(expected), "{name}");
        assert!(peak < 1 << 20, "{name}: {peak} before it was refused");
    }

    // The largest picture allowed, deep, in a few kilobytes: bounded in memory, and stopped in time.
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, 6000, 4000);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Sixteen);
    let mut writer = encoder.write_header().unwrap();
    let mut stream = writer.stream_writer().unwrap();
    let row = vec![9; 8 * 6000];
    (0..4000).for_each(|_| stream.write_all(&row).unwrap());
    stream.finish().unwrap();
    drop(writer);
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let largest = read_file(&png, None, &FrameLimits::default(), &Stop::never());
    assert_eq!(largest.unwrap().frame.rgb().len(), 3 * 24_000_000);
    assert!(PEAK.load(Relaxed) - before < 76 << 20);
    let start = Instant::now();
    let stop = Stop::at(start + Duration::from_millis(50));
    let late = read_file(&png, None, &FrameLimits::default(), &stop);
    assert!(matches!(late, Err(FrameError::Stopped(_))));
    assert!(
        start.elapsed() < Duration::from_millis(500),
        "{:?}",
        start.elapsed()
    );
}
