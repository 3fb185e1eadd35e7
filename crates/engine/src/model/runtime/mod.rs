//! Loading with tract: ONNX bytes in, a checked [`Graph`] ready to run out.

mod error;
mod load;
mod threads;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tract_linalg::multithread::multithread_tract_scope;
use tract_onnx::tract_hir::internal::*;

use super::nodes;
use crate::manifest::contract::{Contract, Port, PortType};
use compute::kernels::{Cpu, Value};
use compute::layers::{LayerCache, Program, Step};
use picture::mask::{LogitMap, MaskError};

pub use error::GraphError;
pub use load::GraphFiles;
pub use threads::Threads;

/// A float32 tensor, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor32 {
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// As many values as the product of `shape`.
    pub data: Vec<f32>,
}

/// A value passed to a graph; its shape is the contract's.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Float32 values, row-major.
    F32(&'a [f32]),
    /// Integers.
    I64(&'a [i64]),
}

/// A graph ready to run: optimised for its one input shape, shared freely between threads.
#[derive(Debug)]
pub struct Graph {
    backend: Backend,
    contract: Contract,
}

#[derive(Debug)]
enum Backend {
    /// Nodes of ours, with weights packed for this machine.
    Ours(Box<Program>),
    /// Standard ONNX, by tract's own operators.
    Tract(Arc<TypedRunnableModel>),
}

impl Graph {
    /// Loads, checks against the contract and optimises for `cpu`, sharing packed layers through `cache`. Takes from milliseconds to seconds.
    ///
    /// # Errors
    /// What was expected and found. A fault inside the runtime, too, comes back as an error.
    pub fn load(
        files: GraphFiles,
        contract: Contract,
        cpu: Cpu,
        cache: &LayerCache,
    ) -> Result<Self, GraphError> {
        guarded(|| {
            let (model, contract) = load::bind(load::parse(files)?, contract)?;
            let model = model.into_decluttered()?;
            let backend = if nodes::any(&model) {
                Backend::Ours(Box::new(nodes::lower(&model, cpu, cache)?))
            } else {
                Backend::Tract(model.into_optimized()?.into_runnable()?)
            };
            Ok(Self { backend, contract })
        })
    }

    /// What it takes and gives, its optional output among the others if it has it.
    #[must_use]
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// The program, if all nodes are ours; `None` if tract runs the graph as it comes.
    #[must_use]
    pub fn program(&self) -> Option<&Program> {
        match &self.backend {
            Backend::Ours(program) => Some(program),
            Backend::Tract(_) => None,
        }
    }

    /// The same graph, one step for each node ([`Program::unfused`]); `None` if tract runs it as it comes.
    #[must_use]
    pub fn unfused(&self) -> Option<Self> {
        self.program().map(|program| Self {
            backend: Backend::Ours(Box::new(program.unfused())),
            contract: self.contract.clone(),
        })
    }

    /// Runs once on `threads`; outputs in the contract's order.
    ///
    /// # Errors
    /// An input whose length or type is not the contract's, or a fault inside the runtime.
    pub fn run(
        &self,
        threads: &Threads,
        inputs: &[Input<'_>],
    ) -> Result<Vec<Tensor32>, GraphError> {
        let mut outputs: Vec<Tensor32> =
            self.contract.outputs.iter().map(Tensor32::zeros).collect();
        self.run_into(threads, inputs, &mut outputs)?;
        Ok(outputs)
    }

    /// As [`Graph::run`], into tensors of the contract's shapes. Allocates nothing if all nodes are ours and the graph
    /// has run on these threads before.
    ///
    /// # Errors
    /// As [`Graph::run`]; also an output of another length.
    pub fn run_into(
        &self,
        threads: &Threads,
        inputs: &[Input<'_>],
        outputs: &mut [Tensor32],
    ) -> Result<(), GraphError> {
        self.run_observed(threads, inputs, outputs, &mut |_, _| ())
    }

    /// As [`Graph::run_into`]; calls `seen(step, output)` after each step of a graph of ours.
    ///
    /// # Errors
    /// As [`Graph::run_into`].
    pub fn run_observed(
        &self,
        threads: &Threads,
        inputs: &[Input<'_>],
        outputs: &mut [Tensor32],
        seen: &mut dyn FnMut(&Step, Value<'_>),
    ) -> Result<(), GraphError> {
        Self::run_each(&[self], threads, inputs, outputs, seen)
    }

    /// Runs graphs on the same inputs; the steps that all begin with in common run once ([`Program::run_each`]).
    /// `outputs` are each graph's, one graph after the other: the same bits as by [`Graph::run_observed`], which says
    /// the rest too.
    ///
    /// # Errors
    /// As [`Graph::run_observed`].
    pub fn run_each(
        graphs: &[&Self],
        threads: &Threads,
        inputs: &[Input<'_>],
        outputs: &mut [Tensor32],
        seen: &mut dyn FnMut(&Step, Value<'_>),
    ) -> Result<(), GraphError> {
        let mut rest = &*outputs;
        for graph in graphs {
            let count = graph.contract.outputs.len().min(rest.len());
            let (own, others) = rest.split_at(count);
            graph.check(inputs, own)?;
            rest = others;
        }
        if !rest.is_empty() {
            return Err(format!("{} outputs too many", rest.len()).into());
        }
        let programs = graphs.iter().filter_map(|graph| graph.program());
        guarded(|| {
            if programs.clone().count() == graphs.len() {
                let mut values = [Value::F32(&[]); MAX_PORTS];
                for (value, input) in values.iter_mut().zip(inputs) {
                    *value = match *input {
                        Input::F32(data) => Value::F32(data),
                        Input::I64(data) => Value::I64(data),
                    };
                }
                let write = &mut |at: usize, floats: &[f32]| {
                    outputs[at].data.copy_from_slice(floats);
                };
                let values = &values[..inputs.len()];
                Program::run_each(programs, &mut threads.context(), values, write, seen);
                return Ok(());
            }
            let mut rest = &mut *outputs;
            for graph in graphs {
                let (own, others) = rest.split_at_mut(graph.contract.outputs.len());
                graph.run_alone(threads, inputs, own)?;
                rest = others;
            }
            Ok(())
        })
    }

    /// A graph that is not ours, by tract; one of ours where graphs of both sorts are asked for.
    fn run_alone(
        &self,
        threads: &Threads,
        inputs: &[Input<'_>],
        outputs: &mut [Tensor32],
    ) -> TractResult<()> {
        let Backend::Tract(plan) = &self.backend else {
            return self
                .run_into(threads, inputs, outputs)
                .map_err(|error| format_err!("{error}"));
        };
        let ports = self.contract.inputs.iter().zip(inputs);
        let inputs = ports.map(|(port, input)| tensor(port, input));
        let inputs = inputs.collect::<TractResult<_>>()?;
        let found = multithread_tract_scope(threads.executor(), || plan.run(inputs))?;
        for (output, found) in outputs.iter_mut().zip(&found) {
            let view = found.to_plain_array_view::<f32>()?;
            output.data.clear();
            output.data.extend(view.iter());
        }
        Ok(())
    }

    fn check(&self, inputs: &[Input<'_>], outputs: &[Tensor32]) -> Result<(), GraphError> {
        let Contract {
            inputs: expected,
            outputs: given,
            ..
        } = &self.contract;
        if inputs.len() != expected.len() || outputs.len() != given.len() {
            return Err(format!(
                "expected {} inputs, found {}; {} outputs, found {}",
                expected.len(),
                inputs.len(),
                given.len(),
                outputs.len()
            )
            .into());
        }
        for (port, input) in expected.iter().zip(inputs) {
            let (element, len) = match input {
                Input::F32(data) => (PortType::F32, data.len()),
                Input::I64(data) => (PortType::I64, data.len()),
            };
            if element != port.element || len != port.len() {
                return Err(format!(
                    "'{}': expected {:?} {:?}, found {len} of {element:?}",
                    port.name, port.element, port.shape
                )
                .into());
            }
        }
        for (port, output) in given.iter().zip(outputs) {
            if output.data.len() != port.len() {
                return Err(format!("'{}': no room for {:?}", port.name, port.shape).into());
            }
        }
        Ok(())
    }
}

/// Most inputs or outputs of a graph.
const MAX_PORTS: usize = 2;

impl Tensor32 {
    /// Room for a port's values.
    #[must_use]
    pub fn zeros(port: &Port) -> Self {
        Self {
            shape: port.shape.clone(),
            data: vec![0.0; port.len()],
        }
    }
}

impl TryFrom<Tensor32> for LogitMap {
    type Error = MaskError;

    /// From a `[1, 1, side, side]` tensor.
    fn try_from(tensor: Tensor32) -> Result<Self, MaskError> {
        let side = tensor.shape.last().copied().unwrap_or_default();
        Self::new(side, tensor.data)
    }
}

fn tensor(port: &Port, input: &Input<'_>) -> TractResult<TValue> {
    Ok(match (port.element, input) {
        (PortType::F32, Input::F32(values)) => Tensor::from_shape(&port.shape, values)?,
        (PortType::I64, Input::I64(values)) => Tensor::from_shape(&port.shape, values)?,
        _ => bail!(
            "'{}': expected {:?}, found {input:?}",
            port.name,
            port.element
        ),
    }
    .into_tvalue())
}

/// tract reports most faults as errors but asserts some: neither may take a thread of ours down.
fn guarded<R>(work: impl FnOnce() -> TractResult<R>) -> Result<R, GraphError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(GraphError::of_runtime),
        Err(panic) => Err(format!("the runtime failed: {}", panic_message(&*panic)).into()),
    }
}

/// What a caught panic said.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(message), _) => message,
        (_, Some(message)) => message,
        _ => "panic without a message",
    }
}
