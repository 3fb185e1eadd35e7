//! Whether anything is there at all: one number of a query's token and of what it looked at.

#![allow(unsafe_code)]

use super::Exec;
use super::math::{dot, gelu};

/// A linear layer's constants, `[n][k]` and `[n]`.
#[derive(Debug)]
struct Dense {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

/// The token beside the mean and the maximum of the rows' channels → GELU of a linear layer → one output of another. Tens
/// of thousands of multiplications: the caller's thread alone.
#[derive(Debug)]
pub struct PresenceHead {
    hidden: Dense,
    score: Dense,
}

impl PresenceHead {
    /// Of `hidden`, weight `[h][3 * channels]` and bias, and of `score`, `[n][h]` and bias.
    ///
    /// # Panics
    /// If the weights are no whole rows.
    #[must_use]
    pub fn new(hidden: (&[f32], &[f32]), score: (&[f32], &[f32])) -> Self {
        let dense = |(weight, bias): (&[f32], &[f32])| Dense {
            weight: weight.to_vec(),
            bias: bias.to_vec(),
        };
        let head = Self {
            hidden: dense(hidden),
            score: dense(score),
        };
        let width = head.hidden.bias.len();
        assert_eq!(head.hidden.weight.len(), width * 3 * head.channels());
        assert_eq!(head.score.weight.len(), head.score.bias.len() * width);
        head
    }

    /// Of a row.
    fn channels(&self) -> usize {
        self.hidden.weight.len() / self.hidden.bias.len() / 3
    }

    /// Floats of working memory.
    #[must_use]
    pub fn work(&self) -> usize {
        3 * self.channels() + self.hidden.bias.len()
    }

    /// Output `index` for `rows` and a token `query`; `work` is of any content.
    ///
    /// # Panics
    /// If a length is not whole rows, or there is no such output.
    #[must_use]
    pub fn run(
        &self,
        exec: Exec<'_>,
        rows: &[f32],
        query: &[f32],
        index: usize,
        work: &mut [f32],
    ) -> f32 {
        let channels = self.channels();
        assert!(!rows.is_empty() && rows.len().is_multiple_of(channels) && query.len() == channels);
        let (seen, hidden) = work[..self.work()].split_at_mut(3 * channels);
        seen[..channels].copy_from_slice(query);
        scored(exec.cpu, self, rows, index, seen, hidden)
    }
}

/// The mean and the maximum of each channel over the rows.
#[inline(always)]
pub(super) fn gathered(rows: &[f32], mean: &mut [f32], most: &mut [f32]) {
    let channels = mean.len();
    mean.fill(0.0);
    most.fill(f32::NEG_INFINITY);
    for row in rows.chunks_exact(channels) {
        for ((mean, most), x) in mean.iter_mut().zip(most.iter_mut()).zip(row) {
            *mean += x;
            // Not finite values are left to the mean.
            *most = if *x > *most { *x } else { *most };
        }
    }
    let count = (rows.len() / channels) as f32;
    for mean in mean {
        *mean /= count;
    }
}

per_cpu! {
/// `seen` begins with the token.
fn scored(head: &PresenceHead, rows: &[f32], index: usize, seen: &mut [f32], hidden: &mut [f32]) -> f32 {
    let channels = seen.len() / 3;
    let (mean, most) = seen[channels..].split_at_mut(channels);
    gathered(rows, mean, most);
    let each = head.hidden.weight.chunks_exact(seen.len()).zip(&head.hidden.bias);
    for (y, (weight, bias)) in hidden.iter_mut().zip(each) {
        *y = gelu(dot(weight, seen) + bias);
    }
    let width = hidden.len();
    dot(&head.score.weight[index * width..][..width], hidden) + head.score.bias[index]
}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{floats_on_every_cpu, normal_cdf, random};
    use proptest::prelude::*;

    fn product(weight: &[f32], x: &[f64], bias: f32) -> f64 {
        let pairs = weight.iter().zip(x);
        pairs.fold(f64::from(bias), |sum, (w, x)| sum + f64::from(*w) * x)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]
        #[test]
        fn matches_f64(cells in 1usize..50, channels in 1usize..40, width in 1usize..20, outputs in 1usize..8, seed: u32) {
            let (rows, query) = (random(cells * channels, seed), random(channels, seed ^ 1));
            let (weight, bias) = (random(width * 3 * channels, seed ^ 2), random(width, seed ^ 3));
            let (score, last) = (random(outputs * width, seed ^ 4), random(outputs, seed ^ 5));
            let head = PresenceHead::new((&weight, &bias), (&score, &last));
            let index = seed as usize % outputs;
            let got = floats_on_every_cpu(0, 1, |exec, y| {
                y[0] = head.run(exec, &rows, &query, index, &mut vec![f32::NAN; head.work()]);
            });
            let column = |c: usize| rows.iter().skip(c).step_by(channels).map(|x| f64::from(*x));
            let mut seen: Vec<f64> = query.iter().map(|x| f64::from(*x)).collect();
            seen.extend((0..channels).map(|c| column(c).sum::<f64>() / cells as f64));
            seen.extend((0..channels).map(|c| column(c).fold(f64::MIN, f64::max)));
            let each = weight.chunks(3 * channels).zip(&bias);
            let hidden: Vec<f64> = each.map(|(w, b)| product(w, &seen, *b)).map(|x| x * normal_cdf(x)).collect();
            let expected = product(&score[index * width..][..width], &hidden, last[index]);
            prop_assert!((f64::from(got[0]) - expected).abs() < 1e-3 * (1.0 + expected.abs()), "{} is not {expected}", got[0]);
        }
    }

    #[test]
    fn what_is_no_number_is_none_in_the_end() {
        let head = PresenceHead::new((&[0.5; 6], &[0.0]), (&[1.0], &[0.0]));
        let got = floats_on_every_cpu(0, 1, |exec, y| {
            let rows = [1.0, 2.0, f32::INFINITY, 1.0];
            let logit = head.run(exec, &rows, &[0.0; 2], 0, &mut [0.0; 7]);
            y[0] = f32::from(u8::from(logit.is_finite()));
        });
        assert_eq!(got, [0.0]);
    }
}
