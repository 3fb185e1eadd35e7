//! What there is: models, modalities, limits, health.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::app::App;
use super::board::BoardReport;
#[cfg(feature = "network")]
use super::network::DicomReport;
use super::problem::{Kind, Problem};
use picture::NOTICE;
use picture::frame::FrameLimits;
use picture::segmenter::{EngineError, ModalityInfo, ModelInfo, Readiness};

/// A measured figure on a data set's validation split.
#[derive(Serialize, ToSchema)]
pub struct Validation {
    /// Data set.
    dataset: String,
    /// Dice coefficient, 0..=1.
    dice: f64,
    /// Intersection over union, 0..=1.
    iou: f64,
}

/// A modality of a model.
#[derive(Serialize, ToSchema)]
#[schema(as = Modality)]
pub struct ListedModality {
    /// Name to ask by.
    #[schema(example = "ultrasound")]
    name: String,
    /// Mask-query row in the decoder.
    index: usize,
    /// What its masks mark.
    label: String,
    /// Whether it has a trained controller, or runs on the shared base alone.
    controller: bool,
    /// Passes of the network for one picture: tiles and mirror images. A mask takes about as many times longer.
    #[schema(example = 1)]
    passes: usize,
    /// Whether its weights are in memory now.
    loaded: bool,
    /// Data sets it was trained on.
    trained_on: Vec<String>,
    /// Validation figures, as in the manifest.
    validation: Vec<Validation>,
}

impl From<ModalityInfo> for ListedModality {
    fn from(info: ModalityInfo) -> Self {
        let validation = info.validation.into_iter();
        Self {
            name: info.name,
            index: info.index,
            label: info.label,
            controller: info.controller,
            passes: info.passes,
            loaded: info.loaded,
            trained_on: info.trained_on,
            validation: validation
                .map(|(dataset, dice, iou)| Validation { dataset, dice, iou })
                .collect(),
        }
    }
}

/// A model.
#[derive(Serialize, ToSchema)]
#[schema(as = Model)]
pub struct ListedModel {
    /// Name to ask by.
    name: String,
    /// Whether a request that names no model gets this one.
    default: bool,
    /// Input side, px.
    side: usize,
    /// SHA-256 (hex) over the hashes of all its files.
    sha256: String,
    /// Its modalities, in index order.
    modalities: Vec<ListedModality>,
}

impl From<ModelInfo> for ListedModel {
    fn from(info: ModelInfo) -> Self {
        let modalities = info
            .modalities
            .into_iter()
            .map(ListedModality::from)
            .collect();
        Self {
            name: info.name,
            default: info.default,
            side: info.side,
            sha256: info.sha256,
            modalities,
        }
    }
}

/// The models.
#[derive(Serialize, ToSchema)]
pub struct ModelList {
    /// Research use only. Not for clinical use.
    notice: &'static str,
    /// The models of the manifest.
    models: Vec<ListedModel>,
}

/// The models this server has, with their modalities.
#[utoipa::path(get, path = "/v1/models", operation_id = "list_models", tag = "catalog",
    responses((status = 200, description = "The models", body = ModelList), Problem))]
pub async fn models(State(app): State<Arc<App>>) -> Json<ModelList> {
    let models = app
        .engine
        .models()
        .into_iter()
        .map(ListedModel::from)
        .collect();
    Json(ModelList {
        notice: NOTICE,
        models,
    })
}

/// A modality, and the models that have it.
#[derive(Serialize, ToSchema)]
#[schema(as = Offered)]
pub struct OfferedModality {
    /// The modality as the first of `models` has it.
    #[serde(flatten)]
    modality: ListedModality,
    /// Models that have it, the default model first.
    models: Vec<String>,
}

/// The modalities.
#[derive(Serialize, ToSchema)]
pub struct ModalityList {
    /// Research use only. Not for clinical use.
    notice: &'static str,
    /// Every modality that some model has.
    modalities: Vec<OfferedModality>,
}

/// The modalities to ask for.
#[utoipa::path(get, path = "/v1/modalities", operation_id = "list_modalities", tag = "catalog",
    responses((status = 200, description = "The modalities", body = ModalityList), Problem))]
pub async fn modalities(State(app): State<Arc<App>>) -> Json<ModalityList> {
    let mut models = app.engine.models();
    models.sort_by_key(|model| !model.default);
    let mut modalities: Vec<OfferedModality> = Vec::new();
    for model in models {
        for info in model.modalities {
            match modalities
                .iter_mut()
                .find(|known| known.modality.name == info.name)
            {
                Some(known) => known.models.push(model.name.clone()),
                None => modalities.push(OfferedModality {
                    modality: info.into(),
                    models: vec![model.name.clone()],
                }),
            }
        }
    }
    Json(ModalityList {
        notice: NOTICE,
        modalities,
    })
}

/// What a request may cost.
#[derive(Serialize, ToSchema)]
pub struct Limits {
    /// Largest request body, bytes.
    body_bytes: u64,
    /// A body must have arrived within this, seconds.
    body_timeout_s: u32,
    /// Longest wait for the model, seconds.
    request_timeout_s: u32,
    /// Requests between the queue and their rendered reply.
    in_flight: u32,
    /// Open connections.
    connections: u32,
}

