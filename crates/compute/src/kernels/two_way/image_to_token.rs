//! The image asks the tokens.
//!
//! With g = Wqᵀ k / √d and c = bq · k / √d for each column, the score of image token r is `(image + position)_r · g + c`;
//! softmax goes over the tokens of each head. With o = Wo v (the head's part of both) the result is
//! `image_r + bo + Σ_columns p · o`.

#![allow(unsafe_code)]

use super::blocks::{BLOCK, ROWS, block, padded, vector};
use super::projection::{Projection, fold_heads, fold_to_panels};
use super::token_to_image::score;
use super::weights::{AttentionWeights, HEADS, score_scale};
use crate::kernels::math::{exp2, larger, product};
use crate::kernels::pointwise::floats;
use crate::kernels::{Exec, LANES, SharedSlice};

/// `image + attention(q = image + position, k, v)`.
#[derive(Debug)]
pub struct ImageToToken {
    /// As given, `[inner][channels]`.
    q: Vec<f32>,
    q_bias: Vec<f32>,
    k: Projection,
    v: Projection,
    /// Transposed, `[inner][channels]`.
    out: Vec<f32>,
    out_bias: Vec<f32>,
    channels: usize,
    inner: usize,
}

impl ImageToToken {
    /// From its weights.
    ///
    /// # Panics
    /// If lengths do not match.
    #[must_use]
    pub fn new(weights: &AttentionWeights<'_>) -> Self {
        let (channels, inner) = weights.sizes();
        let out = |i: usize| weights.out.weight[i % channels * inner + i / channels];
        Self {
            q: weights.q.weight.to_vec(),
            q_bias: weights.q.bias.to_vec(),
            k: Projection::new(weights.k),
            v: Projection::new(weights.v),
            out: (0..channels * inner).map(out).collect(),
            out_bias: weights.out.bias.to_vec(),
            channels,
            inner,
        }
    }

    /// Bytes of scratch a thread needs for so many tokens.
    #[must_use]
    pub fn scratch(&self, tokens: usize) -> usize {
        4 * ROWS * (self.channels + padded(tokens))
    }

    /// Floats of `work` for so many tokens.
    #[must_use]
    pub fn work(&self, tokens: usize) -> usize {
        2 * tokens * self.inner
            + padded(tokens) * (self.channels + 1)
            + tokens * HEADS * self.channels
    }

    /// `image`, `position` and `out` are `[rows][channels]`, `k` and `v` `[tokens][channels]`.
    ///
    /// # Panics
    /// If lengths do not match or there is no token.
    pub fn run(
        &self,
        exec: Exec<'_>,
        (image, position): (&[f32], &[f32]),
        (k, v): (&[f32], &[f32]),
        work: &mut [f32],
        out: &mut [f32],
    ) {
        let channels = self.channels;
        let tokens = k.len() / channels;
        let columns = tokens * HEADS;
        assert_eq!(image.len() % channels, 0);
        assert_eq!((position.len(), out.len()), (image.len(), image.len()));
        assert!(tokens > 0);
        let (keys, work) = work.split_at_mut(tokens * self.inner);
        let (values, work) = work.split_at_mut(tokens * self.inner);
        let (g, work) = work.split_at_mut(padded(tokens) * channels);
        let (start, work) = work.split_at_mut(padded(tokens));
        let o = &mut work[..columns * channels];

        self.k.run(exec, k, score_scale(self.inner), None, keys);
        self.v.run(exec, v, 1.0, None, values);
        self.starts(keys, start);
        let (shared_g, shared_o) = (SharedSlice::new(g), SharedSlice::new(o));
        exec.parallel(channels / LANES, 0, |chunk, _| {
            let len = columns * LANES;
            // SAFETY: tasks have chunks of their own.
            let o = unsafe { shared_o.slice(chunk * len..(chunk + 1) * len) };
            fold_to_panels(
                exec.cpu, keys, self.inner, &self.q, channels, chunk, shared_g,
            );
            fold_to_rows(exec.cpu, values, self.inner, &self.out, channels, chunk, o);
        });
        let size = ROWS * channels;
        let shared = SharedSlice::new(out);
        exec.parallel(
            image.len().div_ceil(size),
            self.scratch(tokens),
            |task, scratch| {
                let part = task * size..(task * size + size).min(image.len());
                // SAFETY: tasks have rows of their own.
                let out = unsafe { shared.slice(part.clone()) };
                let rows = (&image[part.clone()], &position[part]);
                answer(
                    exec.cpu,
                    self,
                    rows,
                    (g, start, o),
                    tokens,
                    floats(scratch),
                    out,
                );
            },
        );
    }

