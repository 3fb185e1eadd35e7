//! A mask lies where its own picture lay, whatever came in since.

use std::sync::Arc;

use espmedsam_live::State;
use picture::frame::Frame;
use picture::scale::{PixelSize, Scale};
use testing::puppet::Act;
use video::placement::Placement;

use crate::stage::Stage;

/// A bright picture that lies there, with pixels of that many millimetres.
fn placed(grey: u8, origin: f64, mm: f64) -> (Act, Placement) {
    let frame = Frame::new(20, 16, vec![grey; 3 * 20 * 16]).unwrap();
    let placement = Placement {
        steps: [[mm, 0.0, 0.0], [0.0, mm, 0.0], [0.0, 0.0, 1.0]],
        origin: [origin; 3],
        ..Placement::default()
    };
    (Act::Placed(Arc::new(frame), placement), placement)
}

fn pixel(mm: f64) -> Scale {
    Scale::Uniform(PixelSize::new([mm; 2]).unwrap())
}

#[test]
fn millimetres_are_the_picture_s_own_unless_a_person_says_otherwise() {
    let stage = Stage::new();
    let (act, placement) = placed(200, 1.0, 0.25);
    let view = stage.show(act.clone());
    assert_eq!(view.picture.as_ref().unwrap().placement, Some(placement));
    assert_eq!(view.masked().unwrap().scale, pixel(0.25));
    assert_eq!(stage.session.scale(), pixel(0.25));
    // The same pixels elsewhere: the answer is theirs as well, and lies there.
    let (moved, there) = placed(200, 7.0, 0.25);
    let view = stage.show(moved);
    assert_eq!(view.counts.capture.same, 1);
    assert_eq!(view.picture.as_ref().unwrap().placement, Some(there));
    // The same pixels of another size are measured anew.
    let (larger, _) = placed(200, 7.0, 0.5);
    let view = stage.show(larger);
    assert_eq!((view.counts.capture.same, view.counts.published), (1, 2));
    assert_eq!(view.masked().unwrap().scale, pixel(0.5));
    stage.session.rescale(pixel(0.1));
    let view = stage.show(act);
    assert_eq!(view.masked().unwrap().scale, pixel(0.1));
    assert_eq!(stage.session.scale(), pixel(0.1));
}

#[test]
fn a_mask_that_comes_behind_a_newer_picture_lies_where_its_own_lay() {
    let stage = Stage::new();
    let ((first, there), (second, elsewhere)) = (placed(200, 1.0, 0.25), placed(220, 9.0, 0.5));
    stage.fake.slow(100);
    stage.puppet.act(first);
    stage.until("the first is in work", |view| {
        view.counts.lanes.in_work == 1
    });
    stage.puppet.act(second);
    stage.until("the second waits", |view| view.counts.lanes.waiting == 1);
    stage.pass(100);
    let view = stage.until("the first is answered", |view| view.counts.published == 1);
    assert_eq!(view.state, State::Mask);
    assert_eq!(view.picture.as_ref().unwrap().placement, Some(there));
    assert_eq!(view.masked().unwrap().scale, pixel(0.25));
    assert_eq!(view.newest.as_ref().unwrap().placement, Some(elsewhere));
    stage.until("the second is in work", |view| {
        view.counts.lanes.in_work == 1
    });
    stage.pass(100);
    let view = stage.until("the second is answered", |view| view.counts.published == 2);
    assert_eq!(view.picture.as_ref().unwrap().placement, Some(elsewhere));
    assert_eq!(view.masked().unwrap().scale, pixel(0.5));
}
