//! The network's operators, each a node of `docs/nodes.md`, and the program they form.
//!
//! A [`Node`] says what is computed; [`Layer`]s are nodes whose weights are packed for a CPU; a [`Program`] is layers in
//! order with their places in one arena. Nothing here knows ONNX or a runtime.

mod attention;
mod build;
mod cache;
mod common;
mod fact;
mod fuse;
#[cfg(test)]
mod golden;
mod kind;
mod linear;
mod node;
mod plain;
mod program;
mod quantized;
#[cfg(test)]
mod tests;

pub use build::build;
pub use cache::LayerCache;
pub use fact::{Constant, Data, Element, Fact, Input, Inputs};
pub use fuse::Link;
pub use kind::Kind;
pub use node::{Attributes, Node};
pub use program::{Program, Source, Step};

use std::fmt::Debug;
use std::sync::Arc;

use crate::kernels::{Exec, Out, Quant, Value, ValueMut};

/// A node ready to run: weights packed, shapes fixed.
pub trait Layer: Debug + Send + Sync {
    /// Bytes of working memory for each thread.
    fn scratch(&self) -> usize {
        0
    }

    /// Floats of working memory shared by all threads.
    fn work(&self) -> usize {
        0
    }

    /// What it is as part of a chain of layers that are run together, if it can be one.
    fn link(&self) -> Option<Link> {
        None
    }

    /// The layers it was made from, if it stands for several in a row.
    fn parts(&self) -> &[Arc<dyn Layer>] {
        &[]
    }

    /// Computes the output from the inputs that are not constant, in the node's order. Element types and lengths are
    /// those of the facts the layer was built with; `work` has the length that [`Layer::work`] says.
    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], work: &mut [f32], output: ValueMut<'_>);
}

/// A value that facts say is floats.
fn floats<'a>(value: &Value<'a>) -> &'a [f32] {
    match *value {
        Value::F32(floats) => floats,
        _ => unreachable!("facts were checked when the layer was built"),
    }
}

/// A value that facts say is bytes.
fn bytes<'a>(value: &Value<'a>) -> &'a [u8] {
    match *value {
        Value::U8(bytes) => bytes,
        _ => unreachable!("facts were checked when the layer was built"),
    }
}

/// An output that facts say is floats.
fn floats_mut(output: ValueMut<'_>) -> &mut [f32] {
    match output {
        ValueMut::F32(floats) => floats,
        ValueMut::U8(_) => unreachable!("facts were checked when the layer was built"),
    }
}

/// Where a float operator's result goes: quantized if the output is bytes.
fn out(output: ValueMut<'_>, quant: Option<Quant>) -> Out<'_> {
    match (output, quant) {
        (ValueMut::F32(floats), None) => Out::F32(floats),
        (ValueMut::U8(bytes), Some(quant)) => Out::U8(quant, bytes),
        _ => unreachable!("facts were checked when the layer was built"),
    }
}
