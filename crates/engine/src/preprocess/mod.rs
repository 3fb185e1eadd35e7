//! [`Frame`] → normalised float32 tensor, exactly as the manifest says.

mod filter;
mod white_balance;

use compute::kernels::Cpu;
use compute::kernels::resize::Squash;

use self::filter::taps;
use crate::manifest::{ModelSpec, PreprocessSpec, Resize, WhiteBalanceSpec};
use picture::frame::Frame;

/// Squashes a picture to a square and normalises it: a separable filter ([`Resize`]), half-pixel centres, float32
/// throughout and no rounding in between, the light's colour where it is asked for, then `(x - mean) / std` per channel on
/// the 0..=255 scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Preprocess {
    side: usize,
    resize: Resize,
    mean: [f32; 3],
    std: [f32; 3],
    white_balance: Option<WhiteBalanceSpec>,
}

/// The encoder's input, channels first.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Pixels per side.
    pub side: usize,
    /// `3 * side * side` values: the R plane, then G, then B, each row-major.
    pub chw: Vec<f32>,
}

impl Preprocess {
    /// As the manifest says for this model.
    #[must_use]
    pub fn new(model: &ModelSpec) -> Self {
        Self::of(model.side, &model.preprocess)
    }

    /// To this side, by these numbers.
    #[must_use]
    pub fn of(side: usize, spec: &PreprocessSpec) -> Self {
        Self {
            side,
            resize: spec.resize,
            mean: spec.mean,
            std: spec.std,
            white_balance: None,
        }
    }

    /// With a modality's colour constancy.
    #[must_use]
    pub fn balanced(self, white_balance: Option<WhiteBalanceSpec>) -> Self {
        Self {
            white_balance,
            ..self
        }
    }

    /// Resizes and normalises.
    #[must_use]
    pub fn run(&self, frame: &Frame) -> Image {
        let side = self.side;
        let plane = side * side;
        let [width, height] = frame.size().map(|length| length as usize);
        let mut chw = vec![0.0; 3 * plane];
        let squash = Squash {
            rgb: frame.rgb(),
            width,
            columns: &taps(self.resize, width, side),
            rows: &taps(self.resize, height, side),
        };
        squash.run(Cpu::best(), &mut chw);
        if let Some(white_balance) = &self.white_balance {
            white_balance::balance(&mut chw, white_balance);
        }
        for channel in 0..3 {
            let (mean, std) = (self.mean[channel], self.std[channel]);
            for value in &mut chw[channel * plane..][..plane] {
                *value = (*value - mean) / std;
            }
        }
        Image { side, chw }
    }
}

#[cfg(test)]
mod tests;
