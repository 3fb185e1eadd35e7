//! A toy model to the contract, written as ONNX from scratch: what it answers can be worked out by hand.
//!
//! Its side is 64. A cell of the embedding is the mean of 16×16 red values less 128, repeated on 4×4 cells of the
//! low-resolution logits: bright is target. The patch map is the mean over 32×32. Modality `all` (index 1) adds 1000
//! to every logit; `dark` (index 3) has an encoder of its own, which turns the sign. It says nothing of presence unless
//! [`add_presence`] has it do so.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::onnx::{Data, FLOAT, INT64, Tensor, Value, floats, graph, node};

pub const SIDE: usize = 64;
const CHANNELS: usize = 256;

/// Writes the toy model's folder: graphs, weights and manifest.
pub fn model() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_model(dir.path());
    dir
}

pub fn write_model(dir: &Path) {
    std::fs::write(dir.join("base.bin"), encoder_weights(1.0)).unwrap();
    std::fs::write(dir.join("dark.bin"), encoder_weights(-1.0)).unwrap();
    std::fs::write(dir.join("encoder.onnx"), encoder("base.bin")).unwrap();
    std::fs::write(dir.join("encoder-dark.onnx"), encoder("dark.bin")).unwrap();
    std::fs::write(dir.join("self_prompt.onnx"), self_prompt()).unwrap();
    std::fs::write(dir.join("decoder.onnx"), decoder()).unwrap();
    write_manifest(dir, SIDE);
}

/// Writes the manifest for the files as they are now.
pub fn write_manifest(dir: &Path, side: usize) {
    let mut text = format!(
        "format = 1\nnotice = \"Research use only. Not for clinical use.\"\n[[model]]\nname = \"toy\"\nside = {side}\n\
         storage = \"float32\"\nopset = 17\n[model.preprocess]\nprofile = \"toy\"\nresize = \"bilinear-squash\"\n\
         mean = [128, 128, 128]\nstd = [1, 1, 1]\n"
    );
    for path in [
        "base.bin",
        "dark.bin",
        "encoder.onnx",
        "encoder-dark.onnx",
        "self_prompt.onnx",
        "decoder.onnx",
    ] {
        let bytes = std::fs::read(dir.join(path)).unwrap();
        let digest: String = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        write!(
            text,
            "[[model.file]]\npath = \"{path}\"\nsha256 = \"{digest}\"\nbytes = {}\n",
            bytes.len()
        )
        .unwrap();
    }
    for (name, index, encoder, weights) in [
        ("bright", 0, "encoder.onnx", "base.bin"),
        ("all", 1, "encoder.onnx", "base.bin"),
        ("dark", 3, "encoder-dark.onnx", "dark.bin"),
    ] {
        write!(
            text,
            "[[model.modality]]\nname = \"{name}\"\nindex = {index}\nlabel = \"{name}\"\ncontroller = false\n\
             encoder = \"{encoder}\"\nself_prompt = \"self_prompt.onnx\"\ndecoder = \"decoder.onnx\"\n\
             weights = [\"{weights}\"]\n"
        )
        .unwrap();
    }
    std::fs::write(dir.join("manifest.toml"), text).unwrap();
}

/// Adds a modality guard: `bright` scores by how far the mean red is above 128, `dark` by how far it is below, `other` by
/// neither; `all` is no class of it.
pub fn add_guard(dir: &Path, threshold: f32) {
    std::fs::write(dir.join("guard.onnx"), guard()).unwrap();
    let bytes = std::fs::read(dir.join("guard.onnx")).unwrap();
    let digest: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut text = format!(
        "\n[guard]\nside = {GUARD_SIDE}\ninverted = 0.8\n[guard.preprocess]\nprofile = \"toy\"\nresize = \"bilinear-squash\"\n\
         mean = [128, 128, 128]\nstd = [1, 1, 1]\n[guard.file]\npath = \"guard.onnx\"\nsha256 = \"{digest}\"\nbytes = {}\n",
        bytes.len()
    );
    for name in ["bright", "dark", "c", "d", "e", "f"] {
        write!(
            text,
            "[[guard.class]]\nname = \"{name}\"\nthreshold = {threshold}\n"
        )
        .unwrap();
    }
    text += "[[guard.class]]\nname = \"other\"\n";
    let path = dir.join("manifest.toml");
    let manifest = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, manifest + &text).unwrap();
}

/// Adds a presence score, and its bounds to every modality. Its logit is a sixteenth of what the embedding's left column of
/// cells has in the mean: how far red is above 128 (of `dark`: below) in the left quarter of the picture.
pub fn add_presence(dir: &Path, absent_below: f32, present_from: f32) {
    std::fs::write(dir.join("decoder.onnx"), decoder_with_presence()).unwrap();
    write_manifest(dir, SIDE);
    list_presence(dir, absent_below, present_from);
}

/// Adds bounds of presence to every modality of the manifest.
pub fn list_presence(dir: &Path, absent_below: f32, present_from: f32) {
    let bounds = format!("{{ absent_below = {absent_below:?}, present_from = {present_from:?} }}");
    let from = "controller = false\n";
    edit_manifest(dir, from, &format!("{from}presence = {bounds}\n"));
}

const GUARD_SIDE: usize = 8;

