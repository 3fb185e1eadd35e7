//! What kernels ask of a map, from a node's numbers.

use super::node::Attributes;
use crate::kernels::depthwise::DepthwiseShape;
use crate::kernels::gemm::Patches;

/// Geometry of a convolution over `channels`.
pub(super) fn patches(a: &Attributes, channels: usize) -> Patches {
    Patches {
        height: a.height,
        width: a.width,
        channels,
        kernel: a.kernel,
        stride: a.stride,
        pad: a.pad,
        planar: a.planar,
    }
}

/// Geometry of a depthwise convolution over `channels`.
pub(super) fn depthwise_shape(a: &Attributes, channels: usize) -> Result<DepthwiseShape, String> {
    if !(1..=2).contains(&a.stride) {
        return Err(format!("a depthwise stride of {}", a.stride));
    }
    Ok(DepthwiseShape {
        height: a.height,
        width: a.width,
        channels,
        stride: a.stride,
    })
}