/// What a picture may cost, named as the settings under `[image]`.
#[derive(Serialize, ToSchema)]
pub struct PictureLimits {
    /// Most pixels (width × height).
    max_pixels: u64,
    /// Least length of either side, px.
    min_side: u32,
    /// Most memory that decoding it may take, MiB.
    max_memory_mib: u64,
}

/// The engine's queue.
#[derive(Serialize, ToSchema)]
pub struct Queue {
    /// Pictures waiting now.
    waiting: usize,
    /// The most that may wait.
    capacity: usize,
}

/// Request bodies being received or waiting in the queue.
#[derive(Serialize, ToSchema)]
pub struct Uploads {
    /// Taken now, bytes, in steps of 1024.
    used_bytes: u64,
    /// The most that all may take together, bytes.
    budget_bytes: u64,
}

/// About this server.
#[derive(Serialize, ToSchema)]
pub struct Info {
    /// The program's name.
    name: &'static str,
    /// The program's version.
    version: &'static str,
    /// Research use only. Not for clinical use.
    notice: &'static str,
    /// What a request may cost.
    limits: Limits,
    /// What a picture may cost.
    image: PictureLimits,
    /// The engine's queue.
    queue: Queue,
    /// The uploads' common budget.
    uploads: Uploads,
    /// Lights and a foot switch: `real`, or `simulated`, which GET /v1/gpio shows; null: none.
    panel: Option<&'static str>,
}

/// Version, limits and the queue.
#[utoipa::path(get, path = "/v1/info", operation_id = "get_info", tag = "about",
    responses((status = 200, description = "This server", body = Info), Problem))]
pub async fn info(State(app): State<Arc<App>>) -> Json<Info> {
    let (waiting, capacity) = app.engine.queue();
    let limits = Limits {
        body_bytes: app.config.body_limit(),
        body_timeout_s: app.config.body_timeout_s,
        request_timeout_s: app.config.request_timeout_s,
        in_flight: app.config.max_in_flight,
        connections: app.config.max_connections,
    };
    let FrameLimits {
        max_pixels,
        min_side,
        max_memory,
    } = app.engine.limits();
    let image = PictureLimits {
        max_pixels,
        min_side,
        max_memory_mib: max_memory >> 20,
    };
    let queue = Queue { waiting, capacity };
    let uploads = Uploads {
        used_bytes: 1024 * app.uploads.taken() as u64,
        budget_bytes: 1024 * u64::from(app.config.upload_budget_kib()),
    };
    Json(Info {
        name: "espmedsam",
        version: env!("CARGO_PKG_VERSION"),
        notice: NOTICE,
        limits,
        image,
        queue,
        uploads,
        panel: (app.studio.panel()).map(|panel| match panel.look().simulated {
            true => "simulated",
            false => "real",
        }),
    })
}

/// A health answer.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// `live` or `ready`.
    status: &'static str,
    /// Research use only. Not for clinical use.
    notice: &'static str,
    /// How the board does; null where that is not known or not asked. A board that is held back still serves, only slower.
    #[serde(skip_serializing_if = "Option::is_none")]
    board: Option<BoardReport>,
    /// How the node of a DICOM network does; null where there is none or it is not asked. Pictures are served here however that is.
    #[cfg(feature = "network")]
    #[serde(skip_serializing_if = "Option::is_none")]
    dicom: Option<DicomReport>,
}

/// Whether the program runs at all.
#[utoipa::path(get, path = "/health/live", operation_id = "check_live", tag = "health",
    responses((status = 200, description = "It runs", body = Health), Problem))]
pub async fn live() -> Json<Health> {
    Json(Health {
        status: "live",
        notice: NOTICE,
        board: None,
        #[cfg(feature = "network")]
        dicom: None,
    })
}

/// Whether pictures are served: not before the model is warm, nor while an engine thread does not come back.
#[utoipa::path(get, path = "/health/ready", operation_id = "check_ready", tag = "health",
    responses((status = 200, description = "Pictures are served; 503 while starting, failed or stuck, with the reason", body = Health), Problem))]
pub async fn ready(State(app): State<Arc<App>>) -> Result<Json<Health>, Problem> {
    check_ready(&app)?;
    Ok(Json(Health {
        status: "ready",
        notice: NOTICE,
        board: app.studio.board().as_deref().map(BoardReport::from),
        #[cfg(feature = "network")]
        dicom: (app.gateway.as_ref()).map(|gateway| DicomReport::from(&gateway.look())),
    }))
}

/// `Ok` if the engine is warm.
pub fn check_ready(app: &App) -> Result<(), Problem> {
    match app.engine.readiness() {
        Readiness::Ready => Ok(()),
        Readiness::Starting => Err(Kind::NotReady.because("The model is loading and warming up.")),
        Readiness::Failed(reason) => Err(Kind::ModelUnusable.because(reason)),
        Readiness::Stuck(reason) => Err(EngineError::Stuck(reason).into()),
    }
}
