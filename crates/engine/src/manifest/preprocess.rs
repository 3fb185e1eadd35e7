use serde::Deserialize;

/// From RGB to the encoder's input.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreprocessSpec {
    /// A name for people; the numbers below are what counts.
    pub profile: String,
    /// How the picture becomes square.
    pub resize: Resize,
    /// Subtracted per channel (R, G, B), on the 0..=255 scale.
    pub mean: [f32; 3],
    /// Divided by per channel (R, G, B), on the 0..=255 scale.
    pub std: [f32; 3],
}

/// How the picture becomes square.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resize {
    /// Aspect ratio squashed; bilinear with half-pixel centres, no antialiasing, edges clamped, float32, no rounding.
    BilinearSquash,
    /// The same, but shrunk through a triangle filter as wide as the shrinking asks for (antialiased).
    TriangleSquash,
}

impl PreprocessSpec {
    pub(super) fn check(&self) -> Result<(), String> {
        let Self { mean, std, .. } = self;
        if !mean.iter().all(|mean| mean.is_finite()) {
            return Err(format!(
                "preprocess.mean: expected finite numbers, found {mean:?}"
            ));
        }
        if !std.iter().all(|std| std.is_normal() && *std > 0.0) {
            return Err(format!(
                "preprocess.std: expected numbers above 0, found {std:?}"
            ));
        }
        Ok(())
    }
}
