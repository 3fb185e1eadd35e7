//! [`Image`] → [`Embedding`]: ESP-MedSAM's image encoder with the modality's controller inside.

use std::sync::Arc;

use crate::model::runtime::{Graph, Input, Tensor32, Threads};
use crate::preprocess::Image;

/// The image embedding, `[1, 256, side/16, side/16]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding(pub Tensor32);

/// The encoder of one modality.
#[derive(Clone, Debug)]
pub struct Encoder(Arc<Graph>);

impl Encoder {
    /// Wraps a graph of [`crate::model::contract::Role::Encoder`].
    #[must_use]
    pub fn new(graph: Arc<Graph>) -> Self {
        Self(graph)
    }

    /// Encodes one picture.
    ///
    /// # Errors
    /// A picture of another side, or a fault of the runtime.
    pub fn run(&self, threads: &Threads, image: &Image) -> Result<Embedding, String> {
        let mut outputs = self.0.run(threads, &[Input::F32(&image.chw)])?;
        outputs
            .pop()
            .map(Embedding)
            .ok_or_else(|| "the encoder gave nothing".into())
    }
}
