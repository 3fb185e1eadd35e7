//! Tokens ask the image.
//!
//! With u = Wkᵀ q / √d for each column, the score of image token r is `(image + position)_r · u` (the key's bias shifts
//! all scores of a column alike, which softmax does not see), and the attended value is `Wv (Σ_r p_r image_r) + b`.
//! Image rows are divided into at most 16 blocks, in a way that depends on their number alone. Each block finds its own
//! largest score, its sum of weights and its weighted sum of rows; then the blocks are brought to one common largest
//! score and added in order.

#![allow(unsafe_code)]

use super::blocks::{BLOCK, ROWS, block, padded, vector};
use super::projection::{Projection, fold_to_panels};
use super::weights::{AttentionWeights, HEADS, score_scale};
use crate::kernels::math::{exp2, larger, product};
use crate::kernels::pointwise::floats;
use crate::kernels::{Exec, LANES, SharedSlice};

/// `residual + attention(q, k = image + position, v = image)`.
#[derive(Debug)]
pub struct TokenToImage {
    q: Projection,
    /// As given, `[inner][channels]`.
    k: Vec<f32>,
    v: Projection,
    out: Projection,
    channels: usize,
    inner: usize,
}

/// Image rows of a block.
fn block_rows(rows: usize) -> usize {
    rows.div_ceil(16).max(ROWS)
}

impl TokenToImage {
    /// From its weights.
    ///
    /// # Panics
    /// If lengths do not match.
    #[must_use]
    pub fn new(weights: &AttentionWeights<'_>) -> Self {
        let (channels, inner) = weights.sizes();
        Self {
            q: Projection::new(weights.q),
            k: weights.k.weight.to_vec(),
            v: Projection::new(weights.v),
            out: Projection::new(weights.out),
            channels,
            inner,
        }
    }

    /// Bytes of scratch a thread needs for so many tokens and image rows.
    #[must_use]
    pub fn scratch(&self, tokens: usize, rows: usize) -> usize {
        let padded = padded(tokens);
        let summarise = ROWS * self.channels + block_rows(rows) * padded;
        let combine = rows.div_ceil(block_rows(rows)) * padded + 2 * padded;
        4 * summarise.max(combine)
    }

    /// Floats of `work` for so many tokens and image rows.
    #[must_use]
    pub fn work(&self, tokens: usize, rows: usize) -> usize {
        let blocks = rows.div_ceil(block_rows(rows));
        let sums = tokens * HEADS * self.channels;
        2 * tokens * self.inner
            + padded(tokens) * self.channels
            + blocks * (2 * padded(tokens) + sums)
            + sums
    }

    /// `q`, `residual` and `out` are `[tokens][channels]`, `image` and `position` `[rows][channels]`.
    ///
    /// # Panics
    /// If lengths do not match or there is no image row.
    pub fn run(
        &self,
        exec: Exec<'_>,
        q: &[f32],
        (image, position): (&[f32], &[f32]),
        residual: &[f32],
        work: &mut [f32],
        out: &mut [f32],
    ) {
        let channels = self.channels;
        let (tokens, rows) = (out.len() / channels, image.len() / channels);
        assert_eq!(
            (image.len(), position.len()),
            (rows * channels, rows * channels)
        );
        assert!(rows > 0);
        if tokens == 0 {
            return;
        }
        let size = block_rows(rows) * channels;
        let blocks = image.len().div_ceil(size);
        let (padded, sums) = (padded(tokens), tokens * HEADS * channels);
        let (queries, work) = work.split_at_mut(tokens * self.inner);
        let (mixed, work) = work.split_at_mut(tokens * self.inner);
        let (u, work) = work.split_at_mut(padded * channels);
        let (partial, work) = work.split_at_mut(blocks * (2 * padded + sums));
        let total = &mut work[..sums];
        let scratch = self.scratch(tokens, rows);

        self.q.run(exec, q, score_scale(self.inner), None, queries);
        let shared = SharedSlice::new(u);
        exec.parallel(channels / LANES, 0, |chunk, _| {
            fold_to_panels(
                exec.cpu, queries, self.inner, &self.k, channels, chunk, shared,
            );
        });
        let shared = SharedSlice::new(partial);
        exec.parallel(blocks, scratch, |number, scratch| {
            let part = number * size..(number * size + size).min(image.len());
            let len = 2 * padded + sums;
            // SAFETY: tasks have blocks of their own.
            let result = unsafe { shared.slice(number * len..(number + 1) * len) };
            let (image, position) = (&image[part.clone()], &position[part]);
            summarise(
                exec.cpu,
                image,
                position,
                u,
                channels,
                tokens,
                floats(scratch),
                result,
            );
        });
        let shared = SharedSlice::new(total);
        exec.parallel(channels / LANES, scratch, |chunk, scratch| {
            combine(
                exec.cpu,
                partial,
                blocks,
                channels,
                tokens,
                chunk,
                floats(scratch),
                shared,
            );
        });
        // A panel of the value projection belongs to one head.
        let start = |panel: usize| panel * LANES / (self.inner / HEADS) * channels;
        self.v
            .run_from(exec, (total, HEADS * channels, &start), 1.0, None, mixed);
        self.out.run(exec, mixed, 1.0, Some(residual), out);
    }
}

