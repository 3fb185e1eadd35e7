//! One picture, several modalities: the same results as one by one, and what they have in common runs once.

use std::path::PathBuf;
use std::sync::Arc;
use testing::toy;

use espmedsam_engine::flow::{Pipeline, Subject};
use espmedsam_engine::model::runtime::{Graph, Input, Tensor32, Threads};
use espmedsam_engine::model::store::Store;
use picture::frame::FrameLimits;
use picture::segmenter::{Ask, EngineError, OnMismatch, Picture, Segmentation};

fn root(path: &str) -> PathBuf {
    testing::repository(path)
}

fn picture() -> Vec<u8> {
    std::fs::read(root("tests/samples/hc18_230_HC.jpg")).unwrap()
}

fn asks(store: &Store, model: &str) -> Vec<Ask> {
    let modalities = &store.model(Some(model)).unwrap().modalities;
    let ask = |modality: &str| Ask {
        model: Some(model.into()),
        on_mismatch: OnMismatch::Keep,
        ..Ask::new(modality)
    };
    modalities.iter().map(|m| ask(&m.name)).collect()
}

fn assert_same(found: &Segmentation, alone: &Segmentation) {
    let bits = |s: &Segmentation| {
        let logits = s.low_res.logits().iter().chain(s.patch.logits());
        logits.map(|logit| logit.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(found.modality, alone.modality);
    assert_eq!(found.model_sha256, alone.model_sha256);
    assert!(bits(found) == bits(alone), "{}", alone.modality);
    assert!(found.mask == alone.mask, "{}", alone.modality);
    assert_eq!(
        (found.confidence, found.signs),
        (alone.confidence, alone.signs)
    );
}

fn assert_as_one_by_one(pipeline: &Pipeline, picture: &[u8], asks: &[Ask]) {
    let file = Picture::from(picture.to_vec());
    let found = pipeline.segment_all(&Subject::from(&file), asks).unwrap();
    assert_eq!(found.len(), asks.len());
    for (found, ask) in found.iter().zip(asks) {
        assert_same(found, &pipeline.segment_file(picture, ask).unwrap());
    }
}

#[test]
fn together_is_as_one_by_one() {
    let store = Arc::new(Store::open(&root("models"), None).unwrap());
    for threads in [1, 2] {
        let pipeline = Pipeline::new(store.clone(), threads, FrameLimits::default()).unwrap();
        for model in &store.manifest().models {
            let mut asks = asks(&store, &model.name);
            assert_as_one_by_one(&pipeline, &picture(), &asks);
            // In another order, and with one asked twice.
            asks.reverse();
            asks.push(asks[0].clone());
            assert_as_one_by_one(&pipeline, &picture(), &asks);
        }
    }
}

#[test]
fn standard_onnx_is_as_one_by_one() {
    let dir = toy::model();
    let store = Arc::new(Store::open(dir.path(), None).unwrap());
    let pipeline = Pipeline::new(store.clone(), 1, FrameLimits::default()).unwrap();
    let asks = asks(&store, "toy");
    assert!(asks.len() > 1);
    assert_as_one_by_one(&pipeline, &picture(), &asks);
}

/// Steps that ran, and the embeddings.
fn counted(graphs: &[&Graph], threads: &Threads) -> (usize, Vec<Tensor32>) {
    let side = graphs[0].contract().inputs[0].shape[3];
    let image: Vec<f32> = (0..3 * side * side)
        .map(|i| (i % 97) as f32 / 50.0 - 1.0)
        .collect();
    let ports = graphs.iter().flat_map(|graph| &graph.contract().outputs);
    let mut outputs: Vec<Tensor32> = ports.map(Tensor32::zeros).collect();
    let (mut ran, inputs) = (0, [Input::F32(&image)]);
    Graph::run_each(graphs, threads, &inputs, &mut outputs, &mut |_, _| ran += 1).unwrap();
    (ran, outputs)
}

/// Modality weights stand in the transformer blocks alone: all before them, the stem and the convolutional stage, is
/// one for all encoders, in 8 bits too: their ranges there are common.
#[test]
fn layers_before_a_modalitys_own_run_once() {
    let store = Store::open(&root("models"), None).unwrap();
    let threads = Threads::new(store.cpu(), 1).unwrap();
    for model in &store.manifest().models {
        let encoder = |modality: &str| {
            let choice = store.choose(Some(&model.name), modality).unwrap();
            store.graphs(choice).unwrap().encoder
        };
        let encoders: Vec<_> = model.modalities.iter().map(|m| encoder(&m.name)).collect();
        let program = |at: usize| encoders[at].program().unwrap();
        let steps = |at: usize| program(at).steps().len();
        let count = encoders.len();
        let common = (1..count).map(|at| program(0).common(program(at))).min();
        // The first weights of a modality's own: a token in the first attention.
        let own = program(0).steps().iter();
        let own = own
            .take_while(|s| !s.kind.ends_with("WindowAttention"))
            .count();
        println!("{}: {common:?} of {} steps", model.name, steps(0));
        assert_eq!(common, Some(own), "{}", model.name);
        let graphs: Vec<&Graph> = encoders.iter().map(|e| &**e).collect();
        let (ran, together) = counted(&graphs, &threads);
        let all: usize = (0..count).map(steps).sum();
        assert_eq!(ran, all - (count - 1) * own, "{}", model.name);
        for (encoder, found) in encoders.iter().zip(&together) {
            assert!(counted(&[encoder], &threads).1[0] == *found);
        }
        // One that is asked for twice is all common.
        assert_eq!(counted(&[graphs[0], graphs[0]], &threads).0, steps(0));
    }
}

#[test]
fn one_picture_is_asked_of_one_model() {
    let store = Arc::new(Store::open(&root("models"), None).unwrap());
    let pipeline = Pipeline::new(store.clone(), 1, FrameLimits::default()).unwrap();
    let ask = |model: &str| Ask {
        model: Some(model.into()),
        on_mismatch: OnMismatch::Keep,
        ..Ask::new("microscopy")
    };
    let asks: Vec<Ask> = store
        .manifest()
        .models
        .iter()
        .map(|m| ask(&m.name))
        .collect();
    let picture = picture();
    let picture = Picture::from(picture.clone());
    let source = Subject::from(&picture);
    let error = pipeline.segment_all(&source, &asks).unwrap_err();
    assert!(error.to_string().contains("two models"), "{error}");
    assert!(matches!(error, EngineError::TwoModels { .. }));
    assert!(pipeline.segment_all(&source, &[]).unwrap().is_empty());
}
