//! Low-resolution logits → mask at the frame's size.

use super::{LogitMap, Mask, MaskError};

/// A mask and how sure the model is of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Upsampled {
    /// Target where the interpolated logit ≥ 0.
    pub mask: Mask,
    /// Mean of sigmoid(logit) over the mask's pixels, 0.5..=1; `None` if the mask is empty.
    pub probability: Option<f32>,
}

/// Interpolates a map of logits to `width` × `height` and thresholds it at 0.
///
/// Bilinear with half-pixel centres and clamped edges, no antialiasing: PyTorch's
/// `F.interpolate(mode="bilinear", align_corners=False)`, by which the official code maps its logits to the
/// picture. The interpolated logits are never stored: a row at a time, and in a row only where the target is.
///
/// # Errors
/// [`MaskError`]: a size of 0, a logit that is NaN or infinite.
pub fn upsample(map: &LogitMap, width: u32, height: u32) -> Result<Upsampled, MaskError> {
    let (side, logits) = (map.side(), map.logits());
    if let Some(at) = logits.iter().position(|v| !v.is_finite()) {
        return Err(MaskError::NotFinite {
            row: at / side,
            column: at % side,
        });
    }
    let mut mask = Mask::empty(width, height)?;
    let segments = Segment::all(side, width as usize);
    let (columns, rows) = (taps(side, width as usize), taps(side, height as usize));
    let mut row = vec![0_f32; side];
    let mut line = vec![0_f32; width as usize];
    let (mut sum, mut count) = (0_f64, 0_u64);

    for (tap, pixels) in rows
        .iter()
        .zip(mask.pixels.chunks_exact_mut(width as usize))
    {
        let (upper, lower) = (
            &logits[tap.low * side..][..side],
            &logits[tap.high * side..][..side],
        );
        for ((v, a), b) in row.iter_mut().zip(upper).zip(lower) {
            *v = tap.between(*a, *b);
        }
        for segment in &segments {
            let (a, b) = (row[segment.low], row[segment.high]);
            if a < 0.0 && b < 0.0 {
                continue; // nothing between two negatives reaches 0
            }
            let span = segment.start..segment.end;
            let logits = &mut line[span.clone()];
            for (logit, tap) in logits.iter_mut().zip(&columns[span.clone()]) {
                *logit = tap.between(a, b);
            }
            for (pixel, value) in pixels[span].iter_mut().zip(logits.iter_mut()) {
                let target = *value >= 0.0;
                *pixel = if target { 255 } else { 0 };
                *value = if target { sigmoid(*value) } else { 0.0 };
                count += u64::from(target);
            }
            sum += f64::from(logits.iter().sum::<f32>());
        }
    }
    let probability = (count > 0).then(|| (sum / count as f64) as f32);
    Ok(Upsampled { mask, probability })
}

/// Where one output sample lies between two input samples.
pub(super) struct Tap {
    pub low: usize,
    pub high: usize,
    /// Weight of `high`, 0..1.
    weight: f32,
}

impl Tap {
    /// Of the samples at `low` and `high`.
    pub fn between(&self, low: f32, high: f32) -> f32 {
        low * (1.0 - self.weight) + high * self.weight
    }
}

/// Taps of a line of `input` samples stretched to `output`.
pub(super) fn taps(input: usize, output: usize) -> Vec<Tap> {
    let scale = input as f32 / output as f32;
    let tap = |i| {
        let at = ((i as f32 + 0.5) * scale - 0.5).max(0.0);
        let low = (at as usize).min(input - 1);
        Tap {
            low,
            high: (low + 1).min(input - 1),
            weight: (at - low as f32).clamp(0.0, 1.0),
        }
    };
    (0..output).map(tap).collect()
}

/// Output columns `start..end` that lie between the same two input columns.
struct Segment {
    low: usize,
    high: usize,
    start: usize,
    end: usize,
}

impl Segment {
    fn all(input: usize, output: usize) -> Vec<Self> {
        let mut segments: Vec<Self> = Vec::with_capacity(input.min(output) + 1);
        for (i, tap) in taps(input, output).iter().enumerate() {
            match segments.last_mut() {
                Some(last) if last.low == tap.low => last.end = i + 1,
                _ => segments.push(Self {
                    low: tap.low,
                    high: tap.high,
                    start: i,
                    end: i + 1,
                }),
            }
        }
        segments
    }
}

/// 1 / (1 + e^-x), to within 1e-6.
pub(super) fn probability(logit: f32) -> f32 {
    match logit >= 0.0 {
        true => sigmoid(logit),
        false => 1.0 - sigmoid(-logit),
    }
}

