//! Where a frame's time goes: each kind of layer against the multiplications it does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::failure::Failure;
use super::table::Table;
use engine::flow::Pipeline;
use engine::manifest::contract::Role;
use engine::model::runtime::{Graph, Input, Tensor32, Threads};
use picture::frame::Frame;
use picture::segmenter::{Ask, millis};

/// Time and multiplications of one kind of layer in one graph.
#[derive(Clone, Copy, Default)]
struct Row {
    layers: usize,
    ms: f64,
    multiplications: u64,
}

/// Takes a frame through the flow as it is served; `run(name, graph, threads, inputs)` sees each of the network's graphs
/// on the first view.
pub(super) fn through(
    pipeline: &Pipeline,
    ask: &Ask,
    frame: &Arc<Frame>,
    mut run: impl FnMut(&'static str, &Graph, &Threads, &[Input<'_>]) -> Result<(), String>,
) -> Result<(), Failure> {
    let mut seen = Vec::new();
    let ask = std::slice::from_ref(ask);
    pipeline.observe(frame, ask, &mut |role, graph, threads, inputs| {
        if seen.contains(&role) {
            return Ok(());
        }
        seen.push(role);
        let name = match role {
            Role::Encoder => "encoder",
            Role::SelfPrompt => "self_prompt",
            Role::Decoder => "decoder",
            Role::Guard => "guard",
        };
        run(name, graph, threads, inputs)
    })?;
    Ok(())
}

/// A table of the least time of each kind of layer over `runs` frames.
pub(super) fn profile(
    pipeline: &Pipeline,
    ask: &Ask,
    frame: &Arc<Frame>,
    runs: u32,
) -> Result<String, Failure> {
    let mut table = Table::new(["graph", "layer", "count", "ms", "Mmul", "Gmul/s"]);
    let mut total = 0.0;
    through(pipeline, ask, frame, |name, graph, threads, inputs| {
        for (layer, row) in measure(graph, threads, inputs, runs)? {
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
        Ok(())
    })?;
    Ok(format!(
        "{table}\nall layers, of the first view: {total:.2} ms\n"
    ))
}

type Rows = BTreeMap<&'static str, Row>;

/// Each layer's least time, summed by kind.
fn measure(
    graph: &Graph,
    threads: &Threads,
    inputs: &[Input<'_>],
    runs: u32,
) -> Result<Rows, String> {
    let ports = graph.contract().outputs.iter();
    let mut outputs: Vec<Tensor32> = ports.map(Tensor32::zeros).collect();
    let mut best: Vec<f64> = Vec::new();
    for _ in 0..runs.max(1) {
        let (mut at, mut last) = (0, Instant::now());
        graph.run_observed(threads, inputs, &mut outputs, &mut |_, _| {
            let now = Instant::now();
            let ms = millis(now - last);
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
    Ok(rows)
}
