//! rten in a process of its own; arguments and lines as in `worker.py`.
//!
//!     RTEN_NUM_THREADS=1 rten-peer GRAPH SIDE INDEX

use std::error::Error;
use std::time::Instant;

use rten::{Model, NodeId, Value, ValueOrView};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

struct Peer {
    model: Model,
    inputs: [NodeId; 2],
    outputs: [NodeId; 2],
    image: NdTensor<f32, 4>,
    modality: NdTensor<i32, 1>,
}

impl Peer {
    /// Logits of mask and patches.
    fn run(&self) -> Result<Vec<Value>, Box<dyn Error>> {
        let image = ValueOrView::from(self.image.view().into_dyn());
        let modality = ValueOrView::from(self.modality.view().into_dyn());
        let inputs = vec![(self.inputs[0], image), (self.inputs[1], modality)];
        Ok(self.model.run(inputs, &self.outputs, None)?)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [graph, side, index] = &args[..] else {
        return Err("usage: rten-peer GRAPH SIDE INDEX".into());
    };
    let side: usize = side.parse()?;
    let model = Model::load_file(graph)?;
    let mut peer = Peer {
        inputs: [model.node_id("image")?, model.node_id("modality")?],
        outputs: [
            model.node_id("low_res_logits")?,
            model.node_id("patch_logits")?,
        ],
        model,
        image: NdTensor::zeros([1, 3, side, side]),
        modality: NdTensor::full([1], index.parse()?),
    };
    peer.run()?;
    println!(r#"{{"version": "0.27", "before_mib": 0}}"#);
    for line in std::io::stdin().lines() {
        match line?.split_whitespace().collect::<Vec<_>>()[..] {
            ["run", runs] => {
                peer.run()?;
                let mut ms = Vec::new();
                for _ in 0..runs.parse()? {
                    let start = Instant::now();
                    peer.run()?;
                    ms.push(start.elapsed().as_secs_f64() * 1e3);
                }
                println!(r#"{{"ms": {ms:?}}}"#);
            }
            ["picture", from, to] => {
                let input = std::fs::read(from)?;
                let input = input.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
                peer.image = NdTensor::from_data([1, 3, side, side], input.collect::<Vec<_>>());
                let mut logits = Vec::new();
                for output in peer.run()? {
                    let values: rten_tensor::Tensor<f32> = output.try_into()?;
                    logits.extend(values.iter().flat_map(|x| x.to_le_bytes()));
                }
                std::fs::write(to, logits)?;
                println!("{{}}");
            }
            _ => return Err("unknown line".into()),
        }
    }
    Ok(())
}
