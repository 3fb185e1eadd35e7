//! Chains of steps become one step each, so that what lies between them never becomes a map in memory.

use std::sync::Arc;

use super::layer::Layer;
use super::link::Link;
use super::step::{Origin, Step};
use super::values::{bytes, floats, floats_mut, residual};
use crate::kernels::chain::{BottleneckF32, BottleneckI8, MlpF32, MlpI8};
use crate::kernels::{Exec, Quant, Value, ValueMut};

/// The same program with its chains fused: steps of which each but the last is read by the next alone, that are faster
/// together.
pub(super) fn fuse(mut steps: Vec<Step>, mut outputs: Vec<Origin>) -> (Vec<Step>, Vec<Origin>) {
    let mut readers = vec![0; steps.len()];
    for source in steps.iter().flat_map(|step| &step.inputs).chain(&outputs) {
        if let Origin::Step(from) = source {
            readers[*from] += 1;
        }
    }
    let mut fused = vec![false; steps.len()];
    for last in 0..steps.len() {
        let before = |at: usize| match steps[at].inputs.first() {
            Some(Origin::Step(from)) if readers[*from] == 1 => Some(*from),
            _ => None,
        };
        let Some(middle) = before(last) else { continue };
        let three = before(middle).map(|first| [first, middle, last]);
        let chains = [
            three.as_ref().map_or(&[][..], |three| three),
            &[middle, last],
        ];
        for chain in chains {
            let links: Vec<&Step> = chain.iter().map(|at| &steps[*at]).collect();
            if let Some(step) = join(&links) {
                chain.iter().for_each(|at| fused[*at] = *at != last);
                steps[last] = step;
                break;
            }
        }
    }
    // Numbers of the steps that stay.
    let numbers: Vec<usize> = fused
        .iter()
        .scan(0, |next, fused| {
            let number = *next;
            *next += usize::from(!fused);
            Some(number)
        })
        .collect();
    let mut fused = fused.into_iter();
    steps.retain(|_| fused.next() == Some(false));
    let inputs = steps.iter_mut().flat_map(|step| &mut step.inputs);
    for source in inputs.chain(&mut outputs) {
        if let Origin::Step(from) = source {
            *from = numbers[*from];
        }
    }
    (steps, outputs)
}

/// A fused chain.
#[derive(Debug)]
struct Chain {
    kernel: Kernel,
    /// The layers it was made from: other programs find them packed (`cache`), and know by them what they share.
    parts: Vec<Arc<dyn Layer>>,
}

/// What it runs; a residual of bytes stands for real numbers as said.
#[derive(Debug)]
enum Kernel {
    BottleneckF32(BottleneckF32),
    BottleneckI8(BottleneckI8, Option<Quant>),
    MlpF32(MlpF32),
    MlpI8(MlpI8, Option<Quant>),
}

/// Steps in a row as one.
fn join(steps: &[&Step]) -> Option<Step> {
    let (last, before) = steps.split_last()?;
    if before.iter().any(|step| step.inputs.len() != 1) {
        return None;
    }
    let first = before.first()?;
    let links: Option<Vec<Link>> = steps.iter().map(|step| step.layer.link()).collect();
    let (kernel, kind) = kernel(links?, first.output.shape[0])?;
    Some(Step {
        name: format!("{} - {}", first.name, last.name),
        layer: Arc::new(Chain {
            kernel,
            parts: steps.iter().map(|step| step.layer.clone()).collect(),
        }),
        inputs: first
            .inputs
            .iter()
            .chain(&last.inputs[1..])
            .cloned()
            .collect(),
        output: last.output.clone(),
        kind,
        multiplications: steps.iter().map(|step| step.multiplications).sum(),
    })
}

/// The kernel of a chain of which the first layer has so many rows, if there is one that is faster than its layers; and
/// the nodes' kinds.
fn kernel(links: Vec<Link>, rows: usize) -> Option<(Kernel, &'static str)> {
    let mut links = links.into_iter();
    Some(match (links.next()?, links.next()?, links.next()) {
        (Link::Linear(a, after_a), Link::Depthwise(b, after_b), Some(Link::Linear(c, after_c))) => {
            let chain = BottleneckF32::new((a, after_a), &(b, after_b), (c, after_c))?;
            (Kernel::BottleneckF32(chain), "Linear-Depthwise-Linear")
        }
        (
            Link::QLinear(a, after_a, _),
            Link::QDepthwise(b, after_b),
            Some(Link::QLinear(c, after_c, residual)),
        ) => {
            let chain = BottleneckI8::new((a, after_a), &(b, after_b), (c, after_c))?;
            (
                Kernel::BottleneckI8(chain, residual),
                "QLinear-QDepthwise-QLinear",
            )
        }
        (Link::Linear(a, after_a), Link::Linear(b, after_b), None) => {
            let chain = MlpF32::new((a, after_a), (b, after_b), rows)?;
            (Kernel::MlpF32(chain), "Linear-Linear")
        }
        (Link::QLinear(a, after_a, _), Link::QLinear(b, after_b, residual), None) => {
            let chain = MlpI8::new((a, after_a), (b, after_b), rows)?;
            (Kernel::MlpI8(chain, residual), "QLinear-QLinear")
        }
        _ => return None,
    })
}

impl Layer for Chain {
    fn scratch(&self) -> usize {
        match &self.kernel {
            Kernel::BottleneckF32(chain) => chain.scratch(),
            Kernel::BottleneckI8(chain, _) => chain.scratch(),
            Kernel::MlpF32(chain) => chain.scratch(),
            Kernel::MlpI8(chain, _) => chain.scratch(),
        }
    }

    fn parts(&self) -> &[Arc<dyn Layer>] {
        &self.parts
    }

    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        let (x, addend) = (&inputs[0], inputs.get(1));
        match &self.kernel {
            Kernel::BottleneckF32(chain) => {
                chain.run(exec, floats(x), addend.map(floats), floats_mut(output));
            }
            Kernel::BottleneckI8(chain, quant) => {
                chain.run(exec, bytes(x), residual(addend, *quant), output);
            }
            Kernel::MlpF32(chain) => {
                chain.run(exec, floats(x), addend.map(floats), floats_mut(output));
            }
            Kernel::MlpI8(chain, quant) => {
                chain.run(exec, bytes(x), residual(addend, *quant), output);
            }
        }
    }
}
