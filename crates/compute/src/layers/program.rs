//! Layers in order, their values placed in one arena.

use std::ops::Range;

use super::fact::ElementType;
use super::fuse::fuse;
use super::step::{Origin, Step};
use crate::kernels::{Context, Extent, Value};

/// Most inputs a layer reads.
const MAX_INPUTS: usize = 3;

/// Steps in order, planned: every value has its place in one arena, shared with values that are dead by then.
#[derive(Debug)]
pub struct Program {
    pub(super) steps: Vec<Step>,
    /// Output and working memory of each step.
    pub(super) places: Vec<(Extent, Extent)>,
    pub(super) outputs: Vec<Origin>,
    pub(super) arena: usize,
    pub(super) scratch: usize,
    /// Steps and outputs before chains were fused; the layers are shared.
    nodes: (Vec<Step>, Vec<Origin>),
}

impl Program {
    /// Fuses chains of steps and plans the steps' memory.
    ///
    /// # Errors
    /// A step that reads a later one, or more inputs than a layer can have.
    pub fn new(steps: Vec<Step>, outputs: Vec<Origin>) -> Result<Self, String> {
        for (at, step) in steps.iter().enumerate() {
            let late = |source: &Origin| matches!(source, Origin::Step(from) if *from >= at);
            if step.inputs.len() > MAX_INPUTS || step.inputs.iter().any(late) {
                return Err(format!("'{}' cannot be ordered", step.name));
            }
        }
        let nodes = (steps.clone(), outputs.clone());
        let (steps, outputs) = fuse(steps, outputs);
        Ok(Self::planned(steps, outputs, nodes))
    }

    fn planned(steps: Vec<Step>, outputs: Vec<Origin>, nodes: (Vec<Step>, Vec<Origin>)) -> Self {
        let (places, arena) = plan(&steps, &outputs);
        let scratch = steps.iter().map(|step| step.layer.scratch()).max();
        Self {
            steps,
            places,
            outputs,
            arena,
            scratch: scratch.unwrap_or_default(),
            nodes,
        }
    }

    /// The same program, one step for each node: slower, the same bits, and every value can be seen.
    #[must_use]
    pub fn unfused(&self) -> Self {
        let (steps, outputs) = self.nodes.clone();
        Self::planned(steps, outputs, self.nodes.clone())
    }

    /// The steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Bytes of all values together, as planned.
    #[must_use]
    pub fn arena_bytes(&self) -> usize {
        self.arena
    }

    /// Runs all steps; writes the outputs, which are floats of the lengths the program was made with. Allocates nothing
    /// once the context has been used with this program.
    ///
    /// # Panics
    /// If an input or output is not of the program's type and length.
    pub fn run(&self, context: &mut Context, inputs: &[Value<'_>], outputs: &mut [&mut [f32]]) {
        self.run_observed(context, inputs, outputs, &mut |_, _| ());
    }

    /// As [`Program::run`]; calls `seen(step, output)` after each step.
    ///
    /// # Panics
    /// As [`Program::run`].
    pub fn run_observed(
        &self,
        context: &mut Context,
        inputs: &[Value<'_>],
        outputs: &mut [&mut [f32]],
        seen: &mut dyn FnMut(&Step, Value<'_>),
    ) {
        let write = &mut |at: usize, floats: &[f32]| outputs[at].copy_from_slice(floats);
        Self::run_each(std::iter::once(self), context, inputs, write, seen);
    }

    /// Runs steps; calls `seen(step, output)` after each.
    pub(super) fn run_steps(
        &self,
        range: Range<usize>,
        context: &mut Context,
        inputs: &[Value<'_>],
        seen: &mut dyn FnMut(&Step, Value<'_>),
    ) {
        let (exec, arena) = context.parts();
        let steps = self.steps.iter().zip(&self.places);
        for (step, (write, work)) in steps.take(range.end).skip(range.start) {
            let mut reads = [None; MAX_INPUTS];
            for (read, source) in reads.iter_mut().zip(&step.inputs) {
                if let Origin::Step(from) = source {
                    *read = Some(self.places[*from].0);
                }
            }
            let views = arena.split(reads, *write, *work);
            let mut values = views.reads;
            for (value, source) in values.iter_mut().zip(&step.inputs) {
                match source {
                    Origin::Input(at) => *value = inputs[*at],
                    Origin::Constant(floats) => *value = Value::F32(floats),
                    Origin::Step(_) => (),
                }
            }
            step.layer
                .run(exec, &values[..step.inputs.len()], views.work, views.write);
            seen(step, arena.read(*write));
        }
    }

    /// Calls `write(output, floats)` for each output once all steps have run.
    pub(super) fn give(
        &self,
        context: &mut Context,
        inputs: &[Value<'_>],
        write: &mut dyn FnMut(usize, &[f32]),
    ) {
        let (_, arena) = context.parts();
        for (at, source) in self.outputs.iter().enumerate() {
            let value = match source {
                Origin::Step(from) => arena.read(self.places[*from].0),
                Origin::Input(at) => inputs[*at],
                Origin::Constant(floats) => Value::F32(floats),
            };
            assert!(matches!(value, Value::F32(_)), "outputs are floats");
            if let Value::F32(floats) = value {
                write(at, floats);
            }
        }
    }
}

/// A place taken from step `from` to step `until`, both included.
struct TakenSpan {
    place: Extent,
    until: usize,
}

/// First fit in order of the steps: each value gets the lowest gap between those still alive.
fn plan(steps: &[Step], outputs: &[Origin]) -> (Vec<(Extent, Extent)>, usize) {
    let mut last_use: Vec<usize> = (0..steps.len()).collect();
    for (at, step) in steps.iter().enumerate() {
        for source in &step.inputs {
            if let Origin::Step(from) = source {
                last_use[*from] = at;
            }
        }
    }
    for source in outputs {
        if let Origin::Step(from) = source {
            last_use[*from] = steps.len();
        }
    }
    let mut taken: Vec<TakenSpan> = Vec::new();
    let mut places = Vec::with_capacity(steps.len());
    let mut total = 0;
    for (at, step) in steps.iter().enumerate() {
        taken.retain(|t| t.until >= at);
        let write = find(
            &taken,
            step.output.len(),
            step.output.element == ElementType::F32,
        );
        taken.push(TakenSpan {
            place: write,
            until: last_use[at],
        });
        let work = find(&taken, step.layer.work(), true);
        taken.push(TakenSpan {
            place: work,
            until: at,
        });
        for place in [write, work] {
            total = total.max(place.offset + place.bytes());
        }
        places.push((write, work));
    }
    (places, total)
}

fn find(taken: &[TakenSpan], len: usize, floats: bool) -> Extent {
    let mut place = Extent {
        offset: 0,
        len,
        floats,
    };
    let mut others: Vec<Extent> = taken
        .iter()
        .map(|t| t.place)
        .filter(|p| p.len > 0)
        .collect();
    others.sort_by_key(|other| other.offset);
    for other in others {
        if place.offset + place.bytes() <= other.offset {
            break;
        }
        let end = other.offset + other.bytes();
        place.offset = place.offset.max(end.next_multiple_of(64));
    }
    place
}
