//! The flow through a model whose answers can be worked out by hand, and models that must be refused.

use std::path::Path;
use std::sync::Arc;
use testing::toy;

use espmedsam_engine::flow::{Pipeline, Subject};
use espmedsam_engine::manifest::contract::Role;
use espmedsam_engine::model::runtime::{Graph, Input, Threads};
use espmedsam_engine::model::store::Store;
use espmedsam_engine::preprocess::Preprocess;
use picture::frame::{Frame, FrameLimits};
use picture::segmenter::{Ask, EngineError, Picture, Segmentation};

fn pipeline(dir: &Path) -> Pipeline {
    let store = Store::open(dir, None).unwrap();
    Pipeline::new(Arc::new(store), 1, FrameLimits::default()).unwrap()
}

fn segment(dir: &Path, modality: &str, picture: &[u8]) -> Result<Segmentation, EngineError> {
    pipeline(dir).segment_file(picture, &Ask::new(modality))
}

/// 120×48, bright in the lower left quarter only: any swap or flip of axes shows.
fn lower_left() -> Vec<u8> {
    toy::png(120, 48, |x, y| if x < 60 && y >= 24 { 255 } else { 0 })
}

#[test]
fn an_asymmetric_picture_is_mapped_exactly() {
    let dir = toy::model();
    let result = segment(dir.path(), "bright", &lower_left()).unwrap();
    assert_eq!((result.mask.width(), result.mask.height()), (120, 48));
    let at = |x: usize, y: usize| result.mask.pixels()[y * 120 + x];
    // Logits are 127 and -128 on either side of x = 60 and y = 24, so the interpolated zero lies within a pixel
    // of there along each side; only the corner is rounded.
    for y in 0..48_usize {
        for x in 0..120_usize {
            let corner = x.abs_diff(60) <= 5 && y.abs_diff(24) <= 3;
            let edge = x.abs_diff(60) <= 1 || y.abs_diff(24) <= 1;
            if !corner && !edge {
                assert_eq!(
                    at(x, y),
                    if x < 60 && y >= 24 { 255 } else { 0 },
                    "{x}, {y}"
                );
            }
        }
    }
    // The patch map is 2×2: only its lower left cell looks up.
    assert_eq!(result.patch.side(), 2);
    let looked: Vec<bool> = result
        .patch
        .logits()
        .iter()
        .map(|logit| *logit >= 0.0)
        .collect();
    assert_eq!(looked, [false, false, true, false]);
    assert!(result.probability.unwrap() > 0.99);
}

#[test]
fn low_resolution_logits_are_the_models_own() {
    let dir = toy::model();
    let result = segment(
        dir.path(),
        "bright",
        &toy::png(64, 64, |x, _| if x < 32 { 228 } else { 28 }),
    )
    .unwrap();
    assert_eq!(result.low_res.side(), 16);
    for (ix, logit) in result.low_res.logits().iter().enumerate() {
        let expected = if ix % 16 < 8 { 100.0 } else { -100.0 };
        assert!((logit - expected).abs() < 1e-3, "{ix}: {logit}");
    }
}

#[test]
fn the_modality_picks_query_and_encoder() {
    let dir = toy::model();
    let dark = segment(dir.path(), "dark", &lower_left()).unwrap();
    let bright = segment(dir.path(), "bright", &lower_left()).unwrap();
    let all = segment(dir.path(), "all", &lower_left()).unwrap();
    let marked = |result: &Segmentation| {
        result
            .mask
            .pixels()
            .iter()
            .filter(|pixel| **pixel == 255)
            .count()
    };
    assert_eq!(marked(&all), 120 * 48);
    let sum = marked(&dark) + marked(&bright);
    assert!(
        sum.abs_diff(120 * 48) < 120,
        "dark and bright are each other's complement: {sum}"
    );
    assert_eq!(
        (
            dark.modality_index,
            dark.label.as_str(),
            dark.model.as_str()
        ),
        (3, "dark", "toy")
    );
    // The same files for `all` and `bright`, others for `dark`.
    assert_eq!(all.model_sha256, bright.model_sha256);
    assert_ne!(all.model_sha256, dark.model_sha256);
}

#[test]
fn more_threads_give_the_same() {
    let dir = toy::model();
    let store = Arc::new(Store::open(dir.path(), None).unwrap());
    let ask = Ask::new("bright");
    let run = |threads| {
        let pipeline = Pipeline::new(store.clone(), threads, FrameLimits::default()).unwrap();
        pipeline.segment_file(&lower_left(), &ask).unwrap()
    };
    assert_eq!(run(1).low_res, run(3).low_res);
}