    /// c of each column, 0 for padding.
    fn starts(&self, keys: &[f32], start: &mut [f32]) {
        start.fill(0.0);
        let size = self.inner / HEADS;
        let biases = self.q_bias.chunks_exact(size).cycle();
        for ((start, key), bias) in start.iter_mut().zip(keys.chunks_exact(size)).zip(biases) {
            for (k, b) in key.iter().zip(bias) {
                *start += k * b;
            }
        }
    }
}

per_cpu! {
/// One chunk of o, `[columns][16]`.
fn fold_to_rows(
    x: &[f32],
    inner: usize,
    w: &[f32],
    channels: usize,
    chunk: usize,
    o: &mut [f32],
) {
    fold_heads((x, inner), (w, channels), chunk, |column, vector| {
        o[column * LANES..][..LANES].copy_from_slice(vector);
    });
}
}

per_cpu! {
/// A block of image rows.
fn answer(
    layer: &ImageToToken,
    rows: (&[f32], &[f32]),
    folded: (&[f32], &[f32], &[f32]),
    tokens: usize,
    scratch: &mut [f32],
    out: &mut [f32],
) {
    let ((image, position), (g, start, o)) = (rows, folded);
    let channels = layer.channels;
    let (rows, columns, padded) = (image.len() / channels, tokens * HEADS, padded(tokens));
    let (near, scratch) = scratch.split_at_mut(ROWS * channels);
    let scores = &mut scratch[..rows * padded];
    for ((x, image), position) in near.iter_mut().zip(image).zip(position) {
        *x = image + position;
    }
    score(near, g, (rows, channels), Some(start), scores);
    for scores in scores.chunks_exact_mut(padded) {
        softmax_over_tokens(&mut scores[..columns]);
    }
    for (chunk, o) in o.chunks_exact(columns * LANES).enumerate() {
        let bias = vector(&layer.out_bias, chunk * LANES);
        for first in (0..rows).step_by(BLOCK) {
            let places = block::<BLOCK>(first, rows, channels);
            let mut sums = [bias; BLOCK];
            for r in 0..BLOCK {
                let image = vector(image, places[r] + chunk * LANES);
                for l in 0..LANES {
                    sums[r][l] += image[l];
                }
            }
            let at = block::<BLOCK>(first, rows, padded);
            let sums = product(sums, columns, (scores, at, 1), (o, LANES));
            for (row, sums) in (first..rows).zip(&sums) {
                out[row * channels + chunk * LANES..][..LANES].copy_from_slice(sums);
            }
        }
    }
}
}

/// Softmax over the tokens of each head, `[tokens][8]`.
#[inline(always)]
fn softmax_over_tokens(scores: &mut [f32]) {
    let (scores, _) = scores.as_chunks_mut::<HEADS>();
    let mut most = [f32::NEG_INFINITY; HEADS];
    for scores in &*scores {
        for h in 0..HEADS {
            most[h] = larger(scores[h], most[h]);
        }
    }
    let mut sum = [0.0; HEADS];
    for scores in &mut *scores {
        for h in 0..HEADS {
            scores[h] = exp2(scores[h] - most[h]);
            sum[h] += scores[h];
        }
    }
    for sum in &mut sum {
        *sum = 1.0 / *sum;
    }
    for scores in scores {
        for h in 0..HEADS {
            scores[h] *= sum[h];
        }
    }
}
