//! Time of each stage with the shipped model: `cargo bench --bench flow`. Threads: `THREADS=2 cargo bench …`.

#![allow(
    clippy::expect_used,
    missing_docs,
    reason = "a bench without its model cannot run"
)]

use std::path::Path;
use std::sync::{Arc, LazyLock};

use divan::Bencher;
use engine::decode::Decoder;
use engine::encode::{Embedding, Encoder};
use engine::flow::Pipeline;
use engine::model::runtime::Threads;
use engine::model::store::Store;
use engine::preprocess::{Image, Preprocess};
use engine::self_prompt::SelfPrompt;
use picture::frame::{self, Frame, FrameLimits};
use picture::mask;
use picture::mask::LogitMap;
use picture::segmenter::{Ask, OnMismatch};

const MODALITY: &str = "ultrasound";

fn main() {
    divan::main();
}

/// One picture taken through every stage, so that each bench starts from the stage before it.
struct Scene {
    pipeline: Pipeline,
    threads: Threads,
    index: usize,
    bytes: Vec<u8>,
    frame: Frame,
    preprocess: Preprocess,
    image: Image,
    encoder: Encoder,
    embedding: Embedding,
    self_prompt: SelfPrompt,
    decoder: Decoder,
    low_res: LogitMap,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| scene().expect("the shipped model and sample"));

fn scene() -> Result<Scene, Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let count = std::env::var("THREADS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(1);
    let store = Arc::new(Store::open(&root.join("models"), None)?);
    let threads = Threads::new(store.cpu(), count)?;
    let choice = store.choose(None, MODALITY)?;
    let (index, graphs, preprocess) = (
        choice.modality.index,
        store.graphs(choice)?,
        Preprocess::new(choice.model),
    );
    let bytes = std::fs::read(root.join("tests/samples/hc18_230_HC.jpg"))?;
    let frame = frame::decode(&bytes, &FrameLimits::default())?;
    let image = preprocess.run(&frame);
    let encoder = Encoder::new(graphs.encoder);
    let (self_prompt, decoder) = (
        SelfPrompt::new(graphs.self_prompt),
        Decoder::new(graphs.decoder),
    );
    let embedding = encoder.run(&threads, &image)?;
    let (_, prompted) = self_prompt.run(&threads, &embedding)?;
    let low_res = decoder.run(&threads, &prompted, index)?.low_res;
    let pipeline = Pipeline::new(store.clone(), count, FrameLimits::default())?;
    Ok(Scene {
        pipeline,
        threads,
        index,
        bytes,
        frame,
        preprocess,
        image,
        encoder,
        embedding,
        self_prompt,
        decoder,
        low_res,
    })
}

#[divan::bench]
fn preprocess(bencher: Bencher) {
    let scene = &*SCENE;
    bencher.bench(|| scene.preprocess.run(&scene.frame));
}

#[divan::bench]
fn encode(bencher: Bencher) {
    let scene = &*SCENE;
    bencher.bench_local(|| scene.encoder.run(&scene.threads, &scene.image));
}

#[divan::bench]
fn self_prompt_and_decode(bencher: Bencher) {
    let scene = &*SCENE;
    bencher.bench_local(|| {
        let (patch, prompted) = scene.self_prompt.run(&scene.threads, &scene.embedding)?;
        let low_res = scene.decoder.run(&scene.threads, &prompted, scene.index)?;
        Ok::<_, String>((patch, low_res))
    });
}

#[divan::bench]
fn postprocess(bencher: Bencher) {
    let scene = &*SCENE;
    bencher.bench(|| mask::upsample(&scene.low_res, scene.frame.width(), scene.frame.height()));
}

#[divan::bench]
fn whole(bencher: Bencher) {
    let scene = &*SCENE;
    let ask = Ask {
        on_mismatch: OnMismatch::Keep,
        ..Ask::new(MODALITY)
    };
    bencher.bench_local(|| scene.pipeline.segment_file(&scene.bytes, &ask));
}
