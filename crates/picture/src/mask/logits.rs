use super::MaskError;

/// A square map of float32 logits, row-major, at least one; probability = sigmoid(logit), target where logit ≥ 0.
#[derive(Clone, Debug, PartialEq)]
pub struct LogitMap {
    side: usize,
    logits: Vec<f32>,
}

impl LogitMap {
    /// A map of `side * side` values, row-major.
    ///
    /// # Errors
    /// [`MaskError::NotSquare`] if there are more or fewer, or none.
    pub fn new(side: usize, logits: Vec<f32>) -> Result<Self, MaskError> {
        let len = logits.len();
        if side == 0 || side.checked_mul(side) != Some(len) {
            return Err(MaskError::NotSquare { side, len });
        }
        Ok(Self { side, logits })
    }

    /// Cells per side.
    #[must_use]
    pub fn side(&self) -> usize {
        self.side
    }

    /// `side * side` values, row-major.
    #[must_use]
    pub fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// As [`LogitMap::logits`], to be changed.
    #[must_use]
    pub fn logits_mut(&mut self) -> &mut [f32] {
        &mut self.logits
    }

    /// Becomes as another, in the memory it has if that is enough.
    pub fn copy_from(&mut self, other: &Self) {
        self.side = other.side;
        self.logits.clone_from(&other.logits);
    }

    /// As [`LogitMap::logits`], for who needs the map no more.
    #[must_use]
    pub fn into_logits(self) -> Vec<f32> {
        self.logits
    }
}
