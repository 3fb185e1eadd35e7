//! [`Image`] → [`Embedding`]: ESP-MedSAM's image encoder with the modality's controller inside.

use std::sync::Arc;

use crate::model::runtime::{Graph, GraphError, Input, Tensor32, Threads};
use crate::preprocess::Image;

/// The image embedding, `[1, 256, side/16, side/16]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding(pub Tensor32);

/// The encoder of one modality.
#[derive(Clone, Debug)]
pub struct Encoder(Arc<Graph>);

impl Encoder {
    /// Wraps a graph of [`crate::manifest::contract::Role::Encoder`].
    #[must_use]
    pub fn new(graph: Arc<Graph>) -> Self {
        Self(graph)
    }

    /// What the graph takes.
    pub(crate) fn inputs(image: &Image) -> [Input<'_>; 1] {
        [Input::F32(&image.chw)]
    }

    /// Encodes one picture.
    ///
    /// # Errors
    /// A picture of another side, or a fault of the runtime.
    pub fn run(&self, threads: &Threads, image: &Image) -> Result<Embedding, GraphError> {
        let mut embeddings = Self::run_each(std::slice::from_ref(self), threads, image)?;
        embeddings
            .pop()
            .ok_or_else(|| "the encoder gave nothing".into())
    }

    /// Encodes one picture for several modalities, an embedding for each encoder, bit for bit those of
    /// [`Encoder::run`]. What they begin with in common runs once: the layers before the first that a modality has its
    /// own weights in.
    ///
    /// # Errors
    /// As [`Encoder::run`].
    pub fn run_each(
        encoders: &[Self],
        threads: &Threads,
        image: &Image,
    ) -> Result<Vec<Embedding>, GraphError> {
        let graphs: Vec<&Graph> = encoders.iter().map(|encoder| &*encoder.0).collect();
        let ports = graphs.iter().flat_map(|graph| &graph.contract().outputs);
        let mut outputs: Vec<Tensor32> = ports.map(Tensor32::zeros).collect();
        let inputs = Self::inputs(image);
        Graph::run_each(&graphs, threads, &inputs, &mut outputs, &mut |_, _| ())?;
        Ok(outputs.into_iter().map(Embedding).collect())
    }
}
