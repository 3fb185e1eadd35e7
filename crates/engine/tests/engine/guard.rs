//! The modality guard in the flow, with a guard whose scores can be worked out by hand.

use std::path::Path;
use std::sync::Arc;
use testing::toy;

use compute::kernels::Cpu;
use espmedsam_engine::flow::Pipeline;
use espmedsam_engine::guard::Guard;
use espmedsam_engine::model::runtime::Threads;
use espmedsam_engine::model::store::Store;
use picture::frame::FrameLimits;
use picture::segmenter::Modality;
use picture::segmenter::{Ask, EngineError, OnMismatch, Segmentation};

fn guarded() -> tempfile::TempDir {
    let dir = toy::model();
    toy::add_guard(dir.path(), 0.25);
    dir
}

fn segment(
    dir: &Path,
    modality: &str,
    on_mismatch: OnMismatch,
    grey: u8,
) -> Result<Segmentation, EngineError> {
    let store = Store::open(dir, None).unwrap();
    let pipeline = Pipeline::new(Arc::new(store), 1, FrameLimits::default()).unwrap();
    let ask = Ask {
        on_mismatch,
        ..Ask::new(modality)
    };
    // Of that mean; a picture of one value is no picture.
    let picture = toy::png(80, 80, |x, _| if x < 40 { grey - 10 } else { grey + 10 });
    pipeline.segment_file(&picture, &ask)
}

/// Of a mean red of `grey`.
fn score(grey: u8) -> f32 {
    1.0 / (1.0 + (-(f32::from(grey) - 128.0) / 8.0).exp())
}

#[test]
fn a_picture_of_the_modality_passes_with_its_score() {
    let dir = guarded();
    let result = segment(dir.path(), "bright", OnMismatch::Refuse, 144).unwrap();
    let check = result.check.unwrap();
    assert!(
        (check.score - score(144)).abs() < 1e-5,
        "{check:?}, expected {}",
        score(144)
    );
    assert_eq!((check.threshold, check.is_mismatch()), (0.25, false));
    assert_eq!(check.likeliest, "bright");
}

