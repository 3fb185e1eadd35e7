//! `docs/contract.json`: the facts that the Python package has too. Its own test holds it to the same file
//! (`models/tests/light/test_shared_facts.py`). Written anew with `ESPMEDSAM_WRITE_CONTRACT=1`.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use compute::layers::NodeKind;
use espmedsam_engine::manifest::contract::{
    EMBEDDING_CHANNELS, EMBEDDING_STRIDE, GUARD_CLASSES, LOW_RES_STRIDE, PATCH_STRIDE, Port, Role,
};
use espmedsam_engine::manifest::{MASK_QUERIES, Manifest, TILE_OVERLAP};
use picture::mask::confidence::Signs;
use serde_json::{Value, json};

/// A side that shows the strides.
const SIDE: usize = 224;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Names of the signs, in the order in which weights are given.
fn signs() -> [&'static str; Signs::COUNT] {
    let numbered = Signs {
        probability: 0.0,
        soft_dice: 1.0,
        stability: 2.0,
        area: 3.0,
        overlap: 4.0,
    };
    let names = ["probability", "soft_dice", "stability", "area", "overlap"];
    numbered.array().map(|number| names[number as usize])
}

/// Modalities of the shipped models by their index.
fn modalities() -> Result<Vec<String>, Box<dyn Error>> {
    let manifest = Manifest::read(&root().join("models"))?;
    let all = manifest.models.iter().flat_map(|model| &model.modalities);
    let by_index: BTreeMap<_, _> = all
        .map(|modality| (modality.index, modality.name.clone()))
        .collect();
    Ok(by_index.into_values().collect())
}

/// Inputs of every kind of node that `docs/nodes.md` explains.
fn nodes() -> Result<BTreeMap<String, &'static [&'static str]>, Box<dyn Error>> {
    let text = std::fs::read_to_string(root().join("docs/nodes.md"))?;
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split_once('`'))
        .map(|(name, _)| {
            let kind = NodeKind::of_function(name).ok_or(format!("no layer for {name}"))?;
            Ok((name.to_owned(), kind.inputs()))
        })
        .collect()
}

fn port(port: &Port) -> Value {
    let element = format!("{:?}", port.element);
    json!({"name": port.name, "element": element, "shape": port.shape})
}

fn ports(ports: &[Port]) -> Value {
    ports.iter().map(port).collect()
}

fn contract() -> Result<Value, Box<dyn Error>> {
    let graphs = [
        ("encoder", Role::Encoder),
        ("self_prompt", Role::SelfPrompt),
        ("decoder", Role::Decoder),
    ];
    let graphs: BTreeMap<_, _> = graphs
        .map(|(name, role)| (name, role.contract(SIDE)))
        .into_iter()
        .map(|(name, found)| {
            let all = json!({
                "inputs": ports(&found.inputs),
                "outputs": ports(&found.outputs),
                "optional": found.optional.as_ref().map(port),
            });
            (name, all)
        })
        .collect();
    Ok(json!({
        "embedding_channels": EMBEDDING_CHANNELS,
        "graphs": {"side": SIDE, "ports": graphs},
        "guard_classes": GUARD_CLASSES,
        "mask_queries": MASK_QUERIES,
        "modalities": modalities()?,
        "nodes": nodes()?,
        "signs": signs(),
        "strides": {"embedding": EMBEDDING_STRIDE, "logits": LOW_RES_STRIDE, "patch": PATCH_STRIDE},
        "tile_overlap": TILE_OVERLAP,
    }))
}

#[test]
fn the_shared_facts_are_those_that_are_written_down() {
    let path = root().join("docs/contract.json");
    let now = serde_json::to_string_pretty(&contract().unwrap()).unwrap() + "\n";
    if std::env::var_os("ESPMEDSAM_WRITE_CONTRACT").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    assert_eq!(
        now,
        std::fs::read_to_string(&path).unwrap_or_default(),
        "docs/contract.json differs: write it with ESPMEDSAM_WRITE_CONTRACT=1"
    );
}
