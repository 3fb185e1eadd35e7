//! [`Frame`] → normalised float32 tensor, exactly as the manifest says.

use crate::frame::Frame;
use crate::model::manifest::{ModelSpec, Resize};

/// Squashes a picture to a square and normalises it.
///
/// Bilinear with half-pixel centres, no antialiasing, edges clamped, float32 throughout and no rounding in between
/// (what `cv2.resize(…, INTER_LINEAR)` does on float32), then `(x - mean) / std` per channel on the 0..=255 scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Preprocess {
    side: usize,
    mean: [f32; 3],
    std: [f32; 3],
}

/// The encoder's input, channels first.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Pixels per side.
    pub side: usize,
    /// `3 * side * side` values: the R plane, then G, then B, each row-major.
    pub chw: Vec<f32>,
}

/// Where one output sample lies between two input samples.
#[derive(Clone, Copy, Debug)]
struct Tap {
    low: usize,
    high: usize,
    /// Weight of `high`; that of `low` is one minus this.
    weight: f32,
}

impl Preprocess {
    /// As the manifest says for this model.
    #[must_use]
    pub fn new(model: &ModelSpec) -> Self {
        // The only way so far; a second one will have to be told apart here.
        let Resize::BilinearSquash = model.preprocess.resize;
        Self {
            side: model.side,
            mean: model.preprocess.mean,
            std: model.preprocess.std,
        }
    }

    /// Resizes and normalises. Separable: each input row is interpolated along x at most once, then rows along y.
    #[must_use]
    pub fn run(&self, frame: &Frame) -> Image {
        let side = self.side;
        let plane = side * side;
        let columns = taps(frame.width as usize, side);
        let mut rows = Rows {
            frame,
            columns: &columns,
            held: [Row::new(side), Row::new(side)],
        };
        let mut chw = vec![0.0; 3 * plane];
        for (y, tap) in taps(frame.height as usize, side).into_iter().enumerate() {
            let [low, high] = rows.pair(tap);
            for channel in 0..3 {
                let (mean, std) = (self.mean[channel], self.std[channel]);
                let part = channel * side..(channel + 1) * side;
                let out = &mut chw[channel * plane + y * side..][..side];
                for ((out, low), high) in out.iter_mut().zip(&low[part.clone()]).zip(&high[part]) {
                    *out = (low * (1.0 - tap.weight) + high * tap.weight - mean) / std;
                }
            }
        }
        Image { side, chw }
    }
}

/// Taps for `output` samples over `input` ones, half-pixel centres, clamped at both ends.
fn taps(input: usize, output: usize) -> Vec<Tap> {
    let scale = input as f64 / output as f64;
    let last = input.saturating_sub(1);
    (0..output)
        .map(|ix| {
            let centre = ((ix as f64 + 0.5) * scale - 0.5).clamp(0.0, last as f64);
            let low = centre.floor() as usize;
            Tap {
                low,
                high: (low + 1).min(last),
                weight: (centre - centre.floor()) as f32,
            }
        })
        .collect()
}

/// Input rows interpolated along x. Consecutive output rows share input rows, so the last two are held.
struct Rows<'a> {
    frame: &'a Frame,
    columns: &'a [Tap],
    held: [Row; 2],
}

struct Row {
    y: Option<usize>,
    /// `3 * side` values, one channel after the other.
    values: Vec<f32>,
}

impl Row {
    fn new(side: usize) -> Self {
        Self {
            y: None,
            values: vec![0.0; 3 * side],
        }
    }
}

impl Rows<'_> {
    /// The two rows of a tap; the same one twice where they coincide.
    fn pair(&mut self, tap: Tap) -> [&[f32]; 2] {
        // Going down the picture, the row that was below is usually the one above now.
        if self.held[1].y == Some(tap.low) {
            self.held.swap(0, 1);
        }
        self.fill(0, tap.low);
        if tap.high == tap.low {
            return [&self.held[0].values, &self.held[0].values];
        }
        self.fill(1, tap.high);
        [&self.held[0].values, &self.held[1].values]
    }

    fn fill(&mut self, slot: usize, y: usize) {
        let row = &mut self.held[slot];
        if row.y == Some(y) {
            return;
        }
        row.y = Some(y);
        let side = self.columns.len();
        let width = self.frame.width as usize;
        let rgb = &self.frame.rgb[3 * width * y..][..3 * width];
        let (red, rest) = row.values.split_at_mut(side);
        let (green, blue) = rest.split_at_mut(side);
        for (((tap, red), green), blue) in self.columns.iter().zip(red).zip(green).zip(blue) {
            let (low, high) = (&rgb[3 * tap.low..][..3], &rgb[3 * tap.high..][..3]);
            let mix = |channel: usize| {
                f32::from(low[channel]) * (1.0 - tap.weight) + f32::from(high[channel]) * tap.weight
            };
            (*red, *green, *blue) = (mix(0), mix(1), mix(2));
        }
    }
}

#[cfg(test)]
mod tests;
