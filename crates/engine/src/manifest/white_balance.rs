use serde::Deserialize;

/// Another device's light drawn towards the one that the network learned from; `crate::preprocess` says how.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhiteBalanceSpec {
    /// Colour of the training pictures' light, R, G, B: their Minkowski means of order 6, divided by the mean of the
    /// three, in the geometric mean over the pictures.
    pub usual: [f32; 3],
    /// How far a picture's light is drawn there: 0 leaves it, 1 makes it the usual one.
    pub strength: f32,
}

impl WhiteBalanceSpec {
    pub(super) fn check(&self) -> Result<(), String> {
        if !self.usual.iter().all(|v| (0.01..=3.0).contains(v)) {
            return Err(format!(
                "white_balance.usual: expected numbers within 0.01..=3, found {:?}",
                self.usual
            ));
        }
        if !(0.0..=1.0).contains(&self.strength) {
            return Err(format!(
                "white_balance.strength: expected 0..=1, found {}",
                self.strength
            ));
        }
        Ok(())
    }
}
