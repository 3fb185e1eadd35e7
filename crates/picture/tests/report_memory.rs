//! Memory of rendering the largest picture. Alone in its file: it reads the whole process's figures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::sync::Arc;

use espmedsam_picture::frame::Frame;
use espmedsam_picture::mask::LogitMap;
use espmedsam_picture::mask::Mask;
use espmedsam_picture::report::{Extras, Form, render};
use espmedsam_picture::segmenter::{Lease, Segmentation, StageTimes};

/// A field of /proc/self/status, bytes.
fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}

const WIDTH: u32 = 6000;
const HEIGHT: u32 = 4000;

/// 24 megapixels: a mask of discs with holes, over grey that goes from light to dark, or over noise, which no code makes
/// smaller.
fn segmentation(noise: bool) -> Segmentation {
    let mut random = 1_u32;
    let rgb = (0..3 * WIDTH * HEIGHT)
        .map(|i| {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            if noise {
                random as u8
            } else {
                (i / (3 * WIDTH)) as u8
            }
        })
        .collect();
    let disc = |i: u32| {
        let (x, y) = (i % WIDTH % 500, i / WIDTH % 500);
        let square = x.abs_diff(250).pow(2) + y.abs_diff(250).pow(2);
        if (10_000..40_000).contains(&square) {
            255
        } else {
            0
        }
    };
    Segmentation {
        scale: espmedsam_picture::scale::Scale::Unknown,
        region: None,
        frame: Arc::new(Frame::new(WIDTH, HEIGHT, rgb).unwrap()),
        file: None,
        mask: Mask::new(WIDTH, HEIGHT, (0..WIDTH * HEIGHT).map(disc).collect()).unwrap(),
        presence: None,
        low_res: map(),
        patch: map(),
        confidence: None,
        probability: None,
        signs: None,
        check: None,
        model: "fake".into(),
        model_sha256: String::new(),
        modality: "ultrasound".into(),
        modality_index: 1,
        label: "discs".into(),
        codes: None,
        times: StageTimes::default(),
        lease: Lease::default(),
    }
}

fn map() -> LogitMap {
    LogitMap::new(8, vec![1.0; 64]).unwrap()
}

#[test]
fn the_largest_picture_stays_below_150_mb_in_every_form() {
    let rest = status("VmRSS");
    for noise in [false, true] {
        for form in [
            Form::Overlay,
            Form::OverlayJpeg,
            Form::Patch,
            Form::Png,
            Form::Json,
        ] {
            let segmentation = segmentation(noise);
            std::fs::write("/proc/self/clear_refs", "5").unwrap(); // the peak begins anew
            let rendered = render(segmentation, form, Extras::default()).unwrap();
            let peak = status("VmHWM").saturating_sub(rest);
            println!(
                "{form:?}, noise {noise}: {peak} bytes above rest, reply {} bytes",
                rendered.bytes.len()
            );
            assert!(
                peak < 150_000_000,
                "{form:?}, noise {noise}: {peak} bytes above rest"
            );
        }
    }
}
