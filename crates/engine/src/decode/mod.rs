//! [`Prompted`] → low-resolution logits: the query-decoupled modality decoder (QDMD).

use std::sync::Arc;

use crate::model::runtime::{Graph, GraphError, Input, Threads};
use crate::self_prompt::Prompted;
use picture::mask::LogitMap;

/// The decoder, shared by all modalities: the index picks the mask query.
#[derive(Clone, Debug)]
pub struct Decoder(Arc<Graph>);

impl Decoder {
    /// Wraps a graph of [`crate::manifest::contract::Role::Decoder`].
    #[must_use]
    pub fn new(graph: Arc<Graph>) -> Self {
        Self(graph)
    }

    /// A modality's mask query as the graph takes it.
    pub(crate) fn query(modality: usize) -> Result<[i64; 1], GraphError> {
        Ok([i64::try_from(modality).map_err(GraphError::of)?])
    }

    /// What the graph takes.
    pub(crate) fn inputs<'a>(prompted: &'a Prompted, query: &'a [i64; 1]) -> [Input<'a>; 2] {
        [Input::F32(&prompted.0.data), Input::I64(query)]
    }

    /// The logits of one modality's mask, `side/4` cells per side.
    ///
    /// # Errors
    /// An embedding of another shape, or a fault of the runtime.
    pub fn run(
        &self,
        threads: &Threads,
        prompted: &Prompted,
        modality: usize,
    ) -> Result<LogitMap, GraphError> {
        let query = Self::query(modality)?;
        let mut outputs = self.0.run(threads, &Self::inputs(prompted, &query))?;
        let logits = outputs.pop().ok_or("the decoder gave nothing")?;
        LogitMap::try_from(logits).map_err(GraphError::of)
    }
}
