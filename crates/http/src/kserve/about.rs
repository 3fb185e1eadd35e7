//! What there is, and whether it is served.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::bounds::{FILE, IMAGE, OnlyVersion};
use super::fault::InferFaults;
use super::name::{InferModel, Named, VERSION};
use super::outputs::InferOutput;
use super::values::DataType;
use crate::app::App;
use crate::catalog::check_ready;
use crate::problem::Problem;
use picture::NOTICE;

/// What is said with every answer.
#[derive(Serialize, ToSchema)]
pub struct InferNotice {
    /// Research use only. Not for clinical use.
    notice: &'static str,
}

impl InferNotice {
    pub const SAID: Self = Self { notice: NOTICE };
}

/// About this server.
#[derive(Serialize, ToSchema)]
pub struct InferServer {
    /// The program's name.
    name: &'static str,
    /// The program's version.
    version: &'static str,
    /// Extensions of the protocol that are spoken.
    extensions: [&'static str; 1],
    /// What is said with every answer.
    parameters: InferNotice,
}

/// The server's metadata.
#[utoipa::path(get, path = "/v2", operation_id = "get_inference_server", tag = "kserve",
    responses((status = 200, description = "This server", body = InferServer), InferFaults))]
pub async fn server() -> Json<InferServer> {
    Json(InferServer {
        name: "espmedsam",
        version: env!("CARGO_PKG_VERSION"),
        extensions: ["binary_tensor_data"],
        parameters: InferNotice::SAID,
    })
}

/// It runs.
#[derive(Serialize, ToSchema)]
pub struct InferLive {
    /// True.
    live: bool,
    /// What is said with every answer.
    parameters: InferNotice,
}

/// Whether the program runs at all.
#[utoipa::path(get, path = "/v2/health/live", operation_id = "check_inference_live", tag = "kserve",
    responses((status = 200, description = "It runs", body = InferLive), InferFaults))]
pub async fn live() -> Json<InferLive> {
    Json(InferLive {
        live: true,
        parameters: InferNotice::SAID,
    })
}

/// Pictures are served.
#[derive(Serialize, ToSchema)]
pub struct InferReady {
    /// Of which model, if it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// True.
    ready: bool,
    /// What is said with every answer.
    parameters: InferNotice,
}

impl InferReady {
    fn of(app: &App, name: Option<String>) -> Result<Json<Self>, Problem> {
        check_ready(app)?;
        Ok(Json(Self {
            name,
            ready: true,
            parameters: InferNotice::SAID,
        }))
    }
}

/// Whether pictures are served.
#[utoipa::path(get, path = "/v2/health/ready", operation_id = "check_inference_ready", tag = "kserve",
    responses((status = 200, description = "Pictures are served; 503 while starting, failed or stuck, with the reason", body = InferReady), InferFaults))]
pub async fn ready(State(app): State<Arc<App>>) -> Result<Json<InferReady>, Problem> {
    InferReady::of(&app, None)
}

/// Whether pictures are served by a model. Its weights may be loaded only when it is first asked.
#[utoipa::path(get, path = "/v2/models/{name}/ready", operation_id = "check_model_ready", tag = "kserve",
    params(("name" = String, Path, description = "as POST /v2/repository/index lists it", example = "ultrasound")),
    responses((status = 200, description = "Pictures are served; 503 while starting, failed or stuck, with the reason", body = InferReady), InferFaults))]
pub async fn model_ready(
    State(app): State<Arc<App>>,
    Named(model): Named,
) -> Result<Json<InferReady>, Problem> {
    InferReady::of(&app, Some(model.name))
}

/// The same, of the one version there is.
#[utoipa::path(get, path = "/v2/models/{name}/versions/{version}/ready", operation_id = "check_version_ready", tag = "kserve",
    params(("name" = String, Path, description = "as POST /v2/repository/index lists it", example = "ultrasound"), ("version" = inline(OnlyVersion), Path, description = "the one there is")),
    responses((status = 200, description = "As without the version", body = InferReady), InferFaults))]
pub async fn version_ready(
    app: State<Arc<App>>,
    named: Named,
) -> Result<Json<InferReady>, Problem> {
    model_ready(app, named).await
}

/// An input or an output.
#[derive(Serialize, ToSchema)]
pub struct InferTensor {
    /// Its name.
    name: &'static str,
    /// Its type.
    #[schema(value_type = String, example = "UINT8")]
    datatype: DataType,
    /// Its shape; -1 is any.
    shape: Vec<i64>,
}

/// What is said of a model.
#[derive(Serialize, ToSchema)]
pub struct SaidOfModel {
    /// Research use only. Not for clinical use.
    notice: &'static str,
    /// One picture a request, and no dimension for more.
    max_batch_size: u32,
    /// Of the inputs one is to be sent.
    inputs: &'static str,
    /// What grows absent where it is not known.
    outputs: &'static str,
    /// The modality.
    modality: String,
    /// What its masks mark.
    label: String,
    /// The model, where the name names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
}

/// A model's metadata.
#[derive(Serialize, ToSchema)]
pub struct InferModelInfo {
    /// The name to ask by.
    name: String,
    /// 1: of inputs and outputs. Weights are told by their hash, with each mask.
    versions: [&'static str; 1],
    /// What runs it.
    platform: &'static str,
    /// Of which one is to be sent.
    inputs: Vec<InferTensor>,
    /// What can be had.
    outputs: Vec<InferTensor>,
    /// What is said of it.
    parameters: SaidOfModel,
}

impl From<InferModel> for InferModelInfo {
    fn from(model: InferModel) -> Self {
        let input = |name, datatype, shape: &[i64]| InferTensor {
            name,
            datatype,
            shape: shape.to_vec(),
        };
        let output = |output: InferOutput| InferTensor {
            name: output.name(),
            datatype: output.datatype(),
            shape: output.shape().to_vec(),
        };
        Self {
            name: model.name,
            versions: [VERSION],
            platform: "espmedsam",
            inputs: vec![
                input(IMAGE, DataType::Uint8, &[-1, -1, 3]),
                input(FILE, DataType::Bytes, &[1]),
            ],
            outputs: InferOutput::ALL.map(output).into(),
            parameters: SaidOfModel {
                notice: NOTICE,
                max_batch_size: 1,
                inputs: "One of them: image, RGB or grey ([-1, -1]); or file, a picture file.",
                outputs: "A value that is not known has the shape [0]; logits have [0, 0] where nothing is there.",
                modality: model.modality.name,
                label: model.modality.label,
                model: model.model,
            },
        }
    }
}

/// A model's metadata: a modality by the model that is meant for it (`ultrasound`), or by another (`live-224.ultrasound`).
#[utoipa::path(get, path = "/v2/models/{name}", operation_id = "get_inference_model", tag = "kserve",
    params(("name" = String, Path, description = "as POST /v2/repository/index lists it", example = "ultrasound")),
    responses((status = 200, description = "The model", body = InferModelInfo), InferFaults))]
pub async fn model(Named(model): Named) -> Json<InferModelInfo> {
    Json(model.into())
}

/// The same, of the one version there is.
#[utoipa::path(get, path = "/v2/models/{name}/versions/{version}", operation_id = "get_inference_version", tag = "kserve",
    params(("name" = String, Path, description = "as POST /v2/repository/index lists it", example = "ultrasound"), ("version" = inline(OnlyVersion), Path, description = "the one there is")),
    responses((status = 200, description = "As without the version", body = InferModelInfo), InferFaults))]
pub async fn model_version(named: Named) -> Json<InferModelInfo> {
    model(named).await
}
