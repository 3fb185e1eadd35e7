/// Whether a picture looks like the modality it was sent as.
#[derive(Clone, Debug, PartialEq)]
pub struct ModalityCheck {
    /// The modality's score, 0..=1.
    pub score: f32,
    /// The score below which it is a mismatch.
    pub threshold: f32,
    /// What it looks most like: a modality, or "other".
    pub likeliest: String,
    /// That one's score.
    pub likeliest_score: f32,
    /// What it plainly is with black for white, where that is what was asked for and it looks otherwise as it is.
    pub inverted: Option<Inverted>,
}

/// A picture whose grey values are reversed: MONOCHROME1 saved as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Inverted {
    /// The modality that the inverse (255 - v) looks most like.
    pub modality: String,
    /// The inverse's score, 0..=1.
    pub score: f32,
}

impl ModalityCheck {
    /// Whether the picture is plainly not of the modality, or is inverted.
    #[must_use]
    pub fn is_mismatch(&self) -> bool {
        // A score that is no number is none that vouches for anything.
        self.score.is_nan() || self.score < self.threshold || self.inverted.is_some()
    }
}
