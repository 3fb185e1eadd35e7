//! Float layers with weights.

use std::sync::Arc;

use super::fact::NodeInputs;
use super::geometry::{depthwise_shape, patches};
use super::layer::Layer;
use super::link::Link;
use super::node::Attributes;
use super::values::{floats, floats_mut, index, out};
use crate::kernels::conv::{ConvF32, MaskHead, UpConvF32};
use crate::kernels::depthwise::DepthwiseF32;
use crate::kernels::gemm::{LinearF32, Operand};
use crate::kernels::norm::LayerNorm;
use crate::kernels::presence::PresenceHead;
use crate::kernels::{Activation, Cpu, Exec, Quant, Value, ValueMut};

#[derive(Debug)]
pub(super) struct LinearLayer {
    linear: Arc<LinearF32>,
    activation: Activation,
    quant: Option<Quant>,
}

impl LinearLayer {
    pub(super) fn new(cpu: Cpu, a: &Attributes, inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let [n, k] = inputs.matrix("weight")?;
        let bias = inputs.floats_if_any("bias")?;
        Ok(Self {
            linear: Arc::new(LinearF32::new(cpu, inputs.floats("weight")?, bias, n, k)),
            activation: a.activation,
            quant: inputs.quant("y")?,
        })
    }
}

impl Layer for LinearLayer {
    fn scratch(&self) -> usize {
        self.linear.scratch()
    }

    fn link(&self) -> Option<Link> {
        let link = Link::Linear(self.linear.clone(), self.activation);
        self.quant.is_none().then_some(link)
    }

    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        let x = Operand::Rows(floats(&inputs[0]));
        let residual = inputs.get(1).map(floats);
        self.linear
            .run(exec, x, residual, self.activation, out(output, self.quant));
    }
}

#[derive(Debug)]
pub(super) struct ConvLayer {
    conv: ConvF32,
    activation: Activation,
    quant: Option<Quant>,
}

impl ConvLayer {
    pub(super) fn new(cpu: Cpu, a: &Attributes, inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let shape = inputs.fact("weight")?.shape;
        let weight = inputs.floats("weight")?;
        let bias = inputs.floats_if_any("bias")?;
        Ok(Self {
            conv: ConvF32::new(cpu, weight, bias, shape[0], patches(a, shape[1])),
            activation: a.activation,
            quant: inputs.quant("y")?,
        })
    }
}

impl Layer for ConvLayer {
    fn scratch(&self) -> usize {
        self.conv.scratch()
    }

    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        let out = out(output, self.quant);
        self.conv
            .run(exec, floats(&inputs[0]), self.activation, out);
    }
}

#[derive(Debug)]
pub(super) struct DepthwiseLayer {
    depthwise: Arc<DepthwiseF32>,
    activation: Activation,
}

impl DepthwiseLayer {
    pub(super) fn new(a: &Attributes, inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let [_, channels] = inputs.matrix("x")?;
        let bias = inputs.floats_if_any("bias")?;
        let weight = inputs.floats("weight")?;
        Ok(Self {
            depthwise: Arc::new(DepthwiseF32::new(
                depthwise_shape(a, channels)?,
                weight,
                bias,
            )),
            activation: a.activation,
        })
    }
}

impl Layer for DepthwiseLayer {
    fn scratch(&self) -> usize {
        self.depthwise.scratch()
    }

    fn link(&self) -> Option<Link> {
        Some(Link::Depthwise(self.depthwise.clone(), self.activation))
    }

    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        let y = floats_mut(output);
        self.depthwise
            .run(exec, floats(&inputs[0]), self.activation, y);
    }
}

#[derive(Debug)]
pub(super) struct NormLayer {
    norm: LayerNorm,
    activation: Activation,
    quant: Option<Quant>,
}

impl NormLayer {
    pub(super) fn new(a: &Attributes, inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let [_, channels] = inputs.matrix("x")?;
        let weight = inputs.floats_if_any("weight")?;
        let bias = inputs.floats_if_any("bias")?;
        Ok(Self {
            norm: LayerNorm::new(weight, bias, channels, a.epsilon),
            activation: a.activation,
            quant: inputs.quant("y")?,
        })
    }
}

impl Layer for NormLayer {
    fn scratch(&self) -> usize {
        self.norm.scratch()
    }

    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        let out = out(output, self.quant);
        self.norm
            .run(exec, floats(&inputs[0]), self.activation, out);
    }
}

#[derive(Debug)]
pub(super) struct UpConvLayer {
    up: UpConvF32,
    width: usize,
    activation: Activation,
}

impl UpConvLayer {
    pub(super) fn new(cpu: Cpu, a: &Attributes, inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let [k, n] = up_shape(inputs)?;
        let (weight, bias) = (inputs.floats("weight")?, inputs.floats("bias")?);
        Ok(Self {
            up: UpConvF32::new(cpu, weight, bias, n, k),
            width: a.width,
            activation: a.activation,
        })
    }
}

impl Layer for UpConvLayer {
    fn scratch(&self) -> usize {
        self.up.scratch()
    }

    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        let y = floats_mut(output);
        self.up
            .run(exec, floats(&inputs[0]), self.width, self.activation, y);
    }
}

#[derive(Debug)]
pub(super) struct MaskHeadLayer {
    head: MaskHead,
    width: usize,
}

impl MaskHeadLayer {
    pub(super) fn new(cpu: Cpu, a: &Attributes, inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let [k, n] = up_shape(inputs)?;
        let (weight, bias) = (inputs.floats("weight")?, inputs.floats("bias")?);
        Ok(Self {
            head: MaskHead::new(cpu, weight, bias, n, k),
            width: a.width,
        })
    }
}

impl Layer for MaskHeadLayer {
    fn scratch(&self) -> usize {
        self.head.scratch()
    }

    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        let (x, hyper) = (floats(&inputs[0]), floats(&inputs[1]));
        self.head
            .run(exec, x, self.width, hyper, floats_mut(output));
    }
}

#[derive(Debug)]
pub(super) struct PresenceLayer {
    head: PresenceHead,
    outputs: usize,
}

impl PresenceLayer {
    pub(super) fn new(inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let [outputs, _] = inputs.matrix("score_weight")?;
        let (weight, bias) = (inputs.floats("weight")?, inputs.floats("bias")?);
        let score = (inputs.floats("score_weight")?, inputs.floats("score_bias")?);
        Ok(Self {
            head: PresenceHead::new((weight, bias), score),
            outputs,
        })
    }
}

impl Layer for PresenceLayer {
    fn work(&self) -> usize {
        self.head.work()
    }

    /// # Panics
    /// If the index is not an output's: the runtime turns that into an error.
    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], work: &mut [f32], output: ValueMut<'_>) {
        let index = index(&inputs[2], self.outputs);
        let (x, query) = (floats(&inputs[0]), floats(&inputs[1]));
        floats_mut(output)[0] = self.head.run(exec, x, query, index, work);
    }
}

/// Inputs and outputs of a transposed convolution's weight `[k, n, 2, 2]`.
pub(super) fn up_shape(inputs: &NodeInputs<'_>) -> Result<[usize; 2], String> {
    match inputs.fact("weight")?.shape[..] {
        [k, n, 2, 2] => Ok([k, n]),
        ref other => Err(format!("'weight': expected [k, n, 2, 2], found {other:?}")),
    }
}
