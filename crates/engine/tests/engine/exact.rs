//! The same picture gives the same bits on every CPU and for any number of threads, through the whole pipeline with
//! real weights.

use std::sync::Arc;

use compute::kernels::{Cpu, Isa};
use espmedsam_engine::flow::Pipeline;
use espmedsam_engine::model::store::Store;
use picture::frame::FrameLimits;
use picture::segmenter::{Ask, OnMismatch};

/// What the graphs give for a picture, bit by bit: mask logits, then patch logits.
fn bits(pipeline: &Pipeline, picture: &[u8], ask: &Ask) -> Vec<u32> {
    let result = pipeline.segment_file(picture, ask).unwrap();
    let logits = result.low_res.logits().iter().chain(result.patch.logits());
    logits.map(|logit| logit.to_bits()).collect()
}

/// Float models too: what is folded when a graph is loaded is the same for every kind of CPU of one machine.
#[test]
fn every_cpu_and_number_of_threads_gives_the_same_bits() {
    let root = testing::repository("");
    let models = root.join("models");
    let picture = std::fs::read(root.join("tests/samples/hc18_230_HC.jpg")).unwrap();
    let listed = Store::open(&models, None).unwrap();
    for model in &listed.manifest().models {
        let first = &model.modalities[0].name;
        let named = model.modalities.iter().find(|m| m.name == "ultrasound");
        let ask = Ask {
            model: Some(model.name.clone()),
            on_mismatch: OnMismatch::Keep,
            ..Ask::new(named.map_or(first, |m| &m.name).clone())
        };
        let mut expected = None;
        for cpu in Cpu::all() {
            let store = Arc::new(Store::open_for(&models, None, cpu).unwrap());
            let choice = store
                .choose(Some(&model.name), ask.modality.as_str())
                .unwrap();
            if store.graphs(choice).unwrap().encoder.program().is_none() {
                println!("{}: not a program of ours", model.name);
                break;
            }
            // A larger side is the same code on longer rows; and where each fused multiply-add is a call, a frame of it takes a
            // minute.
            let counts: &[usize] = match (cpu.isa(), model.side) {
                (Isa::Portable, ..=224) => &[3],
                (Isa::Portable, _) => &[],
                (_, ..=224) => &[1, 2, 3],
                _ => &[1, 3],
            };
            for &threads in counts {
                let limits = FrameLimits::default();
                let pipeline = Pipeline::new(store.clone(), threads, limits).unwrap();
                let found = bits(&pipeline, &picture, &ask);
                let expected = expected.get_or_insert_with(|| found.clone());
                assert!(
                    found == *expected,
                    "{} on {} with {threads} threads",
                    model.name,
                    cpu.name()
                );
            }
            println!("{} on {} with {counts:?} threads", model.name, cpu.name());
        }
    }
}
