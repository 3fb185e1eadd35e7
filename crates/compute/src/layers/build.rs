//! From a node and its weights to a layer.

use std::sync::Arc;

use super::attention::{
    ImageToTokenLayer, QWindowLayer, SelfLayer, TokenToImageLayer, WindowLayer,
};
use super::classify::{ClassifyLayer, RootsLayer};
use super::fact::NodeInputs;
use super::kind::NodeKind;
use super::layer::Layer;
use super::linear::{
    ConvLayer, DepthwiseLayer, LinearLayer, MaskHeadLayer, NormLayer, PresenceLayer, UpConvLayer,
};
use super::node::Node;
use super::plain::{AddLayer, DensePromptLayer, QuantizeLayer, RowLayer, ToMapLayer, ToRowsLayer};
use super::quantized::{QConvLayer, QDepthwiseLayer, QLinearLayer, QUpConvLayer};
use crate::kernels::Cpu;

/// Packs a node's weights for a CPU.
///
/// # Errors
/// Inputs that do not fit the node, each other, or the bounds of 8-bit weights.
pub fn build(cpu: Cpu, node: &Node, inputs: &NodeInputs<'_>) -> Result<Arc<dyn Layer>, String> {
    node.output(inputs)?;
    let a = &node.attributes;
    Ok(match node.kind {
        NodeKind::Linear => Arc::new(LinearLayer::new(cpu, a, inputs)?),
        NodeKind::Conv => Arc::new(ConvLayer::new(cpu, a, inputs)?),
        NodeKind::Depthwise => Arc::new(DepthwiseLayer::new(a, inputs)?),
        NodeKind::LayerNorm => Arc::new(NormLayer::new(a, inputs)?),
        NodeKind::UpConv => Arc::new(UpConvLayer::new(cpu, a, inputs)?),
        NodeKind::MaskHead => Arc::new(MaskHeadLayer::new(cpu, a, inputs)?),
        NodeKind::Presence => Arc::new(PresenceLayer::new(inputs)?),
        NodeKind::Roots => Arc::new(RootsLayer::new(inputs)?),
        NodeKind::Classify => Arc::new(ClassifyLayer::new(inputs)?),
        NodeKind::QLinear => Arc::new(QLinearLayer::new(cpu, a, inputs)?),
        NodeKind::QConv => Arc::new(QConvLayer::new(cpu, a, inputs)?),
        NodeKind::QUpConv => Arc::new(QUpConvLayer::new(cpu, a, inputs)?),
        NodeKind::QDepthwise => Arc::new(QDepthwiseLayer::new(a, inputs)?),
        NodeKind::WindowAttention => Arc::new(WindowLayer::new(a, inputs)?),
        NodeKind::QWindowAttention => Arc::new(QWindowLayer::new(cpu, a, inputs)?),
        NodeKind::SelfAttention => Arc::new(SelfLayer::new(a, inputs)?),
        NodeKind::TokenToImage => Arc::new(TokenToImageLayer::new(a, inputs)?),
        NodeKind::ImageToToken => Arc::new(ImageToTokenLayer::new(a, inputs)?),
        NodeKind::Quantize => Arc::new(QuantizeLayer::new(inputs)?),
        NodeKind::ToRows => Arc::new(ToRowsLayer::new(inputs)?),
        NodeKind::ToMap => Arc::new(ToMapLayer::new(inputs)?),
        NodeKind::DensePrompt => Arc::new(DensePromptLayer::new(a, inputs)?),
        NodeKind::Add => Arc::new(AddLayer),
        NodeKind::Row => Arc::new(RowLayer::new(inputs)?),
    })
}
