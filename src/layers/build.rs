//! From a node and its weights to a layer.

use std::sync::Arc;

use super::attention::{self, WindowLayer};
use super::fact::Inputs;
use super::kind::Kind;
use super::layer::Layer;
use super::linear::{
    ConvLayer, DepthwiseLayer, LinearLayer, MaskHeadLayer, NormLayer, UpConvLayer,
};
use super::node::Node;
use super::plain;
use super::quantized::{QConvLayer, QDepthwiseLayer, QLinearLayer};
use crate::compute::Cpu;

/// Packs a node's weights for a CPU.
///
/// # Errors
/// Inputs that do not fit the node, each other, or the bounds of 8-bit weights.
pub fn build(cpu: Cpu, node: &Node, inputs: &Inputs<'_>) -> Result<Arc<dyn Layer>, String> {
    node.output(inputs)?;
    let a = &node.attributes;
    Ok(match node.kind {
        Kind::Linear => Arc::new(LinearLayer::new(cpu, a, inputs)?),
        Kind::Conv => Arc::new(ConvLayer::new(cpu, a, inputs)?),
        Kind::Depthwise => Arc::new(DepthwiseLayer::new(a, inputs)?),
        Kind::LayerNorm => Arc::new(NormLayer::new(a, inputs)?),
        Kind::UpConv => Arc::new(UpConvLayer::new(cpu, a, inputs)?),
        Kind::MaskHead => Arc::new(MaskHeadLayer::new(cpu, a, inputs)?),
        Kind::QLinear => Arc::new(QLinearLayer::new(cpu, a, inputs)?),
        Kind::QConv => Arc::new(QConvLayer::new(cpu, a, inputs)?),
        Kind::QDepthwise => Arc::new(QDepthwiseLayer::new(a, inputs)?),
        Kind::WindowAttention => Arc::new(WindowLayer::new(a, inputs)?),
        Kind::SelfAttention => Arc::new(attention::SelfLayer::new(a, inputs)?),
        Kind::TokenToImage => Arc::new(attention::TokenToImageLayer::new(a, inputs)?),
        Kind::ImageToToken => Arc::new(attention::ImageToTokenLayer::new(a, inputs)?),
        Kind::Quantize => Arc::new(plain::Quantize::new(inputs)?),
        Kind::ToRows => Arc::new(plain::ToRows::new(inputs)?),
        Kind::ToMap => Arc::new(plain::ToMap::new(inputs)?),
        Kind::DensePrompt => Arc::new(plain::DensePrompt::new(a, inputs)?),
        Kind::Add => Arc::new(plain::Add),
        Kind::Row => Arc::new(plain::Row::new(inputs)?),
    })
}
