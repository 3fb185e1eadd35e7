//! [`Embedding`] → patch map and prompted embedding: the self-patch prompt generator (SPPG), which stands where
//! other models want a box or a click.

use std::sync::Arc;

use crate::encode::Embedding;
use crate::model::runtime::{Graph, GraphError, Input, Tensor32, Threads};
use picture::mask::LogitMap;

/// The embedding with the self-made prompt added, `[1, 256, side/16, side/16]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompted(pub Tensor32);

/// The self-prompt generator.
#[derive(Clone, Debug)]
pub struct SelfPrompt(Arc<Graph>);

impl SelfPrompt {
    /// Wraps a graph of [`crate::manifest::contract::Role::SelfPrompt`].
    #[must_use]
    pub fn new(graph: Arc<Graph>) -> Self {
        Self(graph)
    }

    /// What the graph takes.
    pub(crate) fn inputs(embedding: &Embedding) -> [Input<'_>; 1] {
        [Input::F32(&embedding.0.data)]
    }

    /// Where the model looks (`side/32` cells per side), and the embedding prompted accordingly.
    ///
    /// # Errors
    /// An embedding of another shape, or a fault of the runtime.
    pub fn run(
        &self,
        threads: &Threads,
        embedding: &Embedding,
    ) -> Result<(LogitMap, Prompted), GraphError> {
        let outputs = self.0.run(threads, &Self::inputs(embedding))?;
        match <[Tensor32; 2]>::try_from(outputs) {
            Ok([patch, prompted]) => {
                let patch = LogitMap::try_from(patch).map_err(GraphError::of)?;
                Ok((patch, Prompted(prompted)))
            }
            Err(outputs) => Err(format!(
                "expected 2 outputs of the self-prompt, found {}",
                outputs.len()
            )
            .into()),
        }
    }
}
