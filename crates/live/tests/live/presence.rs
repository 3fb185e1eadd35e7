//! What the model says of whether anything is there, as a state that does not blink.

use std::sync::Arc;

use espmedsam_live::{LiveSettings, LiveView, State};
use picture::frame::Frame;
use picture::mask::presence::{Presence, PresenceState};
use testing::puppet::Act;

use crate::stage::Stage;

const PRESENT: f32 = 0.9;
const UNSURE: f32 = 0.5;
const ABSENT: f32 = 0.1;

fn presence(score: f32) -> Presence {
    let state = match score {
        PRESENT => PresenceState::Present,
        UNSURE => PresenceState::Unsure,
        _ => PresenceState::Absent,
    };
    Presence { score, state }
}

/// Pictures on which the fake marks all, none equal to the one before, and each cell of its maps has a pixel.
fn shown(stage: &Stage, scores: &[f32]) -> Vec<LiveView> {
    let show = |score: &f32| {
        stage.pass(33);
        stage.fake.says_presence(Some(presence(*score)));
        let grey = 180 + (stage.session.look().counts.capture.captured % 40) as u8;
        stage.show(Act::Picture(64, 48, grey))
    };
    scores.iter().map(show).collect()
}

fn states(stage: &Stage, scores: &[f32]) -> Vec<State> {
    let views = shown(stage, scores);
    views.iter().map(|view| view.state).collect()
}

#[test]
fn each_word_is_a_state() {
    let stage = Stage::new();
    let found = states(&stage, &[PRESENT, UNSURE, ABSENT, PRESENT]);
    let expected = [State::Mask, State::Unsure, State::NothingFound, State::Mask];
    assert_eq!(found, expected);
}

#[test]
fn one_frame_does_not_blink_and_many_do() {
    let stage = Stage::with(Stage::plain());
    let found = states(&stage, &[PRESENT, ABSENT, PRESENT, UNSURE, ABSENT, PRESENT]);
    assert_eq!(found, [State::Mask; 6]);
    let (mask, nothing) = (State::Mask, State::NothingFound);
    assert_eq!(states(&stage, &[ABSENT; 4]), [mask, mask, nothing, nothing]);
    // Back it takes five, and a doubt among them begins anew.
    let back = [
        PRESENT, PRESENT, ABSENT, PRESENT, PRESENT, PRESENT, PRESENT, PRESENT,
    ];
    let [before @ .., last] = &states(&stage, &back)[..] else {
        panic!("there are some")
    };
    assert!(before.iter().all(|state| *state == nothing) && *last == mask);
}

#[test]
fn doubt_and_absence_together_are_doubt() {
    let stage = Stage::with(Stage::plain());
    let found = states(&stage, &[PRESENT, UNSURE, ABSENT, UNSURE, ABSENT, UNSURE]);
    let (mask, unsure) = (State::Mask, State::Unsure);
    assert_eq!(found, [mask, mask, mask, unsure, unsure, unsure]);
}

#[test]
fn a_mask_that_is_not_there_does_not_come_back_by_the_past() {
    let stage = Stage::with(LiveSettings::default());
    shown(&stage, &[UNSURE; 4]);
    let view = shown(&stage, &[ABSENT]).remove(0);
    assert_eq!(view.state, State::Unsure);
    let answer = view.answer.unwrap();
    let segmentation = &answer.segmentation;
    assert_eq!(segmentation.presence, Some(presence(ABSENT)));
    assert_eq!(segmentation.mask.pixels(), [0; 64 * 48]);
    assert!(segmentation.probability.is_none());
    // What the network said of where it would be stays.
    assert!(
        segmentation
            .low_res
            .logits()
            .iter()
            .all(|logit| *logit > 0.0)
    );
}

/// Bright on the left, which the fake marks; and in the middle of the right half too, if it is `tempted`.
fn scene(tempted: bool, grey: u8) -> Arc<Frame> {
    let bright = |x, y| x < 32 || tempted && (40..56).contains(&x) && (16..32).contains(&y);
    let pixels = (0..48).flat_map(|y| (0..64).map(move |x| (x, y)));
    let rgb = pixels.flat_map(|(x, y)| [if bright(x, y) { grey } else { 120 }; 3]);
    Arc::new(Frame::new(64, 48, rgb.collect()).unwrap())
}

#[test]
fn what_was_marked_on_a_picture_of_nothing_is_no_part_of_the_next_mask() {
    let stage = Stage::with(LiveSettings::default());
    let show = |score, tempted, grey| {
        stage.pass(33);
        stage.fake.says_presence(Some(presence(score)));
        stage.show(Act::Screen(scene(tempted, grey)))
    };
    for grey in 180..184 {
        show(PRESENT, false, grey);
    }
    let held = show(ABSENT, true, 184);
    assert_eq!(held.state, State::Mask, "one frame does not blink");
    let after = show(PRESENT, false, 185);
    let mask = &after.answer.unwrap().segmentation.mask;
    let right: Vec<_> = mask
        .pixels()
        .chunks(64)
        .flat_map(|row| &row[36..])
        .collect();
    assert!(
        right.iter().all(|pixel| **pixel == 0),
        "it came by the past"
    );
    assert!(mask.pixels().iter().any(|pixel| *pixel != 0));
}

#[test]
fn a_model_that_does_not_say_is_believed_as_before() {
    let stage = Stage::new();
    let view = stage.show(Act::Picture(8, 6, 200));
    assert_eq!(view.state, State::Mask);
    assert_eq!(view.answer.unwrap().segmentation.presence, None);
}
