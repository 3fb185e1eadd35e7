//! The one file that knows tract: ONNX bytes in, a checked and optimised [`Graph`] out.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tract_linalg::multithread::{Executor, multithread_tract_scope};
use tract_onnx::Onnx;
use tract_onnx::data_resolver::ModelDataResolver;
use tract_onnx::tract_hir::internal::*;

use super::contract::{Contract, Element, Port};
use super::manifest::FileSpec;
use super::verify;

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
    plan: Arc<TypedRunnableModel>,
    contract: Contract,
}

impl Graph {
    /// Loads, checks against the contract and optimises. Takes from milliseconds to seconds.
    ///
    /// # Errors
    /// What was expected and found. A fault inside the runtime, too, comes back as an error.
    pub fn load(files: GraphFiles, contract: Contract) -> Result<Self, String> {
        guarded(|| {
            let model = parse(files)?;
            let model = bind(model, &contract)?;
            let model = model.into_optimized()?;
            for (ix, port) in contract.outputs.iter().enumerate() {
                check_fact(port, "gives", model.output_fact(ix)?)?;
            }
            Ok(Self {
                plan: model.into_runnable()?,
                contract,
            })
        })
    }

    /// Runs once on the current thread's [`Threads`]; outputs in the contract's order.
    ///
    /// # Errors
    /// An input whose length or type is not the contract's, or a fault inside the runtime.
    pub fn run(&self, inputs: &[Input<'_>]) -> Result<Vec<Tensor32>, String> {
        if inputs.len() != self.contract.inputs.len() {
            return Err(format!(
                "expected {} inputs, found {}",
                self.contract.inputs.len(),
                inputs.len()
            ));
        }
        guarded(|| {
            let inputs = self
                .contract
                .inputs
                .iter()
                .zip(inputs)
                .map(|(port, input)| tensor(port, input));
            let outputs = self.plan.run(inputs.collect::<TractResult<_>>()?)?;
            outputs
                .iter()
                .map(|output| {
                    let view = output.to_plain_array_view::<f32>()?;
                    Ok(Tensor32 {
                        shape: view.shape().to_vec(),
                        data: view.iter().copied().collect(),
                    })
                })
                .collect()
        })
    }
}

/// The threads matrix products run on. Each engine worker has its own, so that workers never wait for each other.
#[derive(Clone, Debug)]
pub struct Threads(Executor);

impl Threads {
    /// Exactly `count` computing threads; with one, the calling thread itself.
    ///
    /// # Errors
    /// What the pool said.
    pub fn new(count: usize) -> Result<Self, String> {
        if count <= 1 {
            return Ok(Self(Executor::SingleThread));
        }
        guarded(|| Ok(Self(Executor::multithread_with_name(count, "tract"))))
    }

    /// Every [`Graph::run`] inside `work` computes on these threads.
    pub fn scope<R>(&self, work: impl FnOnce() -> R) -> R {
        multithread_tract_scope(self.0.clone(), work)
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
    let onnx = Onnx {
        provider: Arc::new(verified),
        ..tract_onnx::onnx()
    };
    let proto = onnx
        .proto_model_for_read(&mut bytes.as_slice())
        .context("not an ONNX file")?;
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
