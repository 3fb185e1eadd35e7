//! Layers without weights.

use super::fact::NodeInputs;
use super::layer::Layer;
use super::node::Attributes;
use super::values::{floats, floats_mut, index, out};
use crate::kernels::pointwise;
use crate::kernels::{Exec, Out, Quant, Value, ValueMut};

#[derive(Debug)]
pub(super) struct QuantizeLayer(Quant);

impl QuantizeLayer {
    pub(super) fn new(inputs: &NodeInputs<'_>) -> Result<Self, String> {
        Ok(Self(inputs.quant("y")?.ok_or("'y_scale' is missing")?))
    }
}

impl Layer for QuantizeLayer {
    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        if let Out::U8(quant, y) = out(output, Some(self.0)) {
            pointwise::quantize(exec, floats(&inputs[0]), quant, y);
        }
    }
}

#[derive(Debug)]
pub(super) struct ToRowsLayer {
    channels: usize,
}

impl ToRowsLayer {
    pub(super) fn new(inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let channels = inputs.fact("x")?.shape[1];
        Ok(Self { channels })
    }
}

impl Layer for ToRowsLayer {
    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        pointwise::to_rows(exec, floats(&inputs[0]), self.channels, floats_mut(output));
    }
}

#[derive(Debug)]
pub(super) struct ToMapLayer {
    channels: usize,
}

impl ToMapLayer {
    pub(super) fn new(inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let [_, channels] = inputs.matrix("x")?;
        Ok(Self { channels })
    }
}

impl Layer for ToMapLayer {
    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        pointwise::to_map(exec, floats(&inputs[0]), self.channels, floats_mut(output));
    }
}

#[derive(Debug)]
pub(super) struct DensePromptLayer {
    table: Vec<f32>,
    height: usize,
    width: usize,
}

impl DensePromptLayer {
    pub(super) fn new(a: &Attributes, inputs: &NodeInputs<'_>) -> Result<Self, String> {
        Ok(Self {
            table: inputs.floats("table")?.to_vec(),
            height: a.height,
            width: a.width,
        })
    }
}

impl Layer for DensePromptLayer {
    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        let (embedding, logits) = (floats(&inputs[0]), floats(&inputs[1]));
        let size = (self.height, self.width);
        pointwise::dense_prompt(
            exec,
            embedding,
            logits,
            &self.table,
            size,
            floats_mut(output),
        );
    }
}

#[derive(Debug)]
pub(super) struct AddLayer;

impl Layer for AddLayer {
    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        let (a, b) = (floats(&inputs[0]), floats(&inputs[1]));
        pointwise::add(exec, a, b, floats_mut(output));
    }
}

#[derive(Debug)]
pub(super) struct RowLayer {
    rows: usize,
}

impl RowLayer {
    pub(super) fn new(inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let [rows, _] = inputs.matrix("x")?;
        Ok(Self { rows })
    }
}

impl Layer for RowLayer {
    /// # Panics
    /// If the index is not a row's: the runtime turns that into an error.
    fn run(&self, _: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        let row = index(&inputs[1], self.rows);
        pointwise::row(floats(&inputs[0]), row, floats_mut(output));
    }
}
