//! Whether anything is there, by a model whose answers can be worked out by hand.

use std::path::Path;
use std::sync::Arc;

use espmedsam_engine::flow::{Pipeline, Subject};
use espmedsam_engine::model::store::Store;
use picture::frame::FrameLimits;
use picture::mask::presence::{Presence, PresenceState};
use picture::segmenter::{Ask, EngineError, Picture, Segmentation};
use testing::toy;

fn pipeline(dir: &Path) -> Pipeline {
    let store = Store::open(dir, None).unwrap();
    Pipeline::new(Arc::new(store), 1, FrameLimits::default()).unwrap()
}

fn segment(dir: &Path, modality: &str, picture: &[u8]) -> Result<Segmentation, EngineError> {
    pipeline(dir).segment_file(picture, &Ask::new(modality))
}

/// One grey in the left quarter, which tells presence, another in the rest.
fn picture(left: u8, rest: u8) -> Vec<u8> {
    toy::png(64, 64, |x, _| if x < 16 { left } else { rest })
}

fn model() -> tempfile::TempDir {
    let dir = toy::model();
    toy::add_presence(dir.path(), 0.25, 0.75);
    dir
}

fn sigmoid(logit: f64) -> f32 {
    (1.0 / (1.0 + (-logit).exp())) as f32
}

#[track_caller]
fn assert_score(found: Option<Presence>, logit: f64, state: PresenceState) {
    let found = found.unwrap();
    assert!((found.score - sigmoid(logit)).abs() < 1e-5, "{found:?}");
    assert_eq!(found.state, state);
}

fn marked(found: &Segmentation) -> usize {
    let pixels = found.mask.pixels().iter();
    pixels.filter(|pixel| **pixel == 255).count()
}

#[test]
fn what_is_marked_on_a_picture_of_nothing_is_taken_away() {
    let dir = model();
    // `all` marks every pixel of every picture.
    let found = segment(dir.path(), "all", &picture(0, 255)).unwrap();
    assert_score(found.presence, -8.0, PresenceState::Absent);
    assert_eq!(marked(&found), 0);
    assert!(found.probability.is_none() && found.confidence.is_none() && found.signs.is_none());
    // The network's own maps stay.
    assert!(found.low_res.logits().iter().all(|logit| *logit > 0.0));

    let found = segment(dir.path(), "all", &picture(128, 0)).unwrap();
    assert_score(found.presence, 0.0, PresenceState::Unsure);
    assert_eq!(marked(&found), 64 * 64);
    let found = segment(dir.path(), "all", &picture(255, 0)).unwrap();
    assert_score(found.presence, 127.0 / 16.0, PresenceState::Present);
    assert_eq!(marked(&found), 64 * 64);
}

#[test]
fn a_model_without_it_says_nothing_and_a_score_without_bounds_is_not_used() {
    let plain = toy::model();
    let found = segment(plain.path(), "all", &picture(0, 0)).unwrap();
    assert_eq!((found.presence, marked(&found)), (None, 64 * 64));
    let dir = model();
    let bounds = "presence = { absent_below = 0.25, present_from = 0.75 }\n";
    toy::edit_manifest(dir.path(), bounds, "");
    let found = segment(dir.path(), "all", &picture(0, 0)).unwrap();
    assert_eq!((found.presence, marked(&found)), (None, 64 * 64));
}

#[test]
fn bounds_without_a_score_are_refused() {
    let dir = toy::model();
    toy::list_presence(dir.path(), 0.25, 0.75);
    match segment(dir.path(), "bright", &picture(0, 0)).unwrap_err() {
        EngineError::Model(cause) => assert_eq!(
            cause.to_string(),
            "decoder.onnx: expected the output 'presence', by which modality 'bright' tells empty pictures; it has none"
        ),
        other => panic!("{other}"),
    }
}

#[test]
fn a_score_that_is_no_number_is_an_error() {
    let dir = model();
    let path = dir.path().join("decoder.onnx");
    let mut bytes = std::fs::read(&path).unwrap();
    let weight = (1.0_f32 / 64.0).to_le_bytes();
    let at = bytes.windows(4).position(|found| found == weight).unwrap();
    bytes[at..at + 4].copy_from_slice(&f32::INFINITY.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    toy::write_manifest(dir.path(), toy::SIDE);
    toy::list_presence(dir.path(), 0.25, 0.75);
    match segment(dir.path(), "bright", &picture(255, 0)).unwrap_err() {
        EngineError::Model(cause) => {
            assert!(cause.to_string().contains("presence logit"), "{cause}");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn mirror_images_have_the_mean_of_their_logits() {
    let dir = model();
    let views = "name = \"bright\"\nviews = { mirrored = \"across\" }";
    toy::edit_manifest(dir.path(), "name = \"bright\"", views);
    let sides = toy::png(64, 64, |x, _| match x {
        0..16 => 255,
        48..64 => 64,
        _ => 128,
    });
    let asks = ["bright", "dark"].map(Ask::new);
    let both = pipeline(dir.path())
        .segment_all(&Subject::from(&Picture::from(sides)), &asks)
        .unwrap();
    // The mirror image has the right side on its left.
    let mean = (127.0 / 16.0 - 64.0 / 16.0) / 2.0;
    assert_score(both[0].presence, mean, PresenceState::Present);
    assert_score(both[1].presence, -127.0 / 16.0, PresenceState::Absent);
}

#[test]
fn doubt_whether_anything_is_there_lowers_what_is_expected() {
    let dir = model();
    let calibrated = "name = \"all\"\nconfidence = { intercept = 0.0, weights = [1, 0, 0, 0, 0] }";
    toy::edit_manifest(dir.path(), "name = \"all\"", calibrated);
    let expected = |left| {
        let found = segment(dir.path(), "all", &picture(left, 255)).unwrap();
        found.confidence.map(|dice| (1e4 * dice).round() / 1e4)
    };
    // Sigmoid of 1, as every pixel of `all` has probability 1; and half of it.
    assert_eq!(expected(255), Some(0.7311));
    assert_eq!(expected(128), Some(0.3655));
    assert_eq!(expected(0), None);
}
