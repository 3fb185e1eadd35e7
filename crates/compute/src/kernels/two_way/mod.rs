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

mod blocks;
mod image_to_token;
mod projection;
mod self_attention;
#[cfg(test)]
mod tests;
mod token_to_image;
mod weights;

pub use image_to_token::ImageToToken;
pub use self_attention::SelfAttention;
pub use token_to_image::TokenToImage;
pub use weights::{Affine, AttentionWeights, HEADS};
