use std::collections::BTreeMap;
use std::path::Path;

use super::console::print;
use super::failure::Failure;
use super::table::Table;
use embed::find_models;
use engine::manifest::file;
use engine::model::store::Store;
use picture::NOTICE;

pub(super) fn run(models: Option<&Path>) -> Result<(), Failure> {
    let store = Store::open(&find_models(models, None)?, None)?;
    // Each file is hashed once, however many modalities share it.
    let mut faults = BTreeMap::new();
    for file in store
        .manifest()
        .models
        .iter()
        .flat_map(|model| &model.files)
    {
        if let Err(error) = file::check(store.dir(), file) {
            faults.insert(file.path.as_str(), error.to_string());
        }
    }
    let mut table = Table::new([
        "model",
        "side",
        "modality",
        "index",
        "controller",
        "passes",
        "files",
        "SHA-256",
        "validation Dice",
    ]);
    for model in &store.manifest().models {
        let mut modalities: Vec<_> = model.modalities.iter().collect();
        modalities.sort_by_key(|modality| modality.index);
        for modality in modalities {
            let whole = modality.paths().all(|path| !faults.contains_key(path));
            let dice = modality
                .validation
                .iter()
                .map(|v| format!("{} {:.3}", v.dataset, v.dice))
                .collect::<Vec<_>>();
            table.row([
                model.name.clone(),
                model.side.to_string(),
                modality.name.clone(),
                modality.index.to_string(),
                if modality.controller {
                    "trained"
                } else {
                    "base"
                }
                .into(),
                modality.views.passes().to_string(),
                if whole { "ok" } else { "corrupt" }.into(),
                modality.sha256[..12].into(),
                if dice.is_empty() {
                    "–".into()
                } else {
                    dice.join(", ")
                },
            ]);
        }
    }
    print(format!("{table}\n{NOTICE}\n"))?;
    if faults.is_empty() {
        return Ok(());
    }
    let faults: Vec<_> = faults.into_values().collect();
    Err(Failure::Failed(format!(
        "in {}:\n{}",
        store.dir().display(),
        faults.join("\n")
    )))
}
