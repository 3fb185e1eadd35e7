//! The two ends of a small classifier.

use super::fact::NodeInputs;
use super::layer::Layer;
use super::values::{floats, floats_mut};
use crate::kernels::classify::{Classifier, roots};
use crate::kernels::{Exec, Value, ValueMut};

#[derive(Debug)]
pub(super) struct RootsLayer {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl RootsLayer {
    pub(super) fn new(inputs: &NodeInputs<'_>) -> Result<Self, String> {
        Ok(Self {
            scale: inputs.floats("scale")?.to_vec(),
            shift: inputs.floats("shift")?.to_vec(),
        })
    }
}

impl Layer for RootsLayer {
    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        let affine = (&self.scale[..], &self.shift[..]);
        roots(exec, floats(&inputs[0]), affine, floats_mut(output));
    }
}

#[derive(Debug)]
pub(super) struct ClassifyLayer(Classifier);

impl ClassifyLayer {
    pub(super) fn new(inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let (weight, bias) = (inputs.floats("weight")?, inputs.floats("bias")?);
        Ok(Self(Classifier::new(weight, bias)))
    }
}

impl Layer for ClassifyLayer {
    fn work(&self) -> usize {
        self.0.work()
    }

    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], work: &mut [f32], output: ValueMut<'_>) {
        (self.0).run(exec, floats(&inputs[0]), work, floats_mut(output));
    }
}
