//! The weights of a one-dimensional resize.

use std::ops::Range;

use crate::manifest::Resize;

/// For each output sample, the input samples it is made of and their weights (which sum to 1).
#[derive(Clone, Debug)]
pub(super) struct Taps {
    ranges: Vec<Range<usize>>,
    /// Weights of all outputs one after the other; `starts[out]` is where those of `out` begin.
    weights: Vec<f32>,
    starts: Vec<usize>,
}

impl Taps {
    /// `output` samples over `input` ones, half-pixel centres.
    ///
    /// Bilinear: the two nearest, edges clamped (what `cv2.resize(…, INTER_LINEAR)` does). Triangle: the same
    /// triangle, as much wider as the shrinking asks for and cut off at the edges (what Pillow's `BILINEAR` and
    /// PyTorch's `interpolate(antialias=True)` do); the two agree where nothing shrinks.
    pub(super) fn new(resize: Resize, input: usize, output: usize) -> Self {
        let mut taps = Self {
            ranges: Vec::with_capacity(output),
            weights: Vec::new(),
            starts: Vec::with_capacity(output),
        };
        let mut weights: Vec<f64> = Vec::new();
        let scale = input as f64 / output as f64;
        let reach = match resize {
            Resize::BilinearSquash => 1.0,
            Resize::TriangleSquash => scale.max(1.0),
        };
        let last = input.saturating_sub(1);
        for out in 0..output {
            let mut centre = (out as f64 + 0.5) * scale - 0.5;
            if resize == Resize::BilinearSquash {
                centre = centre.clamp(0.0, last as f64);
            }
            let first = (centre - reach).floor().max(0.0) as usize;
            let end = ((centre + reach).ceil() as usize).min(last);
            weights.clear();
            weights.extend(
                (first..=end).map(|ix| (1.0 - (ix as f64 - centre).abs() / reach).max(0.0)),
            );
            // Samples of no weight at either end are left out.
            let skipped = weights.iter().take_while(|weight| **weight == 0.0).count();
            let kept = weights
                .iter()
                .rposition(|weight| *weight > 0.0)
                .map_or(skipped, |ix| ix + 1);
            let sum: f64 = weights.iter().sum();
            taps.ranges.push(first + skipped..first + kept);
            taps.starts.push(taps.weights.len());
            taps.weights.extend(
                weights[skipped..kept]
                    .iter()
                    .map(|weight| (weight / sum) as f32),
            );
        }
        taps
    }

    /// The input samples of an output.
    pub(super) fn range(&self, out: usize) -> Range<usize> {
        self.ranges[out].clone()
    }

    /// Weight of input sample `ix`, which must lie in `range(out)`.
    pub(super) fn weight(&self, out: usize, ix: usize) -> f32 {
        self.weights[self.starts[out] + ix - self.ranges[out].start]
    }

    /// Filters one row of interleaved 8-bit RGB into `out`: the reds, then the greens, then the blues.
    pub(super) fn filter_rgb(&self, rgb: &[u8], out: &mut [f32]) {
        let side = self.ranges.len();
        let (red, rest) = out.split_at_mut(side);
        let (green, blue) = rest.split_at_mut(side);
        let outputs = red.iter_mut().zip(green).zip(blue);
        for ((range, start), ((red, green), blue)) in
            self.ranges.iter().zip(&self.starts).zip(outputs)
        {
            let weights = &self.weights[*start..][..range.len()];
            let mut sum = [0.0f32; 3];
            for (pixel, weight) in rgb[3 * range.start..3 * range.end]
                .as_chunks::<3>()
                .0
                .iter()
                .zip(weights)
            {
                for (sum, value) in sum.iter_mut().zip(pixel) {
                    *sum += weight * f32::from(*value);
                }
            }
            [*red, *green, *blue] = sum;
        }
    }
}
