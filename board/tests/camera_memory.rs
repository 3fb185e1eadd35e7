//! A camera's picture takes no memory of its own once the first has come.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::sync::Arc;
use std::time::Duration;

use counting::Taken;
use espmedsam_board::camera::{
    CameraOpener, CameraWish, Happening, OfferedFormat, PixelCode, PixelLayout, Script, ScriptedBus,
};
use picture::frame::{Frame, FrameLimits};
use picture::segmenter::{Clock, ManualClock};
use video::convert::{YuvRange, YuvStandard};
use video::source::{Opener, SourceContext};

#[test]
fn a_raw_picture_allocates_nothing_once_warm() {
    let every = Duration::from_millis(33);
    for (code, bytes) in [
        (PixelCode::YUYV, 2 * 64 * 48),
        (PixelCode::NV12, 64 * 48 * 3 / 2),
        (PixelCode::GREY, 64 * 48),
    ] {
        let clock = Arc::new(ManualClock::default());
        let script = Script {
            offers: vec![OfferedFormat {
                code,
                sizes: vec![],
            }],
            layout: PixelLayout {
                code,
                size: [64, 48],
                stride: if code == PixelCode::YUYV { 128 } else { 64 },
                bytes: bytes as u32,
                range: YuvRange::Full,
                standard: YuvStandard::Bt601,
            },
            every,
            happenings: vec![Happening::Picture((0..bytes).map(|i| i as u8).collect())],
            again: true,
        };
        let opener = CameraOpener {
            bus: Arc::new(ScriptedBus::new("camera", script, clock.clone())),
            path: "camera".into(),
            wish: CameraWish::default(),
            context: SourceContext {
                clock: clock.clone(),
                limits: FrameLimits::default(),
            },
        };
        let mut source = opener.open().unwrap();
        let mut canvas = Frame::new(1, 1, vec![0; 3]).unwrap();
        let mut next = || {
            clock.advance(every);
            source.next(&mut canvas, clock.now()).unwrap().sequence
        };
        let first = next();
        let before = Taken::here();
        for sequence in first + 1..first + 101 {
            assert_eq!(next(), sequence);
        }
        assert_eq!(Taken::here().since(before).allocations, 0, "{code}");
    }
}
