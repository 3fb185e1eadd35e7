//! The tokens' attention among themselves.

#![allow(unsafe_code)]

use super::blocks::vector;
use super::projection::Projection;
use super::weights::{AttentionWeights, HEADS, score_scale};
use crate::kernels::math::{fold, softmax};
use crate::kernels::pointwise::floats;
use crate::kernels::{Exec, LANES, SharedSlice};

/// `attention(q = k = qk, v) (+ residual)`.
#[derive(Debug)]
pub struct SelfAttention {
    q: Projection,
    k: Projection,
    v: Projection,
    out: Projection,
    channels: usize,
    inner: usize,
}

impl SelfAttention {
    /// From its weights.
    ///
    /// # Panics
    /// If lengths do not match.
    #[must_use]
    pub fn new(weights: &AttentionWeights<'_>) -> Self {
        let (channels, inner) = weights.sizes();
        Self {
            q: Projection::new(weights.q),
            k: Projection::new(weights.k),
            v: Projection::new(weights.v),
            out: Projection::new(weights.out),
            channels,
            inner,
        }
    }

    /// Bytes of scratch a thread needs for so many tokens.
    #[must_use]
    pub fn scratch(&self, tokens: usize) -> usize {
        4 * tokens.next_multiple_of(LANES)
    }

    /// Floats of `work` for so many tokens.
    #[must_use]
    pub fn work(&self, tokens: usize) -> usize {
        4 * tokens * self.inner
    }

    /// `qk`, `v`, `residual` and `out` are `[tokens][channels]`.
    ///
    /// # Panics
    /// If lengths do not match.
    pub fn run(
        &self,
        exec: Exec<'_>,
        (qk, v): (&[f32], &[f32]),
        residual: Option<&[f32]>,
        work: &mut [f32],
        out: &mut [f32],
    ) {
        let tokens = out.len() / self.channels;
        let len = tokens * self.inner;
        if tokens == 0 {
            return;
        }
        let (q, work) = work.split_at_mut(len);
        let (k, work) = work.split_at_mut(len);
        let (values, work) = work.split_at_mut(len);
        let mixed = &mut work[..len];
        self.q.run(exec, qk, score_scale(self.inner), None, q);
        self.k.run(exec, qk, 1.0, None, k);
        self.v.run(exec, v, 1.0, None, values);
        let shared = SharedSlice::new(mixed);
        exec.parallel(HEADS, self.scratch(tokens), |head, scratch| {
            attend(
                exec.cpu,
                q,
                k,
                values,
                self.inner,
                head,
                floats(scratch),
                shared,
            );
        });
        self.out.run(exec, mixed, 1.0, residual, out);
    }
}

per_cpu! {
/// One head of all tokens; `scores` holds one score for each, with padding.
fn attend(
    q: &[f32],
    k: &[f32],
    v: &[f32],
    inner: usize,
    head: usize,
    scores: &mut [f32],
    out: SharedSlice<'_, f32>,
) {
    let tokens = q.len() / inner;
    let part = head * (inner / HEADS)..(head + 1) * (inner / HEADS);
    for (token, q) in q.chunks_exact(inner).enumerate() {
        scores.fill(f32::NEG_INFINITY);
        for (score, k) in scores.iter_mut().zip(k.chunks_exact(inner)) {
            let mut lanes = [0.0; LANES];
            for at in part.clone().step_by(LANES) {
                let (q, k) = (vector(q, at), vector(k, at));
                for l in 0..LANES {
                    lanes[l] = q[l].mul_add(k[l], lanes[l]);
                }
            }
            *score = fold(lanes);
        }
        let inverse = 1.0 / softmax(scores);
        for at in part.clone().step_by(LANES) {
            let mut sum = [0.0; LANES];
            for (score, v) in scores[..tokens].iter().zip(v.chunks_exact(inner)) {
                let v = vector(v, at);
                for l in 0..LANES {
                    sum[l] = score.mul_add(v[l], sum[l]);
                }
            }
            // SAFETY: tasks have heads of their own.
            let out = unsafe { out.slice(token * inner + at..token * inner + at + LANES) };
            for l in 0..LANES {
                out[l] = sum[l] * inverse;
            }
        }
    }
}
}
