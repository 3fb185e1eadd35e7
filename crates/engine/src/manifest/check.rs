//! What the manifest's types cannot say.

use std::collections::{BTreeMap, BTreeSet};

use picture::segmenter::Modality;

use super::contract::PATCH_STRIDE;
use super::file::FileSpec;
use super::spec::{ConfidenceSpec, Manifest, ModalitySpec, ModelSpec, ValidationSpec};

/// The only format this program reads.
pub const FORMAT: u32 = 1;
/// Mask queries the decoder offers (ESP-MedSAM's QDMD): a modality's index is below this.
pub const MASK_QUERIES: usize = 6;
/// Largest input side: four times the paper's area, already minutes on a small board.
pub const MAX_SIDE: usize = 2048;

impl Manifest {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("format: expected {FORMAT}, found {}", self.format));
        }
        if self.models.is_empty() {
            return Err("expected at least one [[model]]".into());
        }
        unique("model", self.models.iter().map(|model| &model.name))?;
        if self.models.iter().filter(|model| model.default).count() > 1 {
            return Err("more than one model is marked `default = true`".into());
        }
        for model in &self.models {
            check_model(model).map_err(|reason| format!("model '{}': {reason}", model.name))?;
        }
        if let Some(guard) = &self.guard {
            guard.check().map_err(|reason| format!("guard: {reason}"))?;
        }
        let preferred = self.models.iter().flat_map(|model| &model.preferred_for);
        unique("preferred_for", preferred)?;
        // Graphs are shared by path, so one path must mean one content throughout.
        let mut seen = BTreeMap::new();
        for file in self.models.iter().flat_map(|model| &model.files) {
            if *seen.entry(&file.path).or_insert(&file.sha256) != &file.sha256 {
                return Err(format!(
                    "file '{}' is listed with two different SHA-256",
                    file.path
                ));
            }
        }
        Ok(())
    }
}
fn check_model(model: &ModelSpec) -> Result<(), String> {
    if model.side == 0 || !model.side.is_multiple_of(PATCH_STRIDE) || model.side > MAX_SIDE {
        return Err(format!(
            "side: expected a multiple of {PATCH_STRIDE} from {PATCH_STRIDE} to {MAX_SIDE}, found {}",
            model.side
        ));
    }
    model.preprocess.check()?;
    unique("file", model.files.iter().map(|file| &file.path))?;
    model.files.iter().try_for_each(FileSpec::check)?;
    if model.modalities.is_empty() {
        return Err("expected at least one [[model.modality]]".into());
    }
    unique(
        "modality",
        model.modalities.iter().map(|modality| &modality.name),
    )?;
    unique(
        "modality index",
        model.modalities.iter().map(|modality| modality.index),
    )?;
    if let Some(name) = model
        .preferred_for
        .iter()
        .find(|name| !model.modalities.iter().any(|m| &m.name == *name))
    {
        return Err(format!("preferred_for: it has no modality '{name}'"));
    }
    for modality in &model.modalities {
        check_modality(model, modality)
            .map_err(|reason| format!("modality '{}': {reason}", modality.name))?;
    }
    Ok(())
}

fn check_modality(model: &ModelSpec, modality: &ModalitySpec) -> Result<(), String> {
    if modality.name == Modality::AUTO {
        return Err("this name asks for the modality to be chosen, so none can have it".into());
    }
    if modality.index >= MASK_QUERIES {
        return Err(format!(
            "index: expected 0..={}, found {}",
            MASK_QUERIES - 1,
            modality.index
        ));
    }
    if let Some(path) = modality.paths().find(|path| model.file(path).is_none()) {
        return Err(format!(
            "'{path}' is not among the model's [[model.file]] entries"
        ));
    }
    modality.views.check(model.side, MAX_SIDE)?;
    if let Some(white_balance) = &modality.white_balance {
        white_balance.check()?;
    }
    if let Some(codes) = &modality.codes
        && let Some(bad) = codes.each().find(|code| !code.is_writable())
    {
        return Err(format!(
            "codes: '{}' cannot be written as a code",
            bad.meaning
        ));
    }
    if let Some(ConfidenceSpec { intercept, weights }) = &modality.confidence
        && !weights.iter().chain([intercept]).all(|v| v.is_finite())
    {
        return Err("confidence: expected finite numbers".into());
    }
    if let Some(presence) = &modality.presence {
        presence.check()?;
    }
    for ValidationSpec {
        dataset, dice, iou, ..
    } in &modality.validation
    {
        if ![dice, iou]
            .into_iter()
            .all(|figure| (0.0..=1.0).contains(figure))
        {
            return Err(format!(
                "validation on '{dataset}': expected Dice and IoU in 0..=1, found {dice} and {iou}"
            ));
        }
    }
    Ok(())
}

fn unique<T: Ord + std::fmt::Display>(
    what: &str,
    names: impl Iterator<Item = T>,
) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if seen.contains(&name) {
            return Err(format!("{what} '{name}' is listed twice"));
        }
        seen.insert(name);
    }
    Ok(())
}
