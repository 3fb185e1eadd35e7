//! A guest's answers, faults and live sources, on a toy model whose masks are known.
//!
//! Research use only. Not for clinical use.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Duration;

use espmedsam_embed::{
    Guest, GuestError, GuestFault, GuestLane, GuestOptions, GuestWish, frame_of,
};
use http::Problem;
use picture::frame::{Frame, FrameError, PixelRect, RegionError, Stopped};
use picture::scale::PixelSize;
use picture::segmenter::{Ask, EngineError, Modality, ModalityCheck, OnMismatch, Picture};
use testing::toy;
use video::convert::{Plane, Planes, RawPicture, YuvRange, YuvStandard};

/// Reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn wish(modality: &str) -> GuestWish {
    GuestWish {
        ask: Ask::new(modality),
        pixel: None,
        region: None,
        timeout: None,
    }
}

fn guest(dir: &std::path::Path) -> Guest {
    let options = GuestOptions {
        threads: 1,
        workers: 1,
    };
    Guest::open(Some(dir), options).unwrap()
}

/// 64 × 64 of one grey.
fn grey(level: u8) -> Frame {
    Frame::new(64, 64, vec![level; 3 * 64 * 64]).unwrap()
}

fn picture(frame: Frame) -> Picture {
    Picture::Frame(std::sync::Arc::new(frame))
}

/// One of each kind that both doors tell.
fn errors() -> Vec<EngineError> {
    let check = ModalityCheck {
        score: 0.0,
        threshold: 0.5,
        likeliest: "other".into(),
        likeliest_score: 1.0,
        inverted: None,
    };
    let name = || "name".to_owned();
    vec![
        FrameError::Empty.into(),
        FrameError::UnknownFormat.into(),
        FrameError::Stopped(Stopped::Late).into(),
        (FrameError::TooSmall {
            width: 1,
            height: 1,
            min_side: 2,
        })
        .into(),
        FrameError::TooMuchMemory { need: 2, limit: 1 }.into(),
        FrameError::NoSuchPage { asked: 2, pages: 1 }.into(),
        (FrameError::Foreign {
            format: "a",
            advice: "b",
        })
        .into(),
        EngineError::Region(RegionError {
            region: PixelRect::whole([9, 9]),
            size: [8, 8],
        }),
        EngineError::UnknownModality {
            asked: name(),
            model: name(),
            available: name(),
        },
        EngineError::UnknownModel {
            asked: name(),
            available: name(),
        },
        EngineError::ModalityMismatch {
            asked: Modality::Auto,
            check,
            pages: None,
        },
        EngineError::NoGuard,
        EngineError::Overloaded { capacity: 1 },
        EngineError::TooManyLanes { most: 1 },
        EngineError::NotReady,
        EngineError::Model("broken".into()),
        EngineError::Stuck(name()),
        EngineError::GivenUp(Stopped::Late),
        EngineError::Stopped,
        EngineError::Internal("fault".into()),
    ]
}

#[test]
fn a_fault_has_the_name_of_the_api_problem() {
    for (error, same) in errors().into_iter().zip(errors()) {
        let told = error.to_string();
        let guest = GuestError::from(error);
        assert_eq!(guest.message, told);
        assert_eq!(
            guest.fault.name(),
            Problem::from(same).kind.name(),
            "{told}"
        );
    }
}

#[test]
fn names_of_faults_are_told_apart() {
    let names = GuestFault::ALL.iter().map(|fault| fault.name());
    let distinct: std::collections::BTreeSet<_> = names.collect();
    assert_eq!(distinct.len(), GuestFault::ALL.len());
}

