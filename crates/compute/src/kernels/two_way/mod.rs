//! Attention between a few query tokens and many image tokens (SAM's two-way decoder), re-associated so that image
//! tokens are never projected.
//!
//! With T tokens and R image tokens of C channels, projecting the image costs R · C · inner products each time; T is 7,
//! or 1. A score `(Wq a) · (Wk b)` is as well `a · (Wqᵀ Wk b)`: the token's side is taken through both matrices, and for
//! each token and head one vector of C channels meets the image. Likewise the image tokens' values are mixed first and
//! projected then, and what each token gives to the image is taken through value and output projection beforehand.
//!
//! A *column* is a pair of token and head, number `token * 8 + head`; columns come in panels of 16, the last padded.
//! LayerNorm is not part of these layers. `run` allocates nothing: what threads share lies in `work` (given by the caller,
//! of unspecified content), the rest in each thread's scratch and in arrays of fixed size.

mod image_to_token;
mod projection;
mod self_attention;
#[cfg(test)]
mod tests;
mod token_to_image;

pub use image_to_token::ImageToToken;
pub use self_attention::SelfAttention;
pub use token_to_image::TokenToImage;

use super::LANES;

/// Heads of every layer.
pub const HEADS: usize = 8;

/// Image rows that are kept in the first cache at a time; whole blocks of [`BLOCK`].
const ROWS: usize = 30;

/// Image rows, or columns, that a product works on at once.
const BLOCK: usize = 6;

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
    fn sizes(&self) -> (usize, usize) {
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
fn score_scale(inner: usize) -> f32 {
    std::f32::consts::LOG2_E / ((inner / HEADS) as f32).sqrt()
}

/// Columns, padded to whole panels.
fn padded(tokens: usize) -> usize {
    (tokens * HEADS).next_multiple_of(LANES)
}

/// `step` times `first, first + 1, ...`, the last of `0..count` in the places past it. (A loop, as everywhere in the
/// kernels: what `array::map` or a closure calls may be compiled apart, for the baseline.)
#[inline(always)]
fn block<const N: usize>(first: usize, count: usize, step: usize) -> [usize; N] {
    let mut block = [0; N];
    for (i, place) in block.iter_mut().enumerate() {
        *place = (first + i).min(count - 1) * step;
    }
    block
}

/// The vector at `x[at]`.
#[inline(always)]
fn vector(x: &[f32], at: usize) -> super::math::Lanes {
    let mut vector = [0.0; LANES];
    vector.copy_from_slice(&x[at..at + LANES]);
    vector
}
