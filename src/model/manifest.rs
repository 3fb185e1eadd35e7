//! `manifest.toml`: which models there are, the files they are made of, and what is known about them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Component, Path};

use serde::Deserialize;

mod guard;
mod preprocess;
mod views;
mod white_balance;

use super::ModelError;
use super::contract::PATCH_STRIDE;
use super::verify::{digest_of_digests, open_regular};
use crate::guard::AUTO;
use crate::mask::confidence::{Calibration, Signs};

pub use guard::{GuardClass, GuardSpec};
pub use preprocess::{PreprocessSpec, Resize};
pub use views::{Mirrored, TILE_OVERLAP, ViewsSpec};
pub use white_balance::WhiteBalanceSpec;

/// Name of the manifest in a models folder.
pub const FILE_NAME: &str = "manifest.toml";
/// The only format this program reads.
pub const FORMAT: u32 = 1;
/// Mask queries the decoder offers (ESP-MedSAM's QDMD): a modality's index is below this.
pub const MASK_QUERIES: usize = 6;
/// Largest input side: four times the paper's area, already minutes on a small board.
pub const MAX_SIDE: usize = 2048;
/// A manifest is a page of text; anything far longer is not one.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// The whole manifest, checked.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// What must be said wherever these weights go.
    pub notice: String,
    /// What tells modalities apart, for all models; without it no picture is checked.
    pub guard: Option<GuardSpec>,
    /// At least one.
    #[serde(rename = "model", default)]
    pub models: Vec<ModelSpec>,
}

/// One model: one input side and preprocessing, several modalities.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// For example `live-224`; unique.
    pub name: String,
    /// Whether a request that names no model gets this one.
    #[serde(default)]
    pub default: bool,
    /// Modalities that this model rather than the default one is meant for, when a request names no model.
    #[serde(default)]
    pub preferred_for: Vec<String>,
    /// Input side in pixels, a multiple of 32.
    pub side: usize,
    /// How weights are stored.
    pub storage: Storage,
    /// ONNX operator set of the graphs.
    pub opset: u32,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// From RGB to the encoder's input.
    pub preprocess: PreprocessSpec,
    /// Every file the modalities name.
    #[serde(rename = "file", default)]
    pub files: Vec<FileSpec>,
    /// SHA-256 over the digests of all its files ([`digest_of_digests`]); not in the text, worked out as it is read.
    #[serde(skip)]
    pub sha256: String,
    /// At least one.
    #[serde(rename = "modality", default)]
    pub modalities: Vec<ModalitySpec>,
}

/// How weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// As they are computed with.
    Float32,
    /// Half the size; cast to float32 when loaded.
    Float16,
    /// The encoder's products in 8 bit, as they are computed with; the rest as [`Storage::Float16`].
    Int8,
    /// The same files; cast and scaled to float32 when loaded.
    #[serde(rename = "int8-weights")]
    Int8Weights,
}

/// A file, named by content.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    /// Relative to the manifest, inside its folder.
    pub path: String,
    /// Hex digest, lower case.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
}

/// One modality of a model and the graphs it runs through.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModalitySpec {
    /// For example `ultrasound`; unique within the model.
    pub name: String,
    /// Row of the decoder's mask queries, unique within the model.
    pub index: usize,
    /// What its masks mark, in words.
    pub label: String,
    /// Whether it has a trained modality controller, or runs on the shared base encoder alone.
    pub controller: bool,
    /// Graph `image` → `embedding`.
    pub encoder: String,
    /// Graph `embedding` → `patch_logits`, `prompted`.
    pub self_prompt: String,
    /// Graph `prompted`, `modality` → `low_res_logits`.
    pub decoder: String,
    /// ONNX external-data files these graphs read.
    #[serde(default)]
    pub weights: Vec<String>,
    /// Data sets it was trained on.
    #[serde(default)]
    pub trained_on: Vec<String>,
    /// Their licences.
    #[serde(default)]
    pub licences: Vec<String>,
    /// How the network looks at a picture; without it: once, at the whole.
    #[serde(default)]
    pub views: ViewsSpec,
    /// Without it colours stay as they are.
    pub white_balance: Option<WhiteBalanceSpec>,
    /// From signs to the Dice to be expected; without it a mask has no confidence.
    pub confidence: Option<ConfidenceSpec>,
    /// Measured on the validation split.
    #[serde(default)]
    pub validation: Vec<ValidationSpec>,
    /// As [`ModelSpec::sha256`], of the files this modality uses: it names the exact weights.
    #[serde(skip)]
    pub sha256: String,
}

