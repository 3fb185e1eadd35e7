//! What can be opened, what cannot now, and what never can.

use std::path::Path;
use std::sync::Arc;

use espmedsam_board::camera::{
    CameraBus, CameraOpener, LinuxBus, OfferedFormat, PixelCode, Script, ScriptedBus,
};
use picture::segmenter::SystemClock;
use video::source::{Encoding, Opener, SourceError};

use super::bench::{Bench, EVERY, context, layout};

#[test]
fn what_can_never_be_used_says_so() {
    let size = [32, 16];
    let unusable = |layout| {
        let error = Bench::new(layout, vec![]).opener.open().err().unwrap();
        assert!(matches!(error, SourceError::Unusable(_)), "{error}");
        error.to_string()
    };
    let h264 = unusable(layout(PixelCode(*b"H264"), size));
    assert!(h264.contains("H264") && h264.contains("YUYV"), "{h264}");
    let huge = unusable(layout(PixelCode::YUYV, [20_000, 10_000]));
    assert!(huge.contains("20000x10000"), "{huge}");
    unusable(layout(PixelCode::YUYV, [0, 16]));
    // Offers nothing: as it does while it is being unplugged.
    let mut bench = Bench::new(layout(PixelCode::YUYV, size), vec![]);
    let script = |offers, layout| Script {
        offers,
        layout,
        every: EVERY,
        happenings: vec![],
        again: false,
    };
    let mut open = |script| {
        let bus = ScriptedBus::new("/dev/video7", script, bench.clock.clone());
        bench.opener.bus = Arc::new(bus);
        bench.opener.open().err().unwrap()
    };
    let nothing = open(script(vec![], layout(PixelCode::YUYV, size)));
    assert!(matches!(nothing, SourceError::Lost(_)), "{nothing}");
    // A driver that answers to a wish with another format.
    let offers = vec![OfferedFormat {
        code: PixelCode::GREY,
        sizes: vec![],
    }];
    let other = open(script(offers, layout(PixelCode(*b"RGB3"), size)));
    assert!(matches!(other, SourceError::Unusable(_)), "{other}");
}

#[test]
fn on_this_machine_what_is_no_camera_is_told_from_what_is_not_there() {
    let here = || context(Arc::new(SystemClock));
    let open = |path: &str| CameraOpener::new(path, here()).open().err().unwrap();
    assert!(matches!(open("/dev/no-such-camera"), SourceError::Lost(_)));
    for path in ["/dev/null", "/", "/dev/null/video0"] {
        assert!(
            matches!(open(path), SourceError::Unusable(_)),
            "{path}: {}",
            open(path)
        );
    }
    assert_eq!(
        CameraOpener::new("/dev/video0", here()).label(),
        "/dev/video0"
    );
    let found = LinuxBus.list().unwrap();
    assert!(
        found
            .iter()
            .all(|info| info.path.starts_with(Path::new("/dev")))
    );
    assert_eq!(PixelCode::YUYV.encoding(), Some(Encoding::Yuyv));
}