/// Sigmoid of the mean of (red - 128) times 1/8, of the same negated, of -20 for four more and of -4 for `other`.
fn guard() -> Vec<u8> {
    let area = GUARD_SIDE * GUARD_SIDE;
    let mean = 1.0 / (8.0 * area as f32);
    let kernel: Vec<f32> = (0..7 * 3 * area)
        .map(|ix| match ix / area {
            0 => mean,
            3 => -mean,
            _ => 0.0,
        })
        .collect();
    let kernel = Tensor {
        name: "kernel",
        dims: &[7, 3, GUARD_SIDE, GUARD_SIDE],
        data: Data::F32(&kernel),
    };
    let bias = Tensor {
        name: "bias",
        dims: &[7],
        data: Data::F32(&[0.0, 0.0, -20.0, -20.0, -20.0, -20.0, -4.0]),
    };
    let stride = [GUARD_SIDE as u64; 2];
    let nodes = [
        node(
            "Conv",
            &["image", "kernel", "bias"],
            "looks",
            &[("strides", &stride)],
        ),
        node("Flatten", &["looks"], "flat", &[]),
        node("Sigmoid", &["flat"], "scores", &[]),
    ];
    let scores = Value {
        name: "scores",
        element: FLOAT,
        dims: vec![1, 7],
    };
    graph(
        &nodes,
        &[kernel, bias],
        &[floats("image", 3, GUARD_SIDE)],
        &[scores],
    )
}

/// Replaces a part of the manifest, which must be there.
pub fn edit_manifest(dir: &Path, from: &str, to: &str) {
    let path = dir.join("manifest.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

/// A PNG of one grey value per pixel.
pub fn png(width: u32, height: u32, grey: impl Fn(u32, u32) -> u8) -> Vec<u8> {
    let picture = image::GrayImage::from_fn(width, height, |x, y| image::Luma([grey(x, y)]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

fn encoder_weights(sign: f32) -> Vec<u8> {
    let values = (0..CHANNELS * 3 * 16 * 16).map(|ix| if ix < 256 { sign / 256.0 } else { 0.0 });
    values.flat_map(f32::to_le_bytes).collect()
}

fn encoder(weights: &str) -> Vec<u8> {
    let kernel = Tensor {
        name: "kernel",
        dims: &[CHANNELS, 3, 16, 16],
        data: Data::External(weights),
    };
    let conv = node(
        "Conv",
        &["image", "kernel"],
        "embedding",
        &[("strides", &[16, 16])],
    );
    graph(
        &[conv],
        &[kernel],
        &[floats("image", 3, SIDE)],
        &[floats("embedding", CHANNELS, SIDE / 16)],
    )
}

fn self_prompt() -> Vec<u8> {
    let mean: Vec<f32> = (0..CHANNELS * 4)
        .map(|ix| if ix < 4 { 0.25 } else { 0.0 })
        .collect();
    let kernel = Tensor {
        name: "kernel",
        dims: &[1, CHANNELS, 2, 2],
        data: Data::F32(&mean),
    };
    let zero = Tensor {
        name: "zero",
        dims: &[1],
        data: Data::F32(&[0.0]),
    };
    let nodes = [
        node(
            "Conv",
            &["embedding", "kernel"],
            "patch_logits",
            &[("strides", &[2, 2])],
        ),
        node("Add", &["embedding", "zero"], "prompted", &[]),
    ];
    let outputs = [
        floats("patch_logits", 1, SIDE / 32),
        floats("prompted", CHANNELS, SIDE / 16),
    ];
    graph(
        &nodes,
        &[kernel, zero],
        &[floats("embedding", CHANNELS, SIDE / 16)],
        &outputs,
    )
}

fn decoder() -> Vec<u8> {
    decoder_of(&[], &[])
}

fn decoder_with_presence() -> Vec<u8> {
    let cells = SIDE / 16;
    // Of the first channel, the left column.
    let weight = |ix: usize| match ix < cells * cells && ix.is_multiple_of(cells) {
        true => 1.0 / (16 * cells) as f32,
        false => 0.0,
    };
    let left: Vec<f32> = (0..CHANNELS * cells * cells).map(weight).collect();
    let left = Tensor {
        name: "left",
        dims: &[1, CHANNELS, cells, cells],
        data: Data::F32(&left),
    };
    let nodes = [
        node("Conv", &["prompted", "left"], "seen", &[]),
        node("Flatten", &["seen"], "presence", &[]),
    ];
    decoder_of(&nodes, &[left])
}

/// With these nodes, which give `presence`, or none.
fn decoder_of(presence: &[Vec<u8>], tensors: &[Tensor<'_>]) -> Vec<u8> {
    let repeat: Vec<f32> = (0..CHANNELS * 16)
        .map(|ix| if ix < 16 { 1.0 } else { 0.0 })
        .collect();
    let kernel = Tensor {
        name: "kernel",
        dims: &[CHANNELS, 1, 4, 4],
        data: Data::F32(&repeat),
    };
    let bias = Tensor {
        name: "bias",
        dims: &[6],
        data: Data::F32(&[0.0, 1000.0, 0.0, 0.0, 0.0, 0.0]),
    };
    let mut nodes = vec![
        node(
            "ConvTranspose",
            &["prompted", "kernel"],
            "repeated",
            &[("strides", &[4, 4])],
        ),
        node("Gather", &["bias", "modality"], "offset", &[]),
        node("Add", &["repeated", "offset"], "low_res_logits", &[]),
    ];
    nodes.extend_from_slice(presence);
    let modality = Value {
        name: "modality",
        element: INT64,
        dims: vec![1],
    };
    let inputs = [floats("prompted", CHANNELS, SIDE / 16), modality];
    let mut outputs = vec![floats("low_res_logits", 1, SIDE / 4)];
    if !presence.is_empty() {
        outputs.push(Value {
            name: "presence",
            element: FLOAT,
            dims: vec![1, 1],
        });
    }
    let mut all = vec![kernel, bias];
    all.extend_from_slice(tensors);
    graph(&nodes, &all, &inputs, &outputs)
}
