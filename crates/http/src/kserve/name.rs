//! What is served, by the names that the protocol's clients ask with.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::Deserialize;

use crate::app::App;
use crate::problem::{Kind, Problem, shortened};
use picture::segmenter::{ModalityInfo, Segmenter};

/// The one version of each model: of its inputs and outputs. Which weights made a mask is told with it, by their hash.
pub const VERSION: &str = "1";

/// A modality, alone (`ultrasound`: the model that is meant for it) or of one model (`live-224.ultrasound`).
#[derive(Clone, Debug)]
pub struct InferModel {
    /// The name to ask by.
    pub name: String,
    /// The model that is asked; `None`: the one meant for the modality.
    pub model: Option<String>,
    /// The modality, as the model has it, or the first of those that do.
    pub modality: ModalityInfo,
}

impl InferModel {
    /// All there are: each modality, then it by each of its models, the default one first.
    pub fn all(engine: &dyn Segmenter) -> Vec<Self> {
        let mut models = engine.models();
        models.sort_by_key(|model| !model.default);
        let mut all: Vec<Self> = Vec::new();
        for modality in models.iter().flat_map(|model| &model.modalities) {
            if all.iter().any(|known| known.modality.name == modality.name) {
                continue;
            }
            all.push(Self {
                name: modality.name.clone(),
                model: None,
                modality: modality.clone(),
            });
            for model in &models {
                let mut own = model.modalities.iter();
                all.extend(own.find(|own| own.name == modality.name).map(|own| Self {
                    name: format!("{}.{}", model.name, own.name),
                    model: Some(model.name.clone()),
                    modality: own.clone(),
                }));
            }
        }
        all
    }
}

/// The model that an address names, in its one version.
pub struct Named(pub InferModel);

/// The names in an address.
#[derive(Deserialize)]
struct AddressedModel {
    name: String,
    #[serde(default)]
    version: Option<String>,
}

impl FromRequestParts<Arc<App>> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let path: Result<Path<AddressedModel>, PathRejection> =
            Path::from_request_parts(parts, app).await;
        let unreadable = || Kind::NoSuchModel.because("The name in the address is no UTF-8.");
        let Path(AddressedModel { name, version }) = path.map_err(|_| unreadable())?;
        let models = InferModel::all(app.engine.as_ref());
        let model = models.into_iter().find(|model| model.name == name);
        let Some(model) = model else {
            let name = shortened(&name);
            return Err(Kind::NoSuchModel.because(format!("No model is called '{name}'.")));
        };
        match version {
            Some(version) if version != VERSION => {
                let (name, version) = (&model.name, shortened(&version));
                Err(Kind::NoSuchModel.because(format!("'{name}' has no version '{version}'.")))
            }
            _ => Ok(Self(model)),
        }
    }
}
