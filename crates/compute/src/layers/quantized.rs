//! 8-bit layers.

use std::sync::Arc;

use super::fact::NodeInputs;
use super::geometry::{depthwise_shape, patches};
use super::layer::Layer;
use super::linear::up_shape;
use super::link::Link;
use super::node::Attributes;
use super::values::{bytes, floats_mut, residual};
use crate::kernels::conv::{ConvI8, UpConvI8};
use crate::kernels::depthwise::DepthwiseI8;
use crate::kernels::gemm::{Finish, LinearI8, Operand, WeightsI8};
use crate::kernels::{Activation, Cpu, Exec, Quant, Value, ValueMut, gelu_table};

/// Weights of an 8-bit node, checked against the bounds on which exactness rests.
fn weights<'a>(inputs: &NodeInputs<'a>) -> Result<WeightsI8<'a>, String> {
    let weight = inputs.signed_bytes("weight")?;
    if let Some(wide) = weight.iter().find(|w| !(-64..=64).contains(*w)) {
        return Err(format!("a weight of {wide}: 8-bit nodes take -64..=64"));
    }
    Ok(WeightsI8 {
        weight,
        scale: inputs.floats("weight_scale")?,
        bias: inputs.floats_if_any("bias")?,
        input: inputs.quant("x")?.ok_or("'x_scale' is missing")?,
    })
}

/// What becomes of the sums.
fn finish(a: &Attributes, inputs: &NodeInputs<'_>) -> Result<Finish, String> {
    let (mid, y) = (inputs.quant("mid")?, inputs.quant("y")?);
    Ok(match (a.activation, mid, y) {
        (Activation::None, None, None) => Finish::F32,
        (Activation::None, None, Some(y)) => Finish::U8(y),
        (Activation::Gelu, Some(mid), Some(y)) => Finish::Table(mid, Box::new(gelu_table(mid, y))),
        (other, ..) => return Err(format!("activation {other:?} with these quantizations")),
    })
}

#[derive(Debug)]
pub(super) struct QLinearLayer {
    linear: Arc<LinearI8>,
    finish: Finish,
    /// How a residual of bytes stands for real numbers.
    residual: Option<Quant>,
}

impl QLinearLayer {
    pub(super) fn new(cpu: Cpu, a: &Attributes, inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let [n, k] = inputs.matrix("weight")?;
        Ok(Self {
            linear: Arc::new(LinearI8::new(cpu, &weights(inputs)?, n, k)),
            finish: finish(a, inputs)?,
            residual: inputs.quant("residual")?,
        })
    }
}

impl Layer for QLinearLayer {
    fn scratch(&self) -> usize {
        self.linear.scratch()
    }

    fn link(&self) -> Option<Link> {
        let (linear, finish) = (self.linear.clone(), self.finish.clone());
        Some(Link::QLinear(linear, finish, self.residual))
    }

    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        let x = Operand::Rows(bytes(&inputs[0]));
        let residual = residual(inputs.get(1), self.residual);
        self.linear.run(exec, x, residual, self.finish.on(output));
    }
}

#[derive(Debug)]
pub(super) struct QConvLayer {
    conv: ConvI8,
    finish: Finish,
}

impl QConvLayer {
    pub(super) fn new(cpu: Cpu, a: &Attributes, inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let shape = inputs.fact("weight")?.shape;
        Ok(Self {
            conv: ConvI8::new(cpu, &weights(inputs)?, shape[0], patches(a, shape[1])),
            finish: finish(a, inputs)?,
        })
    }
}

impl Layer for QConvLayer {
    fn scratch(&self) -> usize {
        self.conv.scratch()
    }

    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        let epilogue = self.finish.on(output);
        self.conv.run(exec, bytes(&inputs[0]), epilogue);
    }
}

#[derive(Debug)]
pub(super) struct QUpConvLayer {
    up: UpConvI8,
    width: usize,
}

impl QUpConvLayer {
    pub(super) fn new(cpu: Cpu, a: &Attributes, inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let [k, n] = up_shape(inputs)?;
        Ok(Self {
            up: UpConvI8::new(cpu, &weights(inputs)?, n, k),
            width: a.width,
        })
    }
}

impl Layer for QUpConvLayer {
    fn scratch(&self) -> usize {
        self.up.scratch()
    }

    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        self.up
            .run(exec, bytes(&inputs[0]), self.width, floats_mut(output));
    }
}

#[derive(Debug)]
pub(super) struct QDepthwiseLayer {
    depthwise: Arc<DepthwiseI8>,
    finish: Finish,
}

impl QDepthwiseLayer {
    pub(super) fn new(a: &Attributes, inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let [_, channels] = inputs.matrix("x")?;
        let weights = weights(inputs)?;
        Ok(Self {
            depthwise: Arc::new(DepthwiseI8::new(depthwise_shape(a, channels)?, &weights)),
            finish: finish(a, inputs)?,
        })
    }
}

impl Layer for QDepthwiseLayer {
    fn scratch(&self) -> usize {
        self.depthwise.scratch()
    }

    fn link(&self) -> Option<Link> {
        Some(Link::QDepthwise(
            self.depthwise.clone(),
            self.finish.clone(),
        ))
    }

    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        let epilogue = self.finish.on(output);
        self.depthwise.run(exec, bytes(&inputs[0]), epilogue);
    }
}
