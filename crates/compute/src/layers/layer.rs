//! What every node becomes.

use std::fmt::Debug;
use std::sync::Arc;

use super::link::Link;
use crate::kernels::{Exec, Value, ValueMut};

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