#[test]
fn a_picture_of_another_kind_gets_no_mask() {
    let dir = guarded();
    match segment(dir.path(), "bright", OnMismatch::Refuse, 100) {
        Err(EngineError::ModalityMismatch { asked, check, .. }) => {
            assert_eq!(asked, Modality::from("bright"));
            assert!((check.score - score(100)).abs() < 1e-5 && check.is_mismatch());
            assert_eq!(check.likeliest, "dark");
            assert!((check.likeliest_score - (1.0 - score(100))).abs() < 1e-5);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_mismatch_whose_inverse_is_what_was_asked_says_so() {
    let dir = guarded();
    let check = match segment(dir.path(), "bright", OnMismatch::Refuse, 100) {
        Err(error @ EngineError::ModalityMismatch { .. }) => {
            let text = error.to_string();
            assert!(text.contains("inverted 'bright' (score 0.967)"), "{text}");
            segment(dir.path(), "bright", OnMismatch::Keep, 100)
                .unwrap()
                .check
        }
        other => panic!("{other:?}"),
    };
    let inverted = check.unwrap().inverted.unwrap();
    assert_eq!(inverted.modality, "bright");
    assert!((inverted.score - score(155)).abs() < 1e-5, "{inverted:?}");
    // One that is as asked is never looked at twice, whatever its inverse.
    let right = segment(dir.path(), "bright", OnMismatch::Refuse, 144).unwrap();
    assert_eq!(right.check.unwrap().inverted, None);
}

#[test]
fn an_inverse_that_is_no_plain_case_either_is_not_called_inverted() {
    let dir = toy::model();
    toy::add_guard(dir.path(), 0.6);
    // The inverse is likeliest bright, but not plainly; and likeliest dark.
    for grey in [118, 128] {
        let kept = segment(dir.path(), "bright", OnMismatch::Keep, grey).unwrap();
        let check = kept.check.unwrap();
        assert!(
            check.is_mismatch() && check.inverted.is_none(),
            "{grey}: {check:?}"
        );
    }
}

#[test]
fn auto_names_what_the_inverse_looks_like() {
    let dir = toy::model();
    toy::add_guard(dir.path(), 0.8); // 139 scores 0.798 as bright; its inverse, 116, 0.818 as dark
    match segment(dir.path(), Modality::AUTO, OnMismatch::Keep, 139) {
        Err(EngineError::ModalityMismatch { check, .. }) => {
            assert_eq!(check.inverted.unwrap().modality, "dark");
        }
        other => panic!("{other:?}"),
    }
}

/// The same picture, black for white.
fn inverse(picture: &[u8]) -> Vec<u8> {
    let mut frame = image::load_from_memory(picture).unwrap().to_rgb8();
    frame.iter_mut().for_each(|value| *value = 255 - *value);
    let mut bytes = std::io::Cursor::new(Vec::new());
    frame.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn the_shipped_guard_takes_the_samples_and_refuses_their_inverses() {
    let root = testing::repository("");
    let store = Store::open(&root.join("models"), None).unwrap();
    let pipeline = Pipeline::new(Arc::new(store), 0, FrameLimits::default()).unwrap();
    for (stem, modality) in [
        ("ISIC_0000390", "dermoscopy"),
        ("hc18_230_HC", "ultrasound"),
        ("usgra_0032", "ultrasound"),
        ("usgra_0180", "ultrasound"),
        ("kvasir_cju2htabevq9108015qjei0x7", "colonoscopy"),
        ("kvasir_cju84hibuktj80871u519o71q", "colonoscopy"),
    ] {
        let picture = std::fs::read(root.join(format!("tests/samples/{stem}.jpg"))).unwrap();
        let ask = Ask::new(modality);
        let right = pipeline
            .segment_file(&picture, &ask)
            .unwrap()
            .check
            .unwrap();
        assert_eq!(right.inverted, None, "{stem}");
        match pipeline.segment_file(&inverse(&picture), &ask) {
            Err(EngineError::ModalityMismatch { check, .. }) => {
                let inverted = check.inverted.unwrap();
                assert_eq!(inverted.modality, modality, "{stem}");
                // The small picture's inverse is the inverse's small picture.
                assert!((inverted.score - right.score).abs() < 1e-3, "{stem}");
            }
            other => panic!("{stem}: {other:?}"),
        }
    }
}

/// By the program's own kernels: the same bits by whichever.
#[test]
fn the_shipped_guard_scores_alike_on_every_cpu() {
    let root = testing::repository("");
    let picture = std::fs::read(root.join("tests/samples/hc18_230_HC.jpg")).unwrap();
    let frame = picture::frame::decode(&picture, &FrameLimits::default()).unwrap();
    let mut expected: Option<Vec<u32>> = None;
    for cpu in Cpu::all() {
        let store = Store::open_for(&root.join("models"), None, cpu).unwrap();
        let (graph, spec) = store.guard().unwrap().unwrap();
        assert!(graph.program().is_some(), "run by tract");
        let guard = Guard::new(graph, spec.clone());
        for threads in [1, 2, 3] {
            let threads = Threads::new(cpu, threads).unwrap();
            let look = guard.look(&threads, &frame).unwrap();
            let classes = spec.classes.iter();
            let checks = classes.filter_map(|class| look.check(&class.name));
            let scores: Vec<f32> = checks.map(|check| check.score).collect();
            assert_eq!((scores.len(), look.likeliest().0), (6, "ultrasound"));
            let bits: Vec<u32> = scores.iter().map(|score| score.to_bits()).collect();
            let expected = expected.get_or_insert_with(|| bits.clone());
            assert_eq!(*expected, bits, "{}: {scores:?}", cpu.name());
        }
    }
}

#[test]
fn a_mask_that_is_kept_says_that_it_is_a_mismatch() {
    let dir = guarded();
    let kept = segment(dir.path(), "bright", OnMismatch::Keep, 100).unwrap();
    assert!(kept.check.as_ref().unwrap().is_mismatch());
    // The mask is the one that the same model gives without a guard.
    let plain = toy::model();
    let without = segment(plain.path(), "bright", OnMismatch::Refuse, 100).unwrap();
    assert_eq!((without.check, without.mask), (None, kept.mask));
}

#[test]
fn a_mismatch_has_no_confidence() {
    let dir = guarded();
    let calibrated =
        "label = \"bright\"\nconfidence = { intercept = 1.0, weights = [0, 0, 0, 0, 0] }\n";
    toy::edit_manifest(dir.path(), "label = \"bright\"\n", calibrated);
    let found = |grey| segment(dir.path(), "bright", OnMismatch::Keep, grey).unwrap();
    let right = found(144);
    assert!(
        (right.confidence.unwrap() - 0.731_058_6).abs() < 1e-6,
        "sigmoid(1)"
    );
    let wrong = found(118);
    assert!(wrong.probability.is_some() == wrong.mask.pixels().contains(&255));
    assert_eq!(
        (wrong.check.unwrap().is_mismatch(), wrong.confidence),
        (true, None)
    );
}

#[test]
fn auto_takes_what_the_picture_looks_like() {
    let dir = guarded();
    for (grey, name, index) in [(200, "bright", 0), (40, "dark", 3)] {
        let result = segment(dir.path(), Modality::AUTO, OnMismatch::Refuse, grey).unwrap();
        assert_eq!((&*result.modality, result.modality_index), (name, index));
        let named = segment(dir.path(), name, OnMismatch::Refuse, grey).unwrap();
        assert_eq!(result.mask, named.mask);
    }
}

#[test]
fn auto_never_keeps_what_looks_like_nothing() {
    let dir = toy::model();
    toy::add_guard(dir.path(), 0.75); // at 128 both modalities score a half
    for on_mismatch in [OnMismatch::Refuse, OnMismatch::Keep] {
        match segment(dir.path(), Modality::AUTO, on_mismatch, 128) {
            Err(EngineError::ModalityMismatch { asked, check, .. }) => {
                assert_eq!(asked, Modality::Auto);
                assert!((check.likeliest_score - 0.5).abs() < 1e-5);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn without_a_guard_nothing_is_checked_and_auto_is_refused() {
    let dir = toy::model();
    let result = segment(dir.path(), "bright", OnMismatch::Refuse, 10).unwrap();
    assert_eq!(result.check, None);
    let auto = segment(dir.path(), Modality::AUTO, OnMismatch::Refuse, 10);
    assert!(matches!(auto, Err(EngineError::NoGuard)), "{auto:?}");
}

#[test]
fn a_blank_picture_is_of_no_modality_whatever_the_classifier_says() {
    let dir = guarded();
    let store = Store::open(dir.path(), None).unwrap();
    let pipeline = Pipeline::new(Arc::new(store), 1, FrameLimits::default()).unwrap();
    let ask = |modality: &str| Ask::new(modality);
    for grey in [0, 129, 200, 255] {
        let blank = toy::png(80, 80, |x, y| grey ^ u8::from((x + y) % 7 == 0));
        for modality in ["bright", "dark", Modality::AUTO] {
            match pipeline.segment_file(&blank, &ask(modality)) {
                Err(EngineError::ModalityMismatch { check, .. }) => {
                    assert_eq!((&*check.likeliest, check.likeliest_score), ("other", 1.0));
                    assert_eq!(check.inverted, None);
                }
                other => panic!("{grey} as {modality}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_modality_that_the_guard_does_not_know_is_unchecked() {
    let dir = guarded();
    let result = segment(dir.path(), "all", OnMismatch::Refuse, 10).unwrap();
    assert_eq!(result.check, None);
}

#[test]
fn a_guard_that_is_gone_or_changed_is_never_left_out() {
    let dir = guarded();
    let path = dir.path().join("guard.onnx");
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let changed = segment(dir.path(), "bright", OnMismatch::Refuse, 200);
    assert!(
        matches!(&changed, Err(EngineError::Model(why)) if why.to_string().contains("SHA-256"))
    );
    std::fs::remove_file(&path).unwrap();
    let gone = segment(dir.path(), "bright", OnMismatch::Refuse, 200);
    assert!(matches!(gone, Err(EngineError::Model(_))), "{gone:?}");
}

#[test]
fn a_modality_goes_to_the_model_preferred_for_it() {
    let dir = toy::model();
    let path = dir.path().join("manifest.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let model = &text[text.find("[[model]]").unwrap()..];
    let second = model
        .replace("name = \"toy\"\n", "name = \"fine\"\n")
        .replacen("side = ", "preferred_for = [\"dark\"]\nside = ", 1);
    std::fs::write(&path, format!("{text}{second}")).unwrap();
    let model = |default: Option<&str>, asked: Option<&str>, modality: &str| {
        let store = Store::open(dir.path(), default).unwrap();
        store.choose(asked, modality).unwrap().model.name.clone()
    };
    assert_eq!(model(None, None, "bright"), "toy");
    assert_eq!(model(None, None, "dark"), "fine");
    assert_eq!(model(None, Some("toy"), "dark"), "toy");
    assert_eq!(model(Some("toy"), None, "dark"), "toy");
}
