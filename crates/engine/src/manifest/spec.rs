use std::sync::Arc;

use serde::Deserialize;

use picture::mask::confidence::{Calibration, Signs};
use picture::segmenter::MarkedCodes;

use super::file::{FileSpec, digest_of_digests};
use super::guard::GuardSpec;
use super::preprocess::PreprocessSpec;
use super::presence::PresenceSpec;
use super::views::ViewsSpec;
use super::white_balance::WhiteBalanceSpec;

/// The whole manifest, checked.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`super::FORMAT`].
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
    /// The same in codes, for DICOM.
    pub codes: Option<Arc<MarkedCodes>>,
    /// Whether it has a trained modality controller, or runs on the shared base encoder alone.
    pub controller: bool,
    /// Graph `image` → `embedding`.
    pub encoder: String,
    /// Graph `embedding` → `patch_logits`, `prompted`.
    pub self_prompt: String,
    /// Graph `prompted`, `modality` → `low_res_logits`, and of some `presence`.
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
    /// What follows from the decoder's presence score; without it the score, if there is one, is not used;
    /// finite it must be all the same.
    pub presence: Option<PresenceSpec>,
    /// Measured on the validation split.
    #[serde(default)]
    pub validation: Vec<ValidationSpec>,
    /// As [`ModelSpec::sha256`], of the files this modality uses: it names the exact weights.
    #[serde(skip)]
    pub sha256: String,
}

/// A [`picture::mask::confidence::Calibration`].
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

    pub(super) fn name_weights(&mut self) {
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
    /// The model a request gets that names none: the one marked `default`, else the first.
    #[must_use]
    pub fn default_model(&self) -> Option<&ModelSpec> {
        self.models
            .iter()
            .find(|model| model.default)
            .or_else(|| self.models.first())
    }
}
