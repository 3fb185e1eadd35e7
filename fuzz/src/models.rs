//! A models folder that somebody else made: its manifest, its graphs.

use std::panic::{set_hook, take_hook};
use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;

use compute::kernels::Cpu;
use compute::layers::LayerCache;
use engine::manifest::contract::{Contract, PortType, Role};
use engine::manifest::{FileSpec, Manifest};
use engine::model::runtime::{Graph, GraphFiles, Input, Threads};
use sha2::{Digest, Sha256};

/// A manifest's text is refused, or names files in its own folder alone.
pub fn check_manifest(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(manifest) = Manifest::parse(text) else {
        return;
    };
    for model in &manifest.models {
        assert!(!model.modalities.is_empty());
        for file in &model.files {
            let mut parts = Path::new(&file.path).components();
            assert!(parts.all(|part| matches!(part, Component::Normal(_))));
        }
        for modality in &model.modalities {
            let graphs = [&modality.encoder, &modality.self_prompt, &modality.decoder];
            let listed = |path: &String| model.files.iter().any(|file| &file.path == path);
            assert!(graphs.into_iter().chain(&modality.weights).all(listed));
        }
    }
}

/// What an ONNX file may be, with the model's side, px: a graph of the toy model, or a small one of those that are shipped.
const GRAPHS: [(Role, usize); 6] = [
    (Role::Encoder, 64),
    (Role::SelfPrompt, 64),
    (Role::Decoder, 64),
    (Role::Guard, 8),
    (Role::Guard, 64),
    (Role::SelfPrompt, 224),
];

/// An ONNX file is refused, or runs and gives what the contract says. What tract asserts must come back as an error.
///
/// The first byte says which of [`GRAPHS`] it is to be.
pub fn check_graph(data: &[u8]) {
    let [which, onnx @ ..] = data else { return };
    let Some((role, side)) = GRAPHS.get(usize::from(*which)) else {
        return;
    };
    let contract = role.contract(*side);
    // libFuzzer's hook ends the process before a panic is caught.
    let loud = take_hook();
    set_hook(Box::new(|_| ()));
    let ran = load(onnx, contract).and_then(|graph| Ok((run(&graph)?, graph)));
    set_hook(loud);
    if let Ok((lengths, graph)) = ran {
        let outputs = graph.contract().outputs.iter();
        assert!(lengths.into_iter().eq(outputs.map(|port| port.len())));
    }
}

fn load(onnx: &[u8], contract: Contract) -> Result<Graph, String> {
    let sha256 = Sha256::digest(onnx)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    std::fs::write(FOLDER.join(NAME), onnx).expect("room for a graph");
    let files = GraphFiles {
        dir: FOLDER.clone(),
        onnx: FileSpec {
            path: NAME.into(),
            sha256,
            bytes: onnx.len() as u64,
        },
        weights: Vec::new(),
    };
    Ok(Graph::load(
        files,
        contract,
        Cpu::best(),
        &LayerCache::default(),
    )?)
}

/// Runs on zeros; the lengths of the outputs.
fn run(graph: &Graph) -> Result<Vec<usize>, String> {
    let contract = graph.contract();
    let most = contract.inputs.iter().map(|port| port.len()).max();
    let (floats, whole) = (vec![0.0; most.unwrap_or(0)], vec![0; most.unwrap_or(0)]);
    let inputs = contract.inputs.iter().map(|port| match port.element {
        PortType::F32 => Input::F32(&floats[..port.len()]),
        PortType::I64 => Input::I64(&whole[..port.len()]),
    });
    let outputs = graph.run(&THREADS, &inputs.collect::<Vec<_>>())?;
    Ok(outputs.iter().map(|output| output.data.len()).collect())
}

const NAME: &str = "graph.onnx";
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
});
static THREADS: LazyLock<Threads> =
    LazyLock::new(|| Threads::new(Cpu::best(), 1).expect("a thread"));
