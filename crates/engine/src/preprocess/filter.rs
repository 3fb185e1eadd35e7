//! The weights of a one-dimensional resize.

use compute::kernels::resize::Taps;

use crate::manifest::Resize;

/// `output` samples over `input` ones, half-pixel centres; the weights of each sum to 1.
///
/// Bilinear: the two nearest, edges clamped (what `cv2.resize(…, INTER_LINEAR)` does). Triangle: the same
/// triangle, as much wider as the shrinking asks for and cut off at the edges (what Pillow's `BILINEAR` and
/// PyTorch's `interpolate(antialias=True)` do); the two agree where nothing shrinks.
pub(super) fn taps(resize: Resize, input: usize, output: usize) -> Taps {
    let mut taps = Taps::default();
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
        weights.extend((first..=end).map(|ix| (1.0 - (ix as f64 - centre).abs() / reach).max(0.0)));
        // Samples of no weight at either end are left out.
        let skipped = weights.iter().take_while(|weight| **weight == 0.0).count();
        let kept = weights
            .iter()
            .rposition(|weight| *weight > 0.0)
            .map_or(skipped, |ix| ix + 1);
        let sum: f64 = weights.iter().sum();
        let kept = weights[skipped..kept].iter();
        taps.push(first + skipped, kept.map(|weight| (weight / sum) as f32));
    }
    taps
}
