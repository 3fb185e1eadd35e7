//! The model repository extension, as far as it is true here: what there is can be listed, and is loaded when it is first asked
//! for. Clients change nothing of it: which models a device has is its keeper's to say, by signed packages.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::about::InferNotice;
use super::fault::InferFaults;
use super::name::{InferModel, Named, VERSION};
use super::request::{InferParameters, read};
use crate::app::App;
use crate::catalog::check_ready;
use crate::door::CameBy;
use crate::problem::{Kind, Problem};
use crate::upload::{self, Packaging};

/// Which models are to be listed.
#[derive(Debug, Default, Deserialize)]
struct IndexWish {
    /// Those alone that are served.
    #[serde(default)]
    ready: bool,
}

/// How a model is to be loaded.
#[derive(Debug, Default, Deserialize)]
struct LoadWish {
    #[serde(default)]
    parameters: Option<InferParameters>,
}

/// A model of the repository.
#[derive(Serialize, ToSchema)]
pub struct RepositoryEntry {
    /// The name to ask by.
    name: String,
    /// 1.
    version: &'static str,
    /// READY: pictures are served. UNAVAILABLE: they are not.
    state: &'static str,
    /// Why not; empty if they are.
    reason: String,
    /// What is said with every answer.
    parameters: InferNotice,
}

/// What became of a wish to load a model.
#[derive(Serialize, ToSchema)]
pub struct LoadedModel {
    /// The model.
    name: String,
    /// What is said of it.
    parameters: SaidOfLoading,
}

/// What is said of a model that is to be loaded.
#[derive(Serialize, ToSchema)]
pub struct SaidOfLoading {
    #[serde(flatten)]
    always: InferNotice,
    /// Whether its weights are in memory by now; else they will be once a picture comes.
    in_memory: bool,
}

/// The models to ask for. A JSON body `{"ready": true}` leaves out what is not served.
#[utoipa::path(post, path = "/v2/repository/index", operation_id = "list_repository", tag = "kserve",
    responses((status = 200, description = "Every model", body = [RepositoryEntry]), InferFaults))]
pub async fn index(
    State(app): State<Arc<App>>,
    Extension(came_by): Extension<CameBy>,
    body: Body,
) -> Result<Json<Vec<RepositoryEntry>>, Problem> {
    let wish: IndexWish = received(&app, came_by, body).await?;
    let (state, reason) = match check_ready(&app) {
        Ok(()) => ("READY", String::new()),
        Err(_) if wish.ready => return Ok(Json(Vec::new())),
        Err(problem) => ("UNAVAILABLE", problem.detail),
    };
    let models = InferModel::all(app.engine.as_ref()).into_iter();
    let entry = |model: InferModel| RepositoryEntry {
        name: model.name,
        version: VERSION,
        state,
        reason: reason.clone(),
        parameters: InferNotice::SAID,
    };
    Ok(Json(models.map(entry).collect()))
}

/// Whether a model can be asked: its weights are loaded with its first picture. One with a configuration or files of the
/// client's own is refused.
#[utoipa::path(post, path = "/v2/repository/models/{name}/load", operation_id = "load_model", tag = "kserve",
    params(("name" = String, Path, description = "as POST /v2/repository/index lists it", example = "ultrasound")),
    responses((status = 200, description = "It can be asked", body = LoadedModel), InferFaults))]
pub async fn load(
    State(app): State<Arc<App>>,
    Extension(came_by): Extension<CameBy>,
    named: Result<Named, Problem>,
    body: Body,
) -> Result<Json<LoadedModel>, Problem> {
    let wish: LoadWish = received(&app, came_by, body).await?;
    let Named(model) = named?;
    if wish
        .parameters
        .is_some_and(|parameters| !parameters.0.is_empty())
    {
        return Err(Kind::ModelsFixed.because("A model is not loaded as a client describes it."));
    }
    check_ready(&app)?;
    Ok(Json(LoadedModel {
        name: model.name,
        parameters: SaidOfLoading {
            always: InferNotice::SAID,
            in_memory: model.modality.loaded,
        },
    }))
}

/// Refused: models are not unloaded by clients, since others may ask for them at the same time.
#[utoipa::path(post, path = "/v2/repository/models/{name}/unload", operation_id = "unload_model", tag = "kserve",
    params(("name" = String, Path, description = "as POST /v2/repository/index lists it", example = "ultrasound")),
    responses(InferFaults))]
pub async fn unload(named: Result<Named, Problem>, body: Body) -> Problem {
    upload::linger(body);
    match named {
        Ok(Named(model)) => Kind::ModelsFixed.because(format!("'{}' stays loaded.", model.name)),
        Err(problem) => problem,
    }
}

/// What a body asks; nothing, if there is none.
async fn received<T: serde::de::DeserializeOwned + Default>(
    app: &App,
    came_by: CameBy,
    body: Body,
) -> Result<T, Problem> {
    let upload = upload::receive(
        &app.config,
        app.uploads.share(came_by),
        Packaging::Raw,
        body,
    )
    .await?;
    match upload.bytes.is_empty() {
        true => Ok(T::default()),
        false => read(&upload.bytes),
    }
}
