//! What a small classifier has at its ends: the roots of a picture's values beside them, and classes of all that was seen.

#![allow(unsafe_code)]

use super::Exec;
use super::math::{LANES, dot, exp2, fold_largest, larger};
use super::presence::gathered;

/// `[channels][pixels]` → `[2 * channels][pixels]`: the values, then `√max(scale x + shift, 0) - 2` of each, a scale and a
/// shift for each channel.
///
/// # Panics
/// If a length does not match.
pub fn roots(exec: Exec<'_>, x: &[f32], (scale, shift): (&[f32], &[f32]), out: &mut [f32]) {
    assert!(scale.len() == shift.len() && out.len() == 2 * x.len());
    assert!(!scale.is_empty() && x.len().is_multiple_of(scale.len()));
    let (same, roots) = out.split_at_mut(x.len());
    same.copy_from_slice(x);
    let pixels = x.len() / scale.len();
    let planes = x.chunks_exact(pixels).zip(roots.chunks_exact_mut(pixels));
    for ((x, out), (scale, shift)) in planes.zip(scale.iter().zip(shift)) {
        of_plane(exec.cpu, x, *scale, *shift, out);
    }
}

per_cpu! {
fn of_plane(x: &[f32], scale: f32, shift: f32, out: &mut [f32]) {
    for (y, x) in out.iter_mut().zip(x) {
        *y = larger(x * scale + shift, 0.0).sqrt() - 2.0;
    }
}
}

/// The mean and the maximum of the rows' channels → softmax of a linear layer. Hundreds of multiplications: the caller's
/// thread alone.
#[derive(Debug)]
pub struct Classifier {
    /// `[n][2 * channels]`.
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Classifier {
    /// Of weight `[n][2 * channels]` and bias.
    ///
    /// # Panics
    /// If the weights are no whole rows.
    #[must_use]
    pub fn new(weight: &[f32], bias: &[f32]) -> Self {
        assert!(!bias.is_empty() && weight.len().is_multiple_of(2 * bias.len()));
        Self {
            weight: weight.to_vec(),
            bias: bias.to_vec(),
        }
    }

    /// Floats of working memory.
    #[must_use]
    pub fn work(&self) -> usize {
        self.weight.len() / self.bias.len()
    }

    /// Scores of the classes, which sum to 1, for `rows`; `work` is of any content.
    ///
    /// # Panics
    /// If a length does not match.
    pub fn run(&self, exec: Exec<'_>, rows: &[f32], work: &mut [f32], scores: &mut [f32]) {
        let seen = &mut work[..self.work()];
        assert!(!rows.is_empty() && rows.len().is_multiple_of(seen.len() / 2));
        assert_eq!(scores.len(), self.bias.len());
        classified(exec.cpu, self, rows, seen, scores);
    }
}

per_cpu! {
fn classified(classifier: &Classifier, rows: &[f32], seen: &mut [f32], scores: &mut [f32]) {
    let (mean, most) = seen.split_at_mut(seen.len() / 2);
    gathered(rows, mean, most);
    let each = classifier.weight.chunks_exact(seen.len()).zip(&classifier.bias);
    // In units of ln 2, as `exp2` takes them.
    for (score, (weight, bias)) in scores.iter_mut().zip(each) {
        *score = (dot(weight, seen) + bias) * std::f32::consts::LOG2_E;
    }
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for (at, score) in scores.iter().enumerate() {
        lanes[at % LANES] = larger(*score, lanes[at % LANES]);
    }
    let most = fold_largest(lanes);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = exp2(*score - most);
        sum += *score;
    }
    for score in scores.iter_mut() {
        *score /= sum;
    }
}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{close, floats_on_every_cpu, random};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]
        #[test]
        fn classes_match_f64(cells in 1usize..50, channels in 1usize..50, classes in 1usize..20, seed: u32) {
            let rows = random(cells * channels, seed);
            let (weight, bias) = (random(classes * 2 * channels, seed ^ 1), random(classes, seed ^ 2));
            let classifier = Classifier::new(&weight, &bias);
            let got = floats_on_every_cpu(0, classes, |exec, scores| {
                classifier.run(exec, &rows, &mut vec![f32::NAN; classifier.work()], scores);
            });
            let column = |c: usize| rows.iter().skip(c).step_by(channels).map(|x| f64::from(*x));
            let mut seen: Vec<f64> = (0..channels).map(|c| column(c).sum::<f64>() / cells as f64).collect();
            seen.extend((0..channels).map(|c| column(c).fold(f64::MIN, f64::max)));
            let each = weight.chunks(2 * channels).zip(&bias);
            let logit = |(w, b): (&[f32], &f32)| w.iter().zip(&seen).fold(f64::from(*b), |sum, (w, x)| sum + f64::from(*w) * x);
            let logits: Vec<f64> = each.map(logit).collect();
            let most = logits.iter().copied().fold(f64::MIN, f64::max);
            let sum: f64 = logits.iter().map(|x| (x - most).exp()).sum();
            for (got, logit) in got.iter().zip(&logits) {
                let expected = (logit - most).exp() / sum;
                prop_assert!((f64::from(*got) - expected).abs() < 1e-4, "{got} is not {expected}");
            }
        }

        #[test]
        fn roots_match_f64(pixels in 1usize..100, channels in 1usize..4, seed: u32) {
            let (x, scale, shift) = (random(channels * pixels, seed), random(channels, seed ^ 1), random(channels, seed ^ 2));
            let got = floats_on_every_cpu(0, 2 * x.len(), |exec, out| roots(exec, &x, (&scale, &shift), out));
            prop_assert_eq!(&got[..x.len()], &x);
            for (at, (got, x)) in got[x.len()..].iter().zip(&x).enumerate() {
                // The sum is rounded as the device rounds it: near 0 the root makes much of its last bits.
                let sum = x * scale[at / pixels] + shift[at / pixels];
                prop_assert!(close(*got, f64::from(sum.max(0.0)).sqrt() - 2.0, 1e-6), "{got} of {sum}");
            }
        }
    }
}
