//! The network's operators, each a node of `docs/nodes.md`, and the program they form.
//!
//! A [`Node`] says what is computed; [`Layer`]s are nodes whose weights are packed for a CPU; a [`Program`] is layers in
//! order with their places in one arena. Nothing here knows ONNX or a runtime.

mod attention;
mod build;
mod cache;
mod classify;
mod common;
mod fact;
mod fuse;
mod geometry;
#[cfg(test)]
mod golden;
mod kind;
mod layer;
mod linear;
mod link;
mod node;
mod plain;
mod program;
mod quantized;
mod step;
#[cfg(test)]
mod tests;
mod values;

pub use build::build;
pub use cache::LayerCache;
pub use fact::{Constant, Data, ElementType, Fact, NodeInput, NodeInputs};
pub use kind::NodeKind;
pub use layer::Layer;
pub use link::Link;
pub use node::{Attributes, Node};
pub use program::Program;
pub use step::{Origin, Step};