/// 1 / (1 + e^-x) for x ≥ 0, to within 1e-6.
///
/// e^-x is 2^-n · e^t with |t| ≤ ln 2 / 2 by its Taylor series: no call and no table, so that the loop over a
/// row can be vectorised on every target.
fn sigmoid(x: f32) -> f32 {
    let scaled = x.min(60.0) * std::f32::consts::LOG2_E;
    let n = (scaled + 0.5) as i32;
    let t = (n as f32 - scaled) * std::f32::consts::LN_2;
    let series = 1.0
        + t * (1.0
            + t * (1.0 / 2.0 + t * (1.0 / 6.0 + t * (1.0 / 24.0 + t * (1.0 / 120.0 + t / 720.0)))));
    let power = f32::from_bits((127_i32.wrapping_sub(n) as u32) << 23);
    1.0 / (1.0 + series * power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn map(logits: &[f32]) -> LogitMap {
        LogitMap::new(logits.len().isqrt(), logits.to_vec()).unwrap()
    }

    /// The definition, one pixel at a time in double precision.
    fn reference(logits: &[f32], side: usize, x: usize, y: usize, size: (usize, usize)) -> f64 {
        let place = |i: usize, n: usize| {
            ((i as f64 + 0.5) * side as f64 / n as f64 - 0.5).clamp(0.0, (side - 1) as f64)
        };
        let (u, v) = (place(x, size.0), place(y, size.1));
        let (i, j) = (u.floor() as usize, v.floor() as usize);
        let at = |i: usize, j: usize| f64::from(logits[j.min(side - 1) * side + i.min(side - 1)]);
        let (fu, fv) = (u.fract(), v.fract());
        (at(i, j) * (1.0 - fu) + at(i + 1, j) * fu) * (1.0 - fv)
            + (at(i, j + 1) * (1.0 - fu) + at(i + 1, j + 1) * fu) * fv
    }

    proptest! {
        #[test]
        fn equals_its_definition(
            side in 1_usize..9, width in 1_u32..40, height in 1_u32..40, seed in prop::collection::vec(-9.0_f32..9.0, 64),
        ) {
            let logits = &seed[..side * side];
            let result = upsample(&map(logits), width, height).unwrap();
            let (mut sum, mut count, mut unsure) = (0.0, 0, 0);
            for y in 0..height as usize {
                for x in 0..width as usize {
                    let logit = reference(logits, side, x, y, (width as usize, height as usize));
                    let target = result.mask.pixels[y * width as usize + x] == 255;
                    if logit.abs() < 1e-4 {
                        unsure += 1; // single precision may fall on either side of 0
                    } else {
                        prop_assert_eq!(target, logit > 0.0, "at {},{}: {}", x, y, logit);
                    }
                    if target {
                        sum += 1.0 / (1.0 + (-logit).exp());
                        count += 1;
                    }
                }
            }
            prop_assert_eq!(result.probability.is_some(), count > 0);
            if let (Some(confidence), 0) = (result.probability, unsure) {
                prop_assert!((f64::from(confidence) - sum / f64::from(count)).abs() < 1e-5);
            }
        }
    }

    /// Values by PyTorch 2.15, `F.interpolate(t, size=(4, 6), mode="bilinear", align_corners=False)` with
    /// `t = [[-4, 2, 1], [3, -1, 5], [-2, 0.5, -6]]`, thresholded at 0; the mean of their sigmoid over the target.
    #[test]
    fn equals_pytorch() {
        let logits = [-4.0, 2.0, 1.0, 3.0, -1.0, 5.0, -2.0, 0.5, -6.0];
        let result = upsample(&map(&logits), 6, 4).unwrap();
        let rows: Vec<Vec<u8>> = result
            .mask
            .pixels
            .chunks(6)
            .map(|r| r.iter().map(|p| p / 255).collect())
            .collect();
        assert_eq!(
            rows,
            [
                [0, 0, 1, 1, 1, 1],
                [1, 1, 1, 1, 1, 1],
                [1, 1, 0, 0, 1, 1],
                [0, 0, 0, 0, 0, 0]
            ]
        );
        assert!((result.probability.unwrap() - 0.721_392_75).abs() < 1e-6);
    }

    #[test]
    fn logit_of_exactly_0_is_target() {
        let result = upsample(&map(&[0.0; 4]), 5, 3).unwrap();
        assert_eq!(result.mask.pixels, [255; 15]);
        assert_eq!(result.probability, Some(0.5));
    }

    #[test]
    fn all_negative_is_empty() {
        let result = upsample(&map(&[-1e-30; 9]), 7, 7).unwrap();
        assert_eq!(
            (result.mask.pixels, result.probability),
            (vec![0; 49], None)
        );
    }

    #[test]
    fn largest_logits_do_not_overflow() {
        let result = upsample(&map(&[f32::MAX, f32::MIN, f32::MIN, f32::MAX]), 64, 64).unwrap();
        assert_eq!((result.mask.pixels[0], result.mask.pixels[63]), (255, 0));
        assert!((result.probability.unwrap() - 1.0).abs() < 1e-3);
    }

    #[test]
    fn wrong_maps_are_refused() {
        assert!(matches!(
            LogitMap::new(2, vec![1.0; 3]),
            Err(MaskError::NotSquare { side: 2, len: 3 })
        ));
        assert!(matches!(
            LogitMap::new(0, Vec::new()),
            Err(MaskError::NotSquare { .. })
        ));
        assert!(matches!(
            upsample(&map(&[1.0; 4]), 0, 4),
            Err(MaskError::BadSize { .. })
        ));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let logits = [1.0, 1.0, bad, 1.0];
            assert!(matches!(
                upsample(&map(&logits), 4, 4),
                Err(MaskError::NotFinite { row: 1, column: 0 })
            ));
        }
    }

    #[test]
    fn sigmoid_is_accurate() {
        for i in 0..100_000 {
            let x = i as f32 * 1e-3;
            let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
            assert!((f64::from(sigmoid(x)) - exact).abs() < 1e-6, "at {x}");
        }
    }
}
