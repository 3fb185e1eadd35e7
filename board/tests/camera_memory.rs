//! A camera's picture takes no memory of its own once the first has come.

#![allow(unsafe_code, reason = "a counting allocator")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use espmedsam_board::camera::{
    CameraOpener, CameraWish, Happening, OfferedFormat, PixelCode, PixelLayout, Script, ScriptedBus,
};
use picture::frame::{Frame, FrameLimits};
use picture::segmenter::{Clock, ManualClock};
use video::convert::YuvRange;
use video::source::{Opener, SourceContext};

struct Counting;

thread_local! {
    /// This thread's, which is all that a source has: those of the test's harness are none of its business.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

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
        let before = ALLOCATIONS.get();
        for sequence in first + 1..first + 101 {
            assert_eq!(next(), sequence);
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "{code}");
    }
}
