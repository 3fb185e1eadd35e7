//! What is done to a layer's sums.

use super::elementary::{gelu, larger};

/// What is applied to an operator's sums before they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// max(x, 0).
    Relu,
    /// x Φ(x), by [`gelu`].
    Gelu,
}

/// Applies `activation` to every value.
#[inline(always)]
pub fn activate(values: &mut [f32], activation: Activation) {
    match activation {
        Activation::None => {}
        Activation::Relu => {
            for v in values {
                *v = larger(*v, 0.0);
            }
        }
        Activation::Gelu => {
            for v in values {
                *v = gelu(*v);
            }
        }
    }
}
