//! Programs on one input: the steps that all of them begin with run once.

use std::sync::Arc;

use super::layer::Layer;
use super::program::Program;
use super::step::{Origin, Step};
use crate::kernels::{Context, Extent, Value};

impl Program {
    /// How many steps this program and another begin with in common: the same packed layers
    /// ([`LayerCache`](super::LayerCache)) on the same values, at the same places in memory.
    #[must_use]
    pub fn common(&self, other: &Self) -> usize {
        let mine = self.steps.iter().zip(&self.places);
        let others = other.steps.iter().zip(&other.places);
        mine.zip(others)
            .take_while(|((a, place), (b, other))| place == other && same_step(a, b))
            .count()
    }

    /// Runs programs one after the other on the same inputs, the steps that all begin with in common
    /// ([`Program::common`]) once. Calls `seen(step, output)` after each step that runs, and `write(number, floats)` with
    /// each program's outputs when it is done, counted on from one program to the next. The results are those of each
    /// program run by itself, bit for bit. Allocates nothing once the context has been used with these programs.
    ///
    /// # Panics
    /// If an input is not of the programs' type and length.
    pub fn run_each<'a>(
        programs: impl Iterator<Item = &'a Self> + Clone,
        context: &mut Context,
        inputs: &[Value<'_>],
        write: &mut dyn FnMut(usize, &[f32]),
        seen: &mut dyn FnMut(&Step, Value<'_>),
    ) {
        let mut others = programs.clone();
        let Some(first) = others.next() else { return };
        let common = others.map(|other| first.common(other)).min().unwrap_or(0);
        // Places are the same in all programs up to there. What lies in them, and is read later, is kept beyond
        // everybody's memory, as a program's later steps take the room of values it has done with.
        let read_later = |at: &usize| programs.clone().any(|p| p.reads(*at, common));
        let kept = (0..common).filter(read_later).map(|at| first.places[at].0);
        let arena = programs.clone().map(|program| program.arena).max();
        let arena = arena.unwrap_or(0).next_multiple_of(64);
        let room: usize = kept.clone().map(room).sum();
        let scratch = programs.clone().map(|program| program.scratch).max();
        context.reserve(arena + room, scratch.unwrap_or(0));

        first.run_steps(0..common, context, inputs, seen);
        for (place, copy) in pairs(kept.clone(), arena) {
            context.parts().1.copy(place, copy);
        }
        let mut given = 0;
        for (number, program) in programs.clone().enumerate() {
            if number > 0 {
                for (place, copy) in pairs(kept.clone(), arena) {
                    context.parts().1.copy(copy, place);
                }
            }
            program.run_steps(common..program.steps.len(), context, inputs, seen);
            program.give(context, inputs, &mut |at, floats| write(given + at, floats));
            given += program.outputs.len();
        }
    }

    /// Whether the value of step `at` is read by step `from` or a later one, or is an output.
    fn reads(&self, at: usize, from: usize) -> bool {
        let later = self.steps[from..].iter().flat_map(|step| &step.inputs);
        later
            .chain(&self.outputs)
            .any(|source| matches!(source, Origin::Step(step) if *step == at))
    }
}

/// Bytes that a value's copy takes.
fn room(place: Extent) -> usize {
    place.bytes().next_multiple_of(64)
}

/// Each place with that of its copy; the copies lie in a row, from `start` on.
fn pairs(
    places: impl Iterator<Item = Extent>,
    start: usize,
) -> impl Iterator<Item = (Extent, Extent)> {
    places.scan(start, |offset, place| {
        let copy = Extent {
            offset: *offset,
            ..place
        };
        *offset += room(place);
        Some((place, copy))
    })
}

fn same_step(a: &Step, b: &Step) -> bool {
    let mut inputs = a.inputs.iter().zip(&b.inputs);
    a.inputs.len() == b.inputs.len()
        && inputs.all(|(a, b)| same_source(a, b))
        && a.output == b.output
        && same_layer(&a.layer, &b.layer)
}

/// One packed layer, or a chain of the same ones: how layers are run together follows from what they are.
fn same_layer(a: &Arc<dyn Layer>, b: &Arc<dyn Layer>) -> bool {
    let (parts, others) = (a.parts(), b.parts());
    let mut pairs = parts.iter().zip(others);
    Arc::ptr_eq(a, b)
        || !parts.is_empty() && parts.len() == others.len() && pairs.all(|(a, b)| Arc::ptr_eq(a, b))
}

fn same_source(a: &Origin, b: &Origin) -> bool {
    match (a, b) {
        (Origin::Input(a), Origin::Input(b)) | (Origin::Step(a), Origin::Step(b)) => a == b,
        (Origin::Constant(a), Origin::Constant(b)) => {
            let (x, y) = (a.iter().map(|v| v.to_bits()), b.iter().map(|v| v.to_bits()));
            Arc::ptr_eq(a, b) || x.eq(y)
        }
        _ => false,
    }
}
