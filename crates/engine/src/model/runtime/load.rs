//! From files to tract's model: hashed on the way in, checked against the contract.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use picture::sync::lock;

use tract_onnx::Onnx;
use tract_onnx::data_resolver::ModelDataResolver;
use tract_onnx::tract_hir::internal::*;

use crate::manifest::FileSpec;
use crate::manifest::contract::{Contract, Port, PortType};
use crate::manifest::file;
use crate::model::nodes;

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

/// Serves external data from bytes that were hashed on the way in: what was checked is what is loaded.
struct Verified {
    dir: PathBuf,
    /// `dir`, resolved: errors name files relative to it.
    root: PathBuf,
    /// By resolved path, as tract asks for them.
    files: HashMap<PathBuf, FileSpec>,
    /// Read once per load, however many tensors lie in one file.
    read: Mutex<HashMap<PathBuf, Arc<Vec<u8>>>>,
}

impl Verified {
    fn bytes(&self, path: &Path) -> TractResult<Arc<Vec<u8>>> {
        let mut read = lock(&self.read);
        if let Some(bytes) = read.get(path) {
            return Ok(bytes.clone());
        }
        let Some(file) = self.files.get(path) else {
            bail!(
                "reads {}, which the manifest does not list for it",
                path.strip_prefix(&self.root).unwrap_or(path).display()
            );
        };
        let bytes = Arc::new(file::read(&self.dir, file)?);
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
                path.strip_prefix(&self.root).unwrap_or(path).display(),
                bytes.len()
            );
        };
        buffer.extend_from_slice(part);
        Ok(())
    }
}

/// Reads the ONNX file and the external data it names.
pub(super) fn parse(files: GraphFiles) -> TractResult<InferenceModel> {
    let GraphFiles { dir, onnx, weights } = files;
    let bytes = file::read(&dir, &onnx)?;
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
        root: dir.canonicalize()?,
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

/// Puts inputs and outputs in the contract's order and fixes the input shapes. The contract comes back as the graph keeps it:
/// with its optional output, or without.
pub(super) fn bind(
    mut model: InferenceModel,
    contract: Contract,
) -> TractResult<(TypedModel, Contract)> {
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
    let contract = contract.of_outputs(&found);
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
    Ok((model, contract))
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

fn datum_type(element: PortType) -> DatumType {
    match element {
        PortType::F32 => f32::datum_type(),
        PortType::I64 => i64::datum_type(),
    }
}
