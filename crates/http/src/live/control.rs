//! What a person can do to a live source.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use live::LiveView;
use picture::report::{Extras, Form, render};
use picture::segmenter::Ask;
use serde::Deserialize;
use utoipa::IntoParams;

use super::latest::headers;
use super::present::Trial;
use super::query::{Asked, Which, find};
use super::sources::{ListedSource, listed};
use crate::app::App;
use crate::problem::{Kind, Problem, internal};
use crate::wish::PictureFile;

/// Holds the picture that is shown now, with its mask, for all who look. Its age goes on.
#[utoipa::path(post, path = "/v1/live/freeze", operation_id = "live_freeze", tag = "live", params(Which),
    responses((status = 200, description = "The source as it is now", body = ListedSource), Problem))]
pub async fn freeze(
    State(app): State<Arc<App>>,
    Asked(which): Asked<Which>,
) -> Result<Json<ListedSource>, Problem> {
    let (name, session) = which.find(&app)?;
    session.freeze(true);
    Ok(Json(listed(&name, &session)))
}

/// Lets the picture go on.
#[utoipa::path(post, path = "/v1/live/resume", operation_id = "live_resume", tag = "live", params(Which),
    responses((status = 200, description = "The source as it is now", body = ListedSource), Problem))]
pub async fn resume(
    State(app): State<Arc<App>>,
    Asked(which): Asked<Which>,
) -> Result<Json<ListedSource>, Problem> {
    let (name, session) = which.find(&app)?;
    session.freeze(false);
    Ok(Json(listed(&name, &session)))
}

/// What is to be asked of the model.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ModalityQuery {
    /// The source's name, from /v1/sources; may be left out if there is one only.
    source: Option<String>,
    /// Modality name, from /v1/modalities.
    modality: String,
    /// Model name, from /v1/models; if left out, the one meant for the modality.
    model: Option<String>,
}

/// Asks for another modality from now on. No mask of the old one is shown after this.
#[utoipa::path(post, path = "/v1/live/modality", operation_id = "live_modality", tag = "live", params(ModalityQuery),
    responses((status = 200, description = "The source as it is now", body = ListedSource), Problem))]
pub async fn modality(
    State(app): State<Arc<App>>,
    Asked(query): Asked<ModalityQuery>,
) -> Result<Json<ListedSource>, Problem> {
    let (name, session) = find(&app, query.source.as_deref())?;
    let ask = Ask {
        model: query.model,
        ..Ask::new(query.modality)
    };
    session.ask(ask)?;
    Ok(Json(listed(&name, &session)))
}

/// The picture that is shown now with its mask, at full size and without loss, to be kept.
#[utoipa::path(post, path = "/v1/live/snapshot", operation_id = "live_snapshot", tag = "live", params(Which),
    responses((status = 200, description = "The overlay; headers tell its state and age", body = PictureFile, content_type = "image/png"), Problem))]
pub async fn snapshot(
    State(app): State<Arc<App>>,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let (name, session) = which.find(&app)?;
    let (mut view, mut trial) = (session.look(), Trial::default());
    let kept = loop {
        let kept = kept(&app, &view).await?;
        if trial.succeeded(&session, &mut view) {
            break kept;
        }
    };
    let (sequence, bytes) =
        kept.ok_or_else(|| Kind::NoMask.because(format!("The state is '{}'.", view.state.name())))?;
    let mut headers = headers(&view, Form::Overlay.media_type());
    let file = format!("attachment; filename=\"{name}-{sequence}.png\"");
    if let Ok(file) = HeaderValue::try_from(file) {
        headers.insert(header::CONTENT_DISPOSITION, file);
    }
    Ok((headers, bytes).into_response())
}

/// The number of the picture that is shown, and the picture with its mask; `None` if it has none.
async fn kept(app: &App, view: &LiveView) -> Result<Option<(u64, Vec<u8>)>, Problem> {
    let answer = view.answer.clone().filter(|_| view.masked().is_some());
    let Some(answer) = answer else {
        return Ok(None);
    };
    let sequence = answer.sequence;
    let failed = |error: &dyn std::error::Error| internal(&error.to_string());
    let desk = app.desks.acquire().await.map_err(|error| failed(&error))?;
    let drawn = tokio::task::spawn_blocking(move || {
        render(
            answer.segmentation.clone(),
            Form::Overlay,
            Extras::default(),
        )
    });
    let drawn = drawn.await.map_err(|error| failed(&error))??;
    drop(desk);
    Ok(Some((sequence, drawn.bytes)))
}