#[test]
fn a_picture_has_its_mask_or_a_fault() {
    let dir = toy::model();
    let guest = guest(dir.path());
    let names: Vec<_> = guest.models()[0]
        .modalities
        .iter()
        .map(|m| m.name.as_str())
        .collect();
    assert_eq!(names, ["bright", "all", "dark"]);
    let found = guest.segment(picture(grey(200)), &wish("bright")).unwrap();
    assert!(found.mask.pixels().iter().all(|pixel| *pixel == 255));
    let found = guest.segment(picture(grey(50)), &wish("bright")).unwrap();
    assert!(found.mask.pixels().iter().all(|pixel| *pixel == 0));

    let asked = GuestWish {
        pixel: PixelSize::new([0.5; 2]).ok(),
        region: Some(PixelRect::whole([32, 64])),
        ..wish("bright")
    };
    let found = guest.segment(picture(grey(200)), &asked).unwrap();
    let marked = found
        .mask
        .rows()
        .map(|row| row.iter().filter(|pixel| **pixel == 255).count());
    assert!(marked.eq([32; 64]), "beside the region nothing is marked");
    assert_eq!(found.scale, asked.pixel.into());

    let fault = |asked: GuestWish| guest.segment(picture(grey(9)), &asked).unwrap_err().fault;
    assert_eq!(fault(wish("sharp")), GuestFault::UnknownModality);
    let region = Some(PixelRect::whole([65, 64]));
    assert_eq!(
        fault(GuestWish {
            region,
            ..wish("all")
        }),
        GuestFault::BadRegion
    );
    let timeout = Some(Duration::ZERO);
    assert_eq!(
        fault(GuestWish {
            timeout,
            ..wish("all")
        }),
        GuestFault::TimedOut
    );
    let nowhere = Guest::open(Some(&dir.path().join("none")), GuestOptions::default());
    assert_eq!(nowhere.unwrap_err().fault, GuestFault::ModelUnusable);
    let many = GuestOptions {
        threads: 1 << 20,
        workers: 1,
    };
    let many = Guest::open(Some(dir.path()), many).unwrap_err();
    assert_eq!(many.fault, GuestFault::BadArgument);
}

#[test]
fn a_mismatch_is_refused_unless_it_is_kept() {
    let dir = toy::model();
    toy::add_guard(dir.path(), 0.5);
    let guest = guest(dir.path());
    let refused = guest.segment(picture(grey(0)), &wish("bright"));
    assert_eq!(refused.unwrap_err().fault, GuestFault::ModalityMismatch);
    let mut kept = wish("bright");
    kept.ask.on_mismatch = OnMismatch::Keep;
    let kept = guest.segment(picture(grey(0)), &kept).unwrap();
    assert!(kept.check.unwrap().is_mismatch());
}

#[test]
fn raw_samples_are_checked_before_memory_is_asked_for() {
    let dir = toy::model();
    let limits = guest(dir.path()).limits();
    let raw = |size, bytes: &[u8], stride| {
        let picture = RawPicture {
            size,
            range: YuvRange::Full,
            standard: YuvStandard::Bt601,
            planes: Planes::Grey(Plane { bytes, stride }),
        };
        frame_of(&picture, &limits).map(|frame| frame.into_rgb())
    };
    let fault = |size, bytes: &[u8], stride| raw(size, bytes, stride).unwrap_err().fault;
    let bytes: Vec<u8> = (0..20 * 16).map(|i| i as u8).collect();
    let rgb = raw([16, 16], &bytes, 20).unwrap();
    assert_eq!(rgb[3 * 16..][..6], [20, 20, 20, 21, 21, 21]);
    assert_eq!(
        fault([u32::MAX; 2], &bytes, 20),
        GuestFault::PictureTooLarge
    );
    assert_eq!(fault([0, 16], &bytes, 20), GuestFault::PictureTooSmall);
    assert_eq!(fault([16, 17], &bytes, 20), GuestFault::BadArgument);
    assert_eq!(fault([20, 16], &bytes, 19), GuestFault::BadArgument);
    assert_eq!(fault([16, 16], &bytes, usize::MAX), GuestFault::BadArgument);
}

#[test]
fn of_a_live_source_the_newest_frame_wins() {
    let dir = toy::model();
    let guest = guest(dir.path());
    let lane = GuestLane::open(&guest, &wish("bright"), None).unwrap();
    assert!(lane.poll(Duration::ZERO).is_none());
    let last = 200;
    for sequence in 1..=last {
        let level = if sequence == last { 200 } else { 50 };
        lane.push(grey(level), sequence).unwrap();
    }
    let mut seen = 0;
    while seen < last {
        let sight = lane.poll(PATIENCE).expect("an answer");
        assert!(sight.sequence > seen, "answers come in their order");
        seen = sight.sequence;
        let marked = sight.result.unwrap().mask.pixels()[0] == 255;
        assert_eq!(
            marked,
            seen == last,
            "the mask is that of the frame it is told of"
        );
    }
    let counts = lane.counts();
    assert_eq!((counts.offered, counts.accounted()), (last, last));
    assert!(counts.replaced > 0, "{counts:?}");
    assert!(lane.poll(Duration::ZERO).is_none(), "each is given once");
    let region = Some(PixelRect::whole([8, 8]));
    let asked = GuestWish {
        region,
        ..wish("bright")
    };
    let refused = GuestLane::open(&guest, &asked, None).unwrap_err();
    assert_eq!(refused.fault, GuestFault::BadArgument);
}
