//! The engine allocates nothing per frame: counted by the allocator itself.

use counting::Taken;
use espmedsam_engine::model::runtime::{Graph, Input, Tensor32, Threads};
use espmedsam_engine::model::store::Store;

fn outputs(graph: &Graph) -> Vec<Tensor32> {
    graph
        .contract()
        .outputs
        .iter()
        .map(Tensor32::zeros)
        .collect()
}

/// All threads of the process are counted, the computing ones among them; the test is alone in its process.
#[test]
fn a_frame_through_the_shipped_models_allocates_nothing() {
    let root = testing::repository("models");
    let store = Store::open(&root, None).unwrap();
    let names: Vec<String> = store
        .manifest()
        .models
        .iter()
        .map(|m| m.name.clone())
        .collect();
    for name in names {
        let modalities = &store.model(Some(&name)).unwrap().modalities;
        let choice = |at: usize| store.choose(Some(&name), &modalities[at].name).unwrap();
        let other = choice(1);
        let choice = choice(0);
        let graphs = store.graphs(choice).unwrap();
        let other = store.graphs(other).unwrap().encoder;
        let side = choice.model.side;
        let image: Vec<f32> = (0..3 * side * side)
            .map(|i| (i % 97) as f32 / 50.0 - 1.0)
            .collect();
        for count in [1, 2] {
            let threads = Threads::new(store.cpu(), count).unwrap();
            let mut embedding = outputs(&graphs.encoder);
            let mut prompted = outputs(&graphs.self_prompt);
            let mut logits = outputs(&graphs.decoder);
            let mut both = [outputs(&graphs.encoder), outputs(&other)].concat();
            let mut frame = || {
                let inputs = [Input::F32(&image)];
                graphs
                    .encoder
                    .run_into(&threads, &inputs, &mut embedding)
                    .unwrap();
                let encoders = [&*graphs.encoder, &other];
                Graph::run_each(&encoders, &threads, &inputs, &mut both, &mut |_, _| ()).unwrap();
                let inputs = [Input::F32(&embedding[0].data)];
                graphs
                    .self_prompt
                    .run_into(&threads, &inputs, &mut prompted)
                    .unwrap();
                let inputs = [Input::F32(&prompted[1].data), Input::I64(&[2])];
                graphs
                    .decoder
                    .run_into(&threads, &inputs, &mut logits)
                    .unwrap();
            };
            frame();
            let before = Taken::everywhere();
            frame();
            frame();
            let allocations = Taken::everywhere().since(before).allocations;
            assert_eq!(allocations, 0, "{name} on {count} threads");
        }
    }
}
