use super::runtime::Tensor32;

/// A square map of float32 logits, row-major; probability = sigmoid(logit), target where logit ≥ 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogitMap {
    /// Cells per side.
    pub side: usize,
    /// `side * side` values.
    pub logits: Vec<f32>,
}

impl From<Tensor32> for LogitMap {
    /// From a `[1, 1, side, side]` tensor.
    fn from(tensor: Tensor32) -> Self {
        Self {
            side: tensor.shape.last().copied().unwrap_or_default(),
            logits: tensor.data,
        }
    }
}
