/// A square map of float32 logits, row-major; probability = sigmoid(logit), target where logit ≥ 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogitMap {
    /// Cells per side.
    pub side: usize,
    /// `side * side` values.
    pub logits: Vec<f32>,
}