/// A [`crate::mask::confidence::Calibration`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfidenceSpec {
    /// The modality's.
    pub intercept: f32,
    /// Of each of the signs, in their order.
    pub weights: [f32; Signs::COUNT],
}

/// What was measured on the validation part of one data set.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationSpec {
    /// The data set.
    pub dataset: String,
    /// Pictures measured.
    pub images: usize,
    /// Mean Dice, 0..=1.
    pub dice: f64,
    /// Mean intersection over union, 0..=1.
    pub iou: f64,
}

impl ConfidenceSpec {
    /// As it is computed with.
    #[must_use]
    pub fn calibration(&self) -> Calibration {
        Calibration {
            intercept: self.intercept,
            weights: self.weights,
        }
    }
}

impl ModalitySpec {
    /// Every file this modality uses: graphs, then weights.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        [&self.encoder, &self.self_prompt, &self.decoder]
            .into_iter()
            .chain(&self.weights)
            .map(String::as_str)
    }
}

impl ModelSpec {
    /// The file at this path.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&FileSpec> {
        self.files.iter().find(|file| file.path == path)
    }

    fn name_weights(&mut self) {
        let digest = |file: &FileSpec| file.sha256.clone();
        let of_modality = |modality: &ModalitySpec| {
            let files = modality.paths().filter_map(|path| self.file(path));
            files.map(digest).collect::<Vec<_>>()
        };
        let each: Vec<_> = self.modalities.iter().map(of_modality).collect();
        for (modality, digests) in self.modalities.iter_mut().zip(each) {
            modality.sha256 = digest_of_digests(digests.iter().map(String::as_str));
        }
        self.sha256 = digest_of_digests(self.files.iter().map(|file| file.sha256.as_str()));
    }
}

impl Manifest {
    /// Reads and checks `dir/manifest.toml`.
    ///
    /// # Errors
    /// [`ModelError::Read`], [`ModelError::NotAFile`], or [`ModelError::Manifest`] with the place and the reason.
    pub fn read(dir: &Path) -> Result<Self, ModelError> {
        let path = dir.join(FILE_NAME);
        let failed = |source| ModelError::Read {
            path: path.clone(),
            source,
        };
        let refused = |message| ModelError::Manifest {
            path: path.clone(),
            message,
        };
        let file = open_regular(&path, &path)?;
        let mut text = String::new();
        file.take(MAX_MANIFEST_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(failed)?;
        if text.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(refused(format!(
                "expected at most {MAX_MANIFEST_BYTES} bytes, it is longer"
            )));
        }
        Self::parse(&text).map_err(refused)
    }

    /// Parses and checks a manifest's text.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut manifest: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        manifest.check()?;
        manifest.models.iter_mut().for_each(ModelSpec::name_weights);
        Ok(manifest)
    }

    /// The model a request gets that names none: the one marked `default`, else the first.
    #[must_use]
    pub fn default_model(&self) -> Option<&ModelSpec> {
        self.models
            .iter()
            .find(|model| model.default)
            .or_else(|| self.models.first())
    }

    fn check(&self) -> Result<(), String> {
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
    model.files.iter().try_for_each(check_file)?;
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

fn check_file(file: &FileSpec) -> Result<(), String> {
    let path = Path::new(&file.path);
    let inside = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    // A backslash is a separator on one system and a name on another: refused, so that the manifest means one thing.
    if file.path.is_empty() || !inside || file.path.contains('\\') {
        return Err(format!(
            "file '{}': expected a relative path inside the manifest's folder",
            file.path
        ));
    }
    if file.sha256.len() != 64
        || !file
            .sha256
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    {
        return Err(format!(
            "file '{}': sha256: expected 64 lower-case hex digits, found '{}'",
            file.path, file.sha256
        ));
    }
    Ok(())
}

fn check_modality(model: &ModelSpec, modality: &ModalitySpec) -> Result<(), String> {
    if modality.name == AUTO {
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
    if let Some(ConfidenceSpec { intercept, weights }) = &modality.confidence
        && !weights.iter().chain([intercept]).all(|v| v.is_finite())
    {
        return Err("confidence: expected finite numbers".into());
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

#[cfg(test)]
mod tests;
