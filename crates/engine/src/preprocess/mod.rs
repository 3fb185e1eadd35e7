//! [`Frame`] → normalised float32 tensor, exactly as the manifest says.

mod filter;
mod white_balance;

use self::filter::Taps;
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

    /// Resizes and normalises. Each input row is read once: filtered along x, then added to the output rows it
    /// touches, so that the work space is one row whatever the picture's height.
    #[must_use]
    pub fn run(&self, frame: &Frame) -> Image {
        let side = self.side;
        let plane = side * side;
        let columns = Taps::new(self.resize, frame.width() as usize, side);
        let rows = Taps::new(self.resize, frame.height() as usize, side);
        let mut chw = vec![0.0; 3 * plane];
        let mut filtered = vec![0.0; 3 * side];
        let stride = 3 * frame.width() as usize;
        let mut open = 0;
        for (y, rgb) in frame.rgb().chunks_exact(stride).enumerate() {
            // Both ends of the taps only ever move down, so the output rows that an input row touches are a range.
            while open < side && rows.range(open).end <= y {
                open += 1;
            }
            let touched = (open..side)
                .take_while(|&out| rows.range(out).start <= y)
                .count();
            if touched == 0 {
                continue;
            }
            columns.filter_rgb(rgb, &mut filtered);
            for out in open..open + touched {
                let weight = rows.weight(out, y);
                for channel in 0..3 {
                    let row = &mut chw[channel * plane + out * side..][..side];
                    for (sum, value) in row.iter_mut().zip(&filtered[channel * side..][..side]) {
                        *sum += weight * value;
                    }
                }
            }
        }
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
