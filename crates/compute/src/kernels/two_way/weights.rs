//! What attention layers are made from.

use crate::kernels::LANES;

/// Heads of every layer.
pub const HEADS: usize = 8;

/// A linear layer's constants.
#[derive(Clone, Copy, Debug)]
pub struct Affine<'a> {
    /// `[n][k]`.
    pub weight: &'a [f32],
    /// `[n]`.
    pub bias: &'a [f32],
}

/// What an attention layer is made from: three projections `[inner][channels]` and one `[channels][inner]`. `inner` is a
/// multiple of 128, `channels` of 16.
#[derive(Clone, Copy, Debug)]
pub struct AttentionWeights<'a> {
    /// Queries.
    pub q: Affine<'a>,
    /// Keys.
    pub k: Affine<'a>,
    /// Values.
    pub v: Affine<'a>,
    /// Output.
    pub out: Affine<'a>,
}

impl AttentionWeights<'_> {
    /// Channels and inner channels, checked.
    pub(super) fn sizes(&self) -> (usize, usize) {
        let (channels, inner) = (self.out.bias.len(), self.q.bias.len());
        assert!(inner > 0 && inner % (HEADS * LANES) == 0 && channels > 0 && channels % LANES == 0);
        for affine in [self.q, self.k, self.v, self.out] {
            assert_eq!(affine.weight.len(), channels * inner);
        }
        assert_eq!((self.k.bias.len(), self.v.bias.len()), (inner, inner));
        (channels, inner)
    }
}

/// 1 / √(channels of a head), in units of ln 2, as `exp2` takes scores.
pub(super) fn score_scale(inner: usize) -> f32 {
    std::f32::consts::LOG2_E / ((inner / HEADS) as f32).sqrt()
}