#[test]
fn graphs_load_on_demand_and_are_shared() {
    let dir = toy::model();
    let store = Store::open(dir.path(), None).unwrap();
    let choose = |modality| store.choose(None, modality).unwrap();
    assert_eq!(store.graphs_loaded(), 0);
    assert!(!store.is_loaded(choose("bright")));
    let bright = store.graphs(choose("bright")).unwrap();
    assert_eq!(store.graphs_loaded(), 3);
    assert!(
        store.is_loaded(choose("bright"))
            && store.is_loaded(choose("all"))
            && !store.is_loaded(choose("dark"))
    );
    let all = store.graphs(choose("all")).unwrap();
    assert_eq!(store.graphs_loaded(), 3);
    assert!(Arc::ptr_eq(&bright.encoder, &all.encoder));
    let dark = store.graphs(choose("dark")).unwrap();
    assert_eq!(store.graphs_loaded(), 4);
    assert!(!Arc::ptr_eq(&bright.encoder, &dark.encoder));
    assert!(Arc::ptr_eq(&bright.decoder, &dark.decoder));
    assert!(Arc::ptr_eq(&bright.self_prompt, &dark.self_prompt));
}

#[test]
fn requests_at_once_load_once() {
    let dir = toy::model();
    let store = Store::open(dir.path(), None).unwrap();
    let graphs = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| store.graphs(store.choose(None, "bright").unwrap()).unwrap()))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert!(
        graphs
            .iter()
            .all(|other| Arc::ptr_eq(&other.encoder, &graphs[0].encoder))
    );
}

#[test]
fn unknown_names_say_what_there_is() {
    let dir = toy::model();
    let message = segment(dir.path(), "x-ray", &lower_left())
        .unwrap_err()
        .to_string();
    assert_eq!(
        message,
        "model 'toy' has no modality 'x-ray'; it has: bright, all, dark"
    );
    let message = Store::open(dir.path(), Some("big"))
        .unwrap_err()
        .to_string();
    assert_eq!(message, "no model 'big'; there are: toy");
}

