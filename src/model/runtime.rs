//! Loading with tract: ONNX bytes in, a checked [`Graph`] ready to run out.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tract_linalg::multithread::{Executor, multithread_tract_scope};
use tract_onnx::Onnx;
use tract_onnx::data_resolver::ModelDataResolver;
use tract_onnx::tract_hir::internal::*;

use super::contract::{Contract, Element, Port};
use super::manifest::FileSpec;
use super::{nodes, verify};
use crate::compute::{Context, Cpu, Pool, Value};
use crate::layers::{LayerCache, Program, Step};

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

/// The files a graph is made of, each checked against the manifest as it is read.
#[derive(Debug)]
pub struct GraphFiles {
    /// Folder of the manifest.
    pub dir: PathBuf,
    /// The ONNX file.
    pub onnx: FileSpec,
    /// The external-data files it may read. A graph that reads any other is refused.
    pub weights: Vec<FileSpec>,
}

/// A graph ready to run: optimised for its one input shape, shared freely between threads.
#[derive(Debug)]
pub struct Graph {
    plan: Plan,
    contract: Contract,
}

#[derive(Debug)]
enum Plan {
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
    ) -> Result<Self, String> {
        guarded(|| {
            let model = bind(parse(files)?, &contract)?.into_decluttered()?;
            let plan = if nodes::any(&model) {
                Plan::Ours(Box::new(nodes::lower(&model, cpu, cache)?))
            } else {
                Plan::Tract(model.into_optimized()?.into_runnable()?)
            };
            Ok(Self { plan, contract })
        })
    }

    /// What it takes and gives.
    #[must_use]
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// The program, if all nodes are ours; `None` if tract runs the graph as it comes.
    #[must_use]
    pub fn program(&self) -> Option<&Program> {
        match &self.plan {
            Plan::Ours(program) => Some(program),
            Plan::Tract(_) => None,
        }
    }

    /// The same graph, one step for each node ([`Program::unfused`]); `None` if tract runs it as it comes.
    #[must_use]
    pub fn unfused(&self) -> Option<Self> {
        self.program().map(|program| Self {
            plan: Plan::Ours(Box::new(program.unfused())),
            contract: self.contract.clone(),
        })
    }

    /// Runs once on `threads`; outputs in the contract's order.
    ///
    /// # Errors
    /// An input whose length or type is not the contract's, or a fault inside the runtime.
    pub fn run(&self, threads: &Threads, inputs: &[Input<'_>]) -> Result<Vec<Tensor32>, String> {
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
    ) -> Result<(), String> {
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
    ) -> Result<(), String> {
        self.check(inputs, outputs)?;
        let count = outputs.len();
        guarded(|| match &self.plan {
            Plan::Ours(program) => {
                let mut values = [Value::F32(&[]); MAX_PORTS];
                for (value, input) in values.iter_mut().zip(inputs) {
                    *value = match *input {
                        Input::F32(data) => Value::F32(data),
                        Input::I64(data) => Value::I64(data),
                    };
                }
                let mut parts = outputs.iter_mut().map(|output| output.data.as_mut_slice());
                let mut slices: [&mut [f32]; MAX_PORTS] = Default::default();
                slices.fill_with(|| parts.next().unwrap_or_default());
                let (values, slices) = (&values[..inputs.len()], &mut slices[..count]);
                program.run_observed(&mut threads.context(), values, slices, seen);
                Ok(())
            }
            Plan::Tract(plan) => {
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
        })
    }

    fn check(&self, inputs: &[Input<'_>], outputs: &[Tensor32]) -> Result<(), String> {
        let Contract {
            inputs: expected,
            outputs: given,
        } = &self.contract;
        if inputs.len() != expected.len() || outputs.len() != given.len() {
            return Err(format!(
                "expected {} inputs, found {}; {} outputs, found {}",
                expected.len(),
                inputs.len(),
                given.len(),
                outputs.len()
            ));
        }
        for (port, input) in expected.iter().zip(inputs) {
            let (element, len) = match input {
                Input::F32(data) => (Element::F32, data.len()),
                Input::I64(data) => (Element::I64, data.len()),
            };
            if element != port.element || len != port.len() {
                return Err(format!(
                    "'{}': expected {:?} {:?}, found {len} of {element:?}",
                    port.name, port.element, port.shape
                ));
            }
        }
        for (port, output) in given.iter().zip(outputs) {
            if output.data.len() != port.len() {
                return Err(format!("'{}': no room for {:?}", port.name, port.shape));
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

/// What graphs compute on: exactly so many threads, and the memory between layers. Each engine worker has its own, so
/// that workers never wait for each other; clones share it.
#[derive(Clone, Debug)]
pub struct Threads {
    count: usize,
    context: Arc<Mutex<Context>>,
    /// tract's own pool, made only for a graph that tract runs as it comes.
    executor: Arc<OnceLock<Executor>>,
}

impl Threads {
    /// Exactly `count` computing threads, the calling one among them (0 counts as 1).
    ///
    /// # Errors
    /// The system refused a thread.
    pub fn new(cpu: Cpu, count: usize) -> Result<Self, String> {
        Self::with_start(cpu, count, |_| ())
    }

    /// As [`Threads::new`]; each thread that is started calls `start` first, with its number (from 1).
    ///
    /// # Errors
    /// As [`Threads::new`].
    pub fn with_start(
        cpu: Cpu,
        count: usize,
        start: impl Fn(usize) + Clone + Send + 'static,
    ) -> Result<Self, String> {
        let count = count.max(1);
        let pool = Pool::with_start(count, start).map_err(|error| error.to_string())?;
        Ok(Self {
            count,
            context: Arc::new(Mutex::new(Context::with_pool(cpu, pool))),
            executor: Arc::default(),
        })
    }

    /// Number of threads.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The computing context, for one run at a time. A run that panicked leaves only values behind that the next
    /// one overwrites.
    pub fn context(&self) -> MutexGuard<'_, Context> {
        self.context.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn executor(&self) -> Executor {
        let make = || match self.count {
            1 => Executor::SingleThread,
            count => Executor::multithread_with_name(count, "tract"),
        };
        self.executor.get_or_init(make).clone()
    }
}

/// Serves external data from bytes that were hashed on the way in: what was checked is what is loaded.
struct Verified {
    dir: PathBuf,
    /// By resolved path, as tract asks for them.
    files: HashMap<PathBuf, FileSpec>,
    /// Read once per load, however many tensors lie in one file.
    read: Mutex<HashMap<PathBuf, Arc<Vec<u8>>>>,
}

impl Verified {
    fn bytes(&self, path: &Path) -> TractResult<Arc<Vec<u8>>> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = read.get(path) {
            return Ok(bytes.clone());
        }
        let Some(file) = self.files.get(path) else {
            bail!(
                "reads {}, which the manifest does not list for it",
                path.display()
            );
        };
        let bytes = Arc::new(verify::read(&self.dir, file)?);
        read.insert(path.to_path_buf(), bytes.clone());
        Ok(bytes)
    }
}

impl ModelDataResolver for Verified {
    fn read_bytes_from_path(
        &self,
        buffer: &mut Vec<u8>,
        path: &Path,
        offset: usize,
        length: Option<usize>,
    ) -> TractResult<()> {
        let bytes = self.bytes(path)?;
        let end = length.map_or(Some(bytes.len()), |length| offset.checked_add(length));
        let Some(part) = end.and_then(|end| bytes.get(offset..end)) else {
            bail!(
                "reads past the end of {} ({} bytes)",
                path.display(),
                bytes.len()
            );
        };
        buffer.extend_from_slice(part);
        Ok(())
    }
}

fn parse(files: GraphFiles) -> TractResult<InferenceModel> {
    let GraphFiles { dir, onnx, weights } = files;
    let bytes = verify::read(&dir, &onnx)?;
    let path = dir.join(&onnx.path).canonicalize()?;
    let folder = path
        .parent()
        .and_then(Path::to_str)
        .context("the path of the models folder is not UTF-8")?;
    let files = weights
        .into_iter()
        .map(|file| Ok((dir.join(&file.path).canonicalize()?, file)))
        .collect::<TractResult<_>>()?;
    let verified = Verified {
        dir,
        files,
        read: Mutex::default(),
    };
    let mut onnx = Onnx {
        provider: Arc::new(verified),
        ..tract_onnx::onnx()
    };
    let proto = onnx
        .proto_model_for_read(&mut bytes.as_slice())
        .context("not an ONNX file")?;
    nodes::register(&mut onnx, &proto)?;
    let parsed = onnx.parse(&proto, Some(folder))?;
    ensure!(
        parsed.unresolved_inputs.is_empty(),
        "undefined values: {}",
        parsed.unresolved_inputs.join(", ")
    );
    Ok(parsed.model)
}

/// Puts inputs and outputs in the contract's order and fixes the input shapes.
fn bind(mut model: InferenceModel, contract: &Contract) -> TractResult<TypedModel> {
    let found = model
        .input_outlets()?
        .iter()
        .map(|outlet| model.node(outlet.node).name.clone())
        .collect::<Vec<_>>();
    let expected = contract
        .inputs
        .iter()
        .map(|port| port.name)
        .collect::<Vec<_>>();
    ensure!(
        same_names(&expected, &found),
        "expected inputs {expected:?}, found {found:?}"
    );
    let outlets = model.output_outlets()?.to_vec();
    let found = outlets
        .iter()
        .map(|outlet| model.outlet_label(*outlet).unwrap_or_default().to_string());
    let found = found.collect::<Vec<_>>();
    let expected = contract
        .outputs
        .iter()
        .map(|port| port.name)
        .collect::<Vec<_>>();
    ensure!(
        same_names(&expected, &found),
        "expected outputs {expected:?}, found {found:?}"
    );

    let inputs = contract
        .inputs
        .iter()
        .map(|port| model.node_id_by_name(port.name).map(OutletId::from));
    model.set_input_outlets(&inputs.collect::<TractResult<Vec<_>>>()?)?;
    let outputs = contract
        .outputs
        .iter()
        .filter_map(|port| found.iter().position(|name| name == port.name));
    model.select_output_outlets(&outputs.map(|ix| outlets[ix]).collect::<Vec<_>>())?;
    for (ix, port) in contract.inputs.iter().enumerate() {
        let stated = model.input_fact(ix)?.clone();
        let fixed = InferenceFact::dt_shape(datum_type(port.element), port.shape.as_slice());
        if stated.unify(&fixed).is_err() {
            bail!(
                "'{}': expected {:?} {:?}, the graph takes {stated:?}",
                port.name,
                port.element,
                port.shape
            );
        }
        model.set_input_fact(ix, fixed)?;
    }
    let model = model.into_typed()?;
    for (ix, port) in contract.outputs.iter().enumerate() {
        check_fact(port, "gives", model.output_fact(ix)?)?;
    }
    Ok(model)
}

fn same_names(expected: &[&str], found: &[String]) -> bool {
    expected.len() == found.len()
        && expected
            .iter()
            .all(|name| found.iter().any(|found| found == name))
}

fn check_fact(port: &Port, verb: &str, fact: &TypedFact) -> TractResult<()> {
    let shape = fact.shape.as_concrete();
    ensure!(
        fact.datum_type == datum_type(port.element) && shape == Some(port.shape.as_slice()),
        "'{}': expected {:?} {:?}, the graph {verb} {:?} {:?}",
        port.name,
        port.element,
        port.shape,
        fact.datum_type,
        fact.shape
    );
    Ok(())
}

fn tensor(port: &Port, input: &Input<'_>) -> TractResult<TValue> {
    Ok(match (port.element, input) {
        (Element::F32, Input::F32(values)) => Tensor::from_shape(&port.shape, values)?,
        (Element::I64, Input::I64(values)) => Tensor::from_shape(&port.shape, values)?,
        _ => bail!(
            "'{}': expected {:?}, found {input:?}",
            port.name,
            port.element
        ),
    }
    .into_tvalue())
}

fn datum_type(element: Element) -> DatumType {
    match element {
        Element::F32 => f32::datum_type(),
        Element::I64 => i64::datum_type(),
    }
}

/// tract reports most faults as errors but asserts some: neither may take a thread of ours down.
fn guarded<R>(work: impl FnOnce() -> TractResult<R>) -> Result<R, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| format!("{error:#}")),
        Err(panic) => Err(format!("the runtime failed: {}", panic_message(&*panic))),
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
