//! What one frame owes to the one before it.
//!
//! [`Steady`] blends each frame's logits with those of the past, moved as the picture moved ([`Motion`], estimated on
//! small grey pictures, [`Luma`]); where motion does not explain the picture, the past has no say. [`Motion::carry`] moves
//! logits to another frame, or says that it cannot. [`Debounce`] keeps a verdict from blinking.
//!
//! Masks without any of this are the still path's, bit for bit: who wants that does not call it.

mod carry;
mod debounce;
mod explained;
mod grid;
mod luma;
mod matching;
mod motion;
mod mover;
mod stabiliser;
mod vectors;

pub use carry::Untraceable;
pub use debounce::{Debounce, Insistence};
pub use luma::Luma;
pub use motion::Motion;
pub use mover::Mover;
pub use stabiliser::{Steadied, Steady, SteadySettings};