/// The message with which the toy model is refused after this damage.
fn refusal(modality: &str, damage: impl FnOnce(&Path)) -> String {
    let dir = toy::model();
    damage(dir.path());
    match segment(dir.path(), modality, &lower_left()).unwrap_err() {
        EngineError::Model(cause) => cause.to_string(),
        other => panic!("{other}"),
    }
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn changed_files_are_refused_with_both_digests() {
    for file in ["encoder.onnx", "base.bin", "decoder.onnx"] {
        let message = refusal("bright", |dir| flip(&dir.join(file)));
        assert!(message.contains(file), "{message}");
        assert!(
            message.contains("expected SHA-256 ") && message.contains(", found "),
            "{message}"
        );
    }
}

#[test]
fn missing_and_shortened_files_are_refused() {
    let message = refusal("bright", |dir| {
        std::fs::remove_file(dir.join("base.bin")).unwrap()
    });
    assert!(message.contains("base.bin"), "{message}");
    let message = refusal("bright", |dir| {
        std::fs::write(dir.join("base.bin"), b"short").unwrap()
    });
    assert!(
        message.contains("expected 786432 bytes, found 5"),
        "{message}"
    );
}

#[test]
fn damage_to_one_modality_leaves_the_others() {
    let dir = toy::model();
    flip(&dir.path().join("dark.bin"));
    assert!(segment(dir.path(), "dark", &lower_left()).is_err());
    assert!(segment(dir.path(), "bright", &lower_left()).is_ok());
}

#[test]
fn a_repaired_file_is_tried_again() {
    let dir = toy::model();
    let path = dir.path().join("base.bin");
    let pipeline = pipeline(dir.path());
    let ask = Ask::new("bright");
    flip(&path);
    assert!(pipeline.segment_file(&lower_left(), &ask).is_err());
    flip(&path);
    assert!(pipeline.segment_file(&lower_left(), &ask).is_ok());
}

#[test]
fn another_shape_is_refused() {
    let message = refusal("bright", |dir| toy::write_manifest(dir, 96));
    assert!(
        message.contains("'image': expected F32 [1, 3, 96, 96]"),
        "{message}"
    );
    assert!(message.contains("64"), "{message}");
}

#[test]
fn another_graph_is_refused() {
    let message = refusal("bright", |dir| {
        toy::edit_manifest(
            dir,
            "self_prompt = \"self_prompt.onnx\"",
            "self_prompt = \"decoder.onnx\"",
        );
    });
    assert!(
        message.contains("expected inputs [\"embedding\"], found [\"prompted\", \"modality\"]"),
        "{message}"
    );
}

#[test]
fn a_graph_may_read_only_what_the_manifest_lists() {
    let message = refusal("bright", |dir| {
        toy::edit_manifest(dir, "weights = [\"base.bin\"]", "weights = []")
    });
    assert!(
        message.contains("base.bin, which the manifest does not list"),
        "{message}"
    );
}

#[test]
fn damaged_graphs_with_the_right_digest_fail_without_a_panic() {
    let dir = toy::model();
    let path = dir.path().join("decoder.onnx");
    let whole = std::fs::read(&path).unwrap();
    // Cut short and altered at places spread over the file; the manifest is written to match.
    for ix in (0..whole.len()).step_by(whole.len() / 40) {
        for altered in [false, true] {
            let mut bytes = whole.clone();
            if altered {
                bytes[ix] ^= 0x5a
            } else {
                bytes.truncate(ix)
            }
            std::fs::write(&path, bytes).unwrap();
            toy::write_manifest(dir.path(), toy::SIDE);
            match segment(dir.path(), "bright", &lower_left()) {
                // A changed weight is still a model.
                Ok(result) => assert!(altered && result.mask.width() == 120),
                Err(error) => assert!(matches!(error, EngineError::Model(_)), "{error}"),
            }
        }
    }
}

#[test]
fn mirror_images_are_turned_back_before_they_are_averaged() {
    let dir = toy::model();
    let plain = segment(dir.path(), "bright", &lower_left()).unwrap();
    for mirrored in ["across", "both"] {
        let dir = toy::model();
        let views = format!("name = \"bright\"\nviews = {{ mirrored = \"{mirrored}\" }}");
        toy::edit_manifest(dir.path(), "name = \"bright\"", &views);
        let found = segment(dir.path(), "bright", &lower_left()).unwrap();
        // The toy says of a mirror image just the mirror image of what it says of the picture.
        assert_eq!(found.mask, plain.mask);
        assert_eq!(found.low_res.side(), plain.low_res.side());
        for (a, b) in found.low_res.logits().iter().zip(plain.low_res.logits()) {
            assert!((a - b).abs() < 1e-3, "{mirrored}: {a} is not {b}");
        }
        // One with mirror images beside one without, of one picture.
        let ask = |modality: &str| Ask::new(modality);
        let asks = [ask("dark"), ask("bright")];
        let both = pipeline(dir.path())
            .segment_all(&Subject::from(&Picture::from(lower_left())), &asks)
            .unwrap();
        assert_eq!(both[1].mask, found.mask);
        let dark = segment(dir.path(), "dark", &lower_left()).unwrap();
        assert_eq!(both[0].low_res, dark.low_res);
        for one in &both {
            assert!(one.times.total >= one.times.encode + one.times.decode);
        }
    }
}

#[test]
fn a_refused_model_does_not_say_where_it_lies() {
    let unlisted = |dir: &Path| toy::edit_manifest(dir, "weights = [\"base.bin\"]", "weights = []");
    let missing = |dir: &Path| std::fs::remove_file(dir.join("base.bin")).unwrap();
    let changed = |dir: &Path| flip(&dir.join("encoder.onnx"));
    for damage in [&unlisted as &dyn Fn(&Path), &missing, &changed] {
        let dir = toy::model();
        damage(dir.path());
        let error = segment(dir.path(), "bright", &lower_left()).unwrap_err();
        let root = dir.path().canonicalize().unwrap();
        for place in [dir.path(), &root] {
            let message = error.to_string();
            assert!(!message.contains(place.to_str().unwrap()), "{message}");
        }
    }
}

#[test]
fn what_is_observed_is_what_is_served() {
    let dir = toy::model();
    let look = "name = \"bright\"\nviews = { mirrored = \"across\" }\nwhite_balance = { usual = [0.9, 1.0, 1.1], strength = 1.0 }";
    toy::edit_manifest(dir.path(), "name = \"bright\"", look);
    let pipeline = pipeline(dir.path());
    let red = (0..120 * 48).flat_map(|at| [120 + (at % 120) as u8, 90, 60]);
    let frame = Arc::new(Frame::new(120, 48, red.collect()).unwrap());
    let ask = Ask::new("bright");
    let (mut roles, mut images, mut decoded) = (Vec::new(), Vec::new(), Vec::new());
    let mut observer = |role: Role, graph: &Graph, threads: &Threads, inputs: &[Input<'_>]| {
        roles.push(role);
        match (role, inputs) {
            (Role::Encoder, [Input::F32(image)]) => images.push(image.to_vec()),
            (Role::Decoder, _) => decoded.push(graph.run(threads, inputs)?.remove(0).data),
            _ => (),
        }
        Ok(())
    };
    let asks = std::slice::from_ref(&ask);
    let found = pipeline.observe(&frame, asks, &mut observer).unwrap();
    let view = [Role::Encoder, Role::SelfPrompt, Role::Decoder];
    assert_eq!(roles, [view, view].concat());
    // The first view is the picture in the light that is served, the second its mirror image.
    let choice = pipeline.store().choose(None, "bright").unwrap();
    let plain = Preprocess::new(choice.model);
    let balanced = plain.clone().balanced(choice.modality.white_balance);
    assert!(images[0] == balanced.run(&frame).chw && images[0] != plain.run(&frame).chw);
    let mirrored = |row: &[f32]| row.iter().rev().copied().collect::<Vec<_>>();
    let rows = images[0].chunks(toy::SIDE).flat_map(mirrored);
    assert_eq!(images[1], rows.collect::<Vec<_>>());
    // What the graphs say of these inputs is what is served.
    let side = found[0].low_res.side();
    let turned: Vec<f32> = decoded[1].chunks(side).flat_map(mirrored).collect();
    for ((served, a), b) in found[0]
        .low_res
        .logits()
        .iter()
        .zip(&decoded[0])
        .zip(&turned)
    {
        assert!((served - (a + b) / 2.0).abs() < 1e-3, "{served}: {a}, {b}");
    }
    assert_eq!(
        found[0].low_res,
        pipeline.segment_frame(frame, &ask).unwrap().low_res
    );
}
