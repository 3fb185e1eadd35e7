//! Layer normalisation over the channels of each row. `run` allocates nothing: a row is made in scratch.

#![allow(unsafe_code)]

use super::math::{Lanes, activate, sum, sum_of_squares};
use super::pointwise::{SharedOut, floats};
use super::{Activation, Exec, LANES, Out};

/// Rows of a task.
const ROWS: usize = 16;

/// `y = activation((x - mean) / sqrt(variance + eps) * weight + bias)`, mean and variance over a row's channels.
#[derive(Debug)]
pub struct LayerNorm {
    weight: Vec<f32>,
    bias: Vec<f32>,
    eps: f32,
}

impl LayerNorm {
    /// Over rows of `channels`; without a weight it is 1, without a bias 0.
    ///
    /// # Panics
    /// If a length is not `channels`.
    #[must_use]
    pub fn new(weight: Option<&[f32]>, bias: Option<&[f32]>, channels: usize, eps: f32) -> Self {
        let weight = weight.map_or_else(|| vec![1.0; channels], <[f32]>::to_vec);
        let bias = bias.map_or_else(|| vec![0.0; channels], <[f32]>::to_vec);
        assert_eq!((weight.len(), bias.len()), (channels, channels));
        Self { weight, bias, eps }
    }

    /// Bytes of scratch a thread needs.
    #[must_use]
    pub fn scratch(&self) -> usize {
        4 * self.weight.len()
    }

    /// Normalises each row of `x` `[rows][channels]`.
    ///
    /// # Panics
    /// If a length is not whole rows, or `out` is not as long as `x`.
    pub fn run(&self, exec: Exec<'_>, x: &[f32], activation: Activation, out: Out<'_>) {
        let channels = self.weight.len();
        assert_eq!(x.len() % channels, 0);
        let out = SharedOut::new(out, x.len());
        let tasks = (x.len() / channels).div_ceil(ROWS);
        exec.parallel(tasks, self.scratch(), |task, scratch| {
            let start = task * ROWS * channels;
            let end = (start + ROWS * channels).min(x.len());
            let row = floats(scratch);
            normalise(exec.cpu, self, &x[start..end], activation, row, start, out);
        });
    }
}

per_cpu! {
/// Rows `x` of the layer, stored from `start` on; `row` is working memory.
fn normalise(
    norm: &LayerNorm,
    x: &[f32],
    activation: Activation,
    row: &mut [f32],
    start: usize,
    out: SharedOut<'_>,
) {
    let channels = norm.weight.len();
    // Each of these is a chain of dependent steps; those of different rows overlap.
    let (mut means, mut inverses) = ([0.0; ROWS], [0.0; ROWS]);
    for (mean, x) in means.iter_mut().zip(x.chunks_exact(channels)) {
        *mean = sum(x) / channels as f32;
    }
    for ((inverse, mean), x) in inverses.iter_mut().zip(&means).zip(x.chunks_exact(channels)) {
        let variance = sum_of_squares(x, *mean) / channels as f32;
        *inverse = 1.0 / (variance + norm.eps).sqrt();
    }
    for (number, x) in x.chunks_exact(channels).enumerate() {
        let (mean, inverse, at) = (means[number], inverses[number], start + number * channels);
        let (weight, bias) = (&norm.weight[..channels], &norm.bias[..channels]);
        match out {
            // Where nothing follows, what is normalised is made bytes in registers. Not on x86-64: the compiler takes these for loops
            // over many chunks at once, and gathers what lies side by side.
            SharedOut::U8(quantizer, out)
                if cfg!(target_arch = "aarch64") && activation == Activation::None && channels.is_multiple_of(LANES) =>
            {
                // SAFETY: rows of different tasks are disjoint.
                let y = unsafe { out.slice(at..at + channels) }.as_chunks_mut::<LANES>().0;
                let affine = weight.as_chunks::<LANES>().0.iter().zip(bias.as_chunks::<LANES>().0);
                for ((y, x), (weight, bias)) in y.iter_mut().zip(x.as_chunks::<LANES>().0).zip(affine) {
                    let mut real: Lanes = [0.0; LANES];
                    for l in 0..LANES {
                        real[l] = ((x[l] - mean) * inverse).mul_add(weight[l], bias[l]);
                    }
                    quantizer.quantize_all(&real, y);
                }
            }
            _ => {
                for ((y, x), (weight, bias)) in row.iter_mut().zip(x).zip(weight.iter().zip(bias)) {
                    *y = ((x - mean) * inverse).mul_add(*weight, *bias);
                }
                activate(row, activation);
                // SAFETY: as above.
                unsafe { out.write(at, row) };
            }
        }
    }
}
}

#[cfg(test)]
mod tests {
    use super::super::Quant;
    use super::*;
    use crate::kernels::testing::{close, floats_on_every_cpu, normal_cdf, on_every_cpu, random};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn matches_f64(rows in 0usize..40, channels in 1usize..70, seed: u32, affine: bool, act in 0usize..3) {
            let activation = [Activation::None, Activation::Relu, Activation::Gelu][act];
            let x = random(rows * channels, seed);
            let (w, b) = (random(channels, seed ^ 1), random(channels, seed ^ 2));
            let norm = if affine {
                LayerNorm::new(Some(&w), Some(&b), channels, 1e-5)
            } else {
                LayerNorm::new(None, None, channels, 1e-5)
            };
            let got = floats_on_every_cpu(norm.scratch(), x.len(), |exec, y| {
                norm.run(exec, &x, activation, Out::F32(y));
            });
            let quant = Quant { scale: 0.02, zero: 100 };
            let small = on_every_cpu(norm.scratch(), |exec| {
                let mut y = vec![0; x.len()];
                norm.run(exec, &x, activation, Out::U8(quant, &mut y));
                y
            });
            for (i, (got, small)) in got.iter().zip(&small).enumerate() {
                let got = *got;
                let row: Vec<f64> = x[i / channels * channels..][..channels].iter().map(|x| f64::from(*x)).collect();
                let mean = row.iter().sum::<f64>() / channels as f64;
                let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / channels as f64;
                let mut want = (row[i % channels] - mean) / (variance + 1e-5).sqrt();
                if affine {
                    want = want * f64::from(w[i % channels]) + f64::from(b[i % channels]);
                }
                want = match activation {
                    Activation::None => want,
                    Activation::Relu => want.max(0.0),
                    Activation::Gelu => want * normal_cdf(want),
                };
                prop_assert!(close(got, want, 2e-5), "{got} {want}");
                prop_assert_eq!(*small, quant.quantize(got));
            }
        }
    }
}