per_cpu! {
/// One block of image rows; `result` is largest scores `[padded]`, sums of weights `[padded]`, weighted sums of rows
/// `[columns][channels]`.
fn summarise(
    image: &[f32],
    position: &[f32],
    u: &[f32],
    channels: usize,
    tokens: usize,
    scratch: &mut [f32],
    result: &mut [f32],
) {
    let (columns, padded) = (tokens * HEADS, padded(tokens));
    let (near, scratch) = scratch.split_at_mut(ROWS * channels);
    let scores = &mut scratch[..image.len() / channels * padded];
    let (most, result) = result.split_at_mut(padded);
    let (sums, mixed) = result.split_at_mut(padded);
    let parts = image.chunks(ROWS * channels).zip(position.chunks(ROWS * channels));
    for ((image, position), scores) in parts.zip(scores.chunks_mut(ROWS * padded)) {
        for ((x, image), position) in near.iter_mut().zip(image).zip(position) {
            *x = image + position;
        }
        score(near, u, (image.len() / channels, channels), None, scores);
    }
    most.fill(f32::NEG_INFINITY);
    for scores in scores.chunks_exact(padded) {
        for (most, score) in most.iter_mut().zip(scores) {
            *most = larger(*score, *most);
        }
    }
    sums.fill(0.0);
    for scores in scores.chunks_exact_mut(padded) {
        for ((score, most), sum) in scores.iter_mut().zip(&*most).zip(&mut *sums) {
            *score = exp2(*score - *most);
            *sum += *score;
        }
    }
    mixed.fill(0.0);
    for (image, scores) in image.chunks(ROWS * channels).zip(scores.chunks(ROWS * padded)) {
        let rows = image.len() / channels;
        for chunk in 0..channels / LANES {
            // 16 channels of the rows side by side: their cache lines would else fall on each other.
            let values = &mut near[..rows * LANES];
            for (value, image) in values.chunks_exact_mut(LANES).zip(image.chunks_exact(channels)) {
                value.copy_from_slice(&image[chunk * LANES..][..LANES]);
            }
            for first in (0..columns).step_by(BLOCK) {
                let block = block::<BLOCK>(first, columns, 1);
                let mut so_far = [[0.0; LANES]; BLOCK];
                for c in 0..BLOCK {
                    so_far[c] = vector(mixed, block[c] * channels + chunk * LANES);
                }
                let new = product(so_far, rows, (scores, block, padded), (values, LANES));
                for (column, new) in (first..columns).zip(&new) {
                    mixed[column * channels + chunk * LANES..][..LANES].copy_from_slice(new);
                }
            }
        }
    }
}
}

/// `scores[row][column] = start[column] + x[row] · u[column]`, with `u` in panels `[padded / 16][channels][16]`.
#[inline(always)]
pub(super) fn score(
    x: &[f32],
    u: &[f32],
    (rows, channels): (usize, usize),
    start: Option<&[f32]>,
    scores: &mut [f32],
) {
    let padded = u.len() / channels;
    for (panel, u) in u.chunks_exact(channels * LANES).enumerate() {
        let start = start.map_or([0.0; LANES], |start| vector(start, panel * LANES));
        for first in (0..rows).step_by(BLOCK) {
            let at = block::<BLOCK>(first, rows, channels);
            let sums = product([start; BLOCK], channels, (x, at, 1), (u, LANES));
            for (row, sums) in (first..rows).zip(&sums) {
                scores[row * padded + panel * LANES..][..LANES].copy_from_slice(sums);
            }
        }
    }
}

per_cpu! {
/// Adds 16 channels of the blocks' weighted sums into `total` `[columns][channels]`, which it divides by the sum of
/// weights. Every task finds the blocks' shares anew: they are few.
fn combine(
    partial: &[f32],
    blocks: usize,
    channels: usize,
    tokens: usize,
    chunk: usize,
    scratch: &mut [f32],
    total: SharedSlice<'_, f32>,
) {
    let (columns, padded) = (tokens * HEADS, padded(tokens));
    let len = partial.len() / blocks;
    let (most, scratch) = scratch.split_at_mut(padded);
    let (sums, scratch) = scratch.split_at_mut(padded);
    let shares = &mut scratch[..blocks * padded];
    most.fill(f32::NEG_INFINITY);
    for partial in partial.chunks_exact(len) {
        for (most, other) in most.iter_mut().zip(&partial[..padded]) {
            *most = larger(*other, *most);
        }
    }
    sums.fill(0.0);
    for (shares, partial) in shares.chunks_exact_mut(padded).zip(partial.chunks_exact(len)) {
        let (others, partial_sums) = partial[..2 * padded].split_at(padded);
        for c in 0..padded {
            shares[c] = exp2(others[c] - most[c]);
            sums[c] = shares[c].mul_add(partial_sums[c], sums[c]);
        }
    }
    for column in 0..columns {
        let mut sum = [0.0; LANES];
        for (shares, partial) in shares.chunks_exact(padded).zip(partial.chunks_exact(len)) {
            let part = vector(partial, 2 * padded + column * channels + chunk * LANES);
            for l in 0..LANES {
                sum[l] = shares[column].mul_add(part[l], sum[l]);
            }
        }
        let at = column * channels + chunk * LANES;
        let inverse = 1.0 / sums[column];
        // SAFETY: tasks have channels of their own.
        let total = unsafe { total.slice(at..at + LANES) };
        for l in 0..LANES {
            total[l] = sum[l] * inverse;
        }
    }
}
}
