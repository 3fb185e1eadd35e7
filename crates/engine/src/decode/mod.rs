//! [`Prompted`] → low-resolution logits, and of some models whether anything is there: the query-decoupled modality decoder
//! (QDMD).

use std::sync::Arc;

use crate::model::runtime::{Graph, GraphError, Input, Threads};
use crate::self_prompt::Prompted;
use picture::mask::LogitMap;

/// The decoder, shared by all modalities: the index picks the mask query.
#[derive(Clone, Debug)]
pub struct Decoder(Arc<Graph>);

/// What the decoder says of one modality.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodedMask {
    /// Its mask's logits, `side/4` cells per side.
    pub low_res: LogitMap,
    /// The logit of anything being there at all, a finite number; `None` if the graph does not say.
    pub presence: Option<f32>,
}

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

    /// What it says of one modality.
    ///
    /// # Errors
    /// An embedding of another shape, a presence that is no number, or a fault of the runtime.
    pub fn run(
        &self,
        threads: &Threads,
        prompted: &Prompted,
        modality: usize,
    ) -> Result<DecodedMask, GraphError> {
        let query = Self::query(modality)?;
        let outputs = self.0.run(threads, &Self::inputs(prompted, &query))?;
        let mut outputs = outputs.into_iter();
        let logits = outputs.next().ok_or("the decoder gave nothing")?;
        let presence = outputs
            .next()
            .and_then(|tensor| tensor.data.first().copied());
        if presence.is_some_and(|logit| !logit.is_finite()) {
            return Err("the presence logit is not a finite number".into());
        }
        Ok(DecodedMask {
            low_res: LogitMap::try_from(logits).map_err(GraphError::of)?,
            presence,
        })
    }
}
