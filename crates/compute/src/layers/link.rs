//! Layers as parts of chains.

use std::sync::Arc;

use crate::kernels::depthwise::{DepthwiseF32, DepthwiseI8};
use crate::kernels::gemm::{Finish, LinearF32, LinearI8};
use crate::kernels::{Activation, Quant};

/// A layer as part of a chain: its kernel and what follows the sums.
#[derive(Clone, Debug)]
pub enum Link {
    /// A linear layer, floats to floats.
    Linear(Arc<LinearF32>, Activation),
    /// A depthwise convolution of floats.
    Depthwise(Arc<DepthwiseF32>, Activation),
    /// An 8-bit linear layer; a residual of bytes stands for real numbers as said.
    QLinear(Arc<LinearI8>, Finish, Option<Quant>),
    /// An 8-bit depthwise convolution.
    QDepthwise(Arc<DepthwiseI8>, Finish),
}
