//! One layer of a program, and where its inputs come from.

use std::sync::Arc;

use super::fact::Fact;
use super::layer::Layer;

/// Where a value comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// The program's input of this number.
    Input(usize),
    /// The output of the step of this number.
    Step(usize),
    /// Floats known at load.
    Constant(Arc<Vec<f32>>),
}

/// One layer of a program.
#[derive(Clone, Debug)]
pub struct Step {
    /// The node's name in the file.
    pub name: String,
    /// What it computes.
    pub layer: Arc<dyn Layer>,
    /// Where its inputs come from.
    pub inputs: Vec<Origin>,
    /// Type and shape of its output: floats or unsigned bytes.
    pub output: Fact,
    /// What kind of node it is, or which kinds in a row.
    pub kind: &'static str,
    /// Multiplications of one run.
    pub multiplications: u64,
}
