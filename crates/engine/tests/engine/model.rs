//! The shipped model on the bundled samples: the whole path with real weights against ground truth.

use std::path::PathBuf;
use std::sync::Arc;

use espmedsam_engine::flow::Pipeline;
use espmedsam_engine::model::store::Store;
use picture::frame::{self, FrameLimits};
use picture::mask::Mask;
use picture::mask::agreement::compare;
use picture::segmenter::{Ask, OnMismatch};

fn root(path: &str) -> PathBuf {
    testing::repository(path)
}

fn truth(stem: &str) -> Mask {
    let bytes = std::fs::read(root(&format!("tests/samples/{stem}_mask.png"))).unwrap();
    let frame = frame::decode(&bytes, &FrameLimits::default()).unwrap();
    let pixels = frame
        .rgb()
        .chunks(3)
        .map(|rgb| if rgb[0] > 127 { 255 } else { 0 })
        .collect();
    Mask::new(frame.width(), frame.height(), pixels).unwrap()
}

/// Samples the model was not trained on (`tests/samples/README.md`). The bounds say "it found the target", well below
/// the validation means in the manifest: accuracy itself is measured by `espmedsam eval`.
#[test]
fn bundled_samples_are_found() {
    let store = Arc::new(Store::open(&root("models"), None).unwrap());
    let pipeline = Pipeline::new(store, 0, FrameLimits::default()).unwrap();
    for (stem, modality, least) in [
        ("hc18_230_HC", "ultrasound", 0.9),
        ("usgra_0032", "ultrasound", 0.5),
        ("kvasir_cju2htabevq9108015qjei0x7", "colonoscopy", 0.6),
        ("kvasir_cju84hibuktj80871u519o71q", "colonoscopy", 0.6),
    ] {
        let bytes = std::fs::read(root(&format!("tests/samples/{stem}.jpg"))).unwrap();
        let result = pipeline.segment_file(&bytes, &Ask::new(modality)).unwrap();
        let scores = compare(&result.mask, &truth(stem)).unwrap();
        println!("{stem}: {scores:?}");
        assert!(scores.dice >= least, "{stem}: Dice {}", scores.dice);
        // The mask is the map at the frame's size, so both must agree on where the target is.
        let centre = result
            .low_res
            .logits()
            .iter()
            .filter(|logit| **logit >= 0.0)
            .count() as f64;
        let share = centre / result.low_res.logits().len() as f64;
        let marked = result
            .mask
            .pixels()
            .iter()
            .filter(|pixel| **pixel == 255)
            .count() as f64;
        assert!(
            (share - marked / result.mask.pixels().len() as f64).abs() < 0.02,
            "{stem}: {share}"
        );
    }
}

/// Everything the manifest lists can be loaded, fits the contract and gives finite logits.
#[test]
fn every_modality_of_the_shipped_models_runs() {
    let store = Arc::new(Store::open(&root("models"), None).unwrap());
    let pipeline = Pipeline::new(store.clone(), 0, FrameLimits::default()).unwrap();
    let bytes = std::fs::read(root("tests/samples/hc18_230_HC.jpg")).unwrap();
    for model in &store.manifest().models {
        for modality in &model.modalities {
            let ask = Ask {
                model: Some(model.name.clone()),
                on_mismatch: OnMismatch::Keep,
                ..Ask::new(modality.name.as_str())
            };
            let result = pipeline.segment_file(&bytes, &ask).unwrap();
            // Tiles that share 64 pixels: 2 x 2 of 448 span 832.
            let canvas = modality.views.tiles * (model.side - 64) + 64;
            assert_eq!(result.low_res.side(), canvas / 4, "{}", modality.name);
            assert_eq!(result.patch.side(), canvas / 32, "{}", modality.name);
            assert!(
                result
                    .low_res
                    .logits()
                    .iter()
                    .chain(result.patch.logits())
                    .all(|logit| logit.is_finite())
            );
        }
    }
}
