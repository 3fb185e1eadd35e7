//! Where a frame's time goes: each kind of layer against the multiplications it does.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Failure;
use super::table::Table;
use crate::engine::{Ask, Pipeline};
use crate::frame::Frame;
use crate::model::runtime::{Graph, Input, Tensor32, Threads};
use crate::preprocess::Preprocess;

/// Time and multiplications of one kind of layer in one graph.
#[derive(Clone, Copy, Default)]
struct Row {
    layers: usize,
    ms: f64,
    multiplications: u64,
}

/// Takes a frame through the three graphs: `run(name, graph, threads, inputs)` gives each one's outputs, which are the
/// inputs of the next.
pub(super) fn through(
    pipeline: &Pipeline,
    ask: &Ask,
    frame: &Frame,
    threads: usize,
    mut run: impl FnMut(&str, &Graph, &Threads, &[Input<'_>]) -> Result<Vec<Tensor32>, String>,
) -> Result<(), Failure> {
    let store = pipeline.store();
    let choice = store.choose(ask.model.as_deref(), &ask.modality)?;
    let graphs = store.graphs(choice)?;
    let threads = Threads::new(store.cpu(), threads).map_err(Failure::Failed)?;
    let image = Preprocess::new(choice.model).run(frame);
    let index = [choice.modality.index as i64];
    let mut run = |name: &str, graph: &Graph, inputs: &[Input<'_>]| {
        run(name, graph, &threads, inputs).map_err(Failure::Failed)
    };
    let embedding = run("encoder", &graphs.encoder, &[Input::F32(&image.chw)])?;
    let inputs = [Input::F32(&embedding[0].data)];
    let prompted = run("self_prompt", &graphs.self_prompt, &inputs)?;
    let inputs = [Input::F32(&prompted[1].data), Input::I64(&index)];
    run("decoder", &graphs.decoder, &inputs)?;
    Ok(())
}

/// A table of the least time of each kind of layer over `runs` frames.
pub(super) fn profile(
    pipeline: &Pipeline,
    ask: &Ask,
    frame: &Frame,
    threads: usize,
    runs: u32,
) -> Result<String, Failure> {
    let mut table = Table::new(["graph", "layer", "count", "ms", "Mmul", "Gmul/s"]);
    let mut total = 0.0;
    through(
        pipeline,
        ask,
        frame,
        threads,
        |name, graph, threads, inputs| {
            let (outputs, rows) = measure(graph, threads, inputs, runs)?;
            for (layer, row) in rows {
                total += row.ms;
                let mega = row.multiplications as f64 / 1e6;
                table.row([
                    name.into(),
                    layer.into(),
                    row.layers.to_string(),
                    format!("{:.3}", row.ms),
                    format!("{mega:.1}"),
                    format!("{:.1}", mega / row.ms),
                ]);
            }
            Ok(outputs)
        },
    )?;
    Ok(format!("{table}\nall layers: {total:.2} ms\n"))
}

type Rows = BTreeMap<&'static str, Row>;

/// Each layer's least time, summed by kind.
fn measure(
    graph: &Graph,
    threads: &Threads,
    inputs: &[Input<'_>],
    runs: u32,
) -> Result<(Vec<Tensor32>, Rows), String> {
    let mut outputs: Vec<Tensor32> = graph
        .contract()
        .outputs
        .iter()
        .map(Tensor32::zeros)
        .collect();
    let mut best: Vec<f64> = Vec::new();
    for _ in 0..runs.max(1) {
        let (mut at, mut last) = (0, Instant::now());
        graph.run_observed(threads, inputs, &mut outputs, &mut |_, _| {
            let now = Instant::now();
            let ms = (now - last).as_secs_f64() * 1e3;
            match best.get_mut(at) {
                Some(least) => *least = least.min(ms),
                None => best.push(ms),
            }
            (at, last) = (at + 1, Instant::now());
        })?;
    }
    let mut rows = Rows::new();
    let steps = graph
        .program()
        .map_or(&[] as &[_], |program| program.steps());
    for (step, ms) in steps.iter().zip(best) {
        let row = rows.entry(step.kind).or_default();
        row.layers += 1;
        row.ms += ms;
        row.multiplications += step.multiplications;
    }
    Ok((outputs, rows))
}
