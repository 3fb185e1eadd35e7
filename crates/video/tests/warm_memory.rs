//! Once warm, a source takes no memory for a picture: counted by the allocator itself.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use counting::Taken;
use espmedsam_video::avi::AviWriter;
use espmedsam_video::prepare::{Rotation, SourceView};
use espmedsam_video::replay::Replay;
use espmedsam_video::source::{Opener, SourceContext};
use espmedsam_video::viewfinder::{Prepared, Viewfinder};
use espmedsam_video::y4m::Y4mWriter;
use picture::frame::PixelRect;
use picture::frame::{Frame, FrameLimits};
use picture::render::encode_jpeg;
use picture::segmenter::{Clock, ManualClock};

const SIZE: [u32; 2] = [640, 480];

fn frame(shade: u8) -> Frame {
    let [width, height] = SIZE;
    let rgb = (0..3 * width * height).map(|i| (i / 7 % 251) as u8 ^ shade);
    Frame::new(width, height, rgb.collect()).unwrap()
}

/// What ten pictures of a file take, once two were shown: allocations and bytes, for each.
fn taken(name: &str, file: &[u8], view: SourceView) -> [usize; 2] {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, file).unwrap();
    let clock = Arc::new(ManualClock::default());
    let replay = Replay {
        path,
        each: None,
        looped: true,
        context: SourceContext {
            clock: clock.clone(),
            limits: FrameLimits::default(),
        },
    };
    let prepared = Prepared {
        opener: Arc::new(replay),
        viewfinder: Viewfinder::new(view, FrameLimits::default()),
    };
    let mut source = prepared.open().unwrap();
    let mut canvas = Frame::new(1, 1, vec![0; 3]).unwrap();
    let mut next = || {
        source.next(&mut canvas, clock.now()).unwrap();
        clock.advance(Duration::from_millis(40));
    };
    (0..2).for_each(|_| next());
    let before = Taken::here();
    (0..10).for_each(|_| next());
    let Taken { allocations, bytes } = Taken::here().since(before);
    [allocations / 10, bytes / 10]
}

#[test]
fn a_picture_takes_no_memory_of_its_own() {
    let mut y4m = Vec::new();
    let writer = Y4mWriter::begin(SIZE, [25, 1], &mut y4m);
    let mut avi = AviWriter::new(Cursor::new(Vec::new()), SIZE, [25, 1]).unwrap();
    for shade in 0..12 {
        assert!(writer.push(&frame(shade), &mut y4m));
        avi.push(&encode_jpeg(&frame(shade), 80).unwrap()).unwrap();
    }
    let avi = avi.finish().unwrap().into_inner();
    let region = PixelRect {
        x: 20,
        y: 10,
        width: 400,
        height: 300,
    };
    let turned = SourceView {
        region: Some(region),
        rotate: Rotation::Quarter,
        mirror: true,
        crop: None,
    };
    for view in [SourceView::default(), turned] {
        assert_eq!(taken("a.y4m", &y4m, view), [0, 0]);
        // The decoder's tables and rows, which it does not keep; no picture, which would be 900 KiB.
        let [count, bytes] = taken("a.avi", &avi, view);
        println!("a JPEG: {count} allocations, {bytes} bytes");
        assert!(count < 60 && bytes < 128 << 10, "{count}, {bytes}");
    }
}
