//! What may be shown now, once.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use live::{LiveView, Session};
use picture::render::RenderError;
use picture::report::{Extras, Form, render};
use picture::segmenter::millis;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::gallery::{Artwork, Title};
use super::present::Trial;
use super::query::{Asked, VideoQuery, Which, find};
use super::rendition::MaskForm;
use super::told::{Along, LiveReport, has_result, record};
use crate::app::App;
use crate::problem::{Kind, Problem, internal};
use crate::wish::PictureFile;

/// What is asked of the newest answer.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AnswerQuery {
    /// The source's name, from /v1/sources; may be left out if there is one only.
    pub source: Option<String>,
    /// In which form the mask is in it.
    #[serde(default)]
    #[param(inline)]
    pub mask: ToldMask,
}

/// In which form a mask is told, where no payload goes with what is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ToldMask {
    /// As polygons.
    #[default]
    Polygons,
    /// As COCO run lengths.
    Rle,
    /// Not at all; `result` has the measures.
    None,
}

impl From<ToldMask> for MaskForm {
    fn from(told: ToldMask) -> Self {
        match told {
            ToldMask::Polygons => Self::Polygons,
            ToldMask::Rle => Self::Rle,
            ToldMask::None => Self::None,
        }
    }
}

/// The report on a view's mask, written once for all who ask; `None` where there is none to be told of.
///
/// # Errors
/// A fault of this program.
pub async fn report(
    app: &App,
    session: &Session,
    view: &LiveView,
    mask: MaskForm,
) -> Result<Option<Box<RawValue>>, Problem> {
    let Some(answer) = view.answer.clone().filter(|_| has_result(view)) else {
        return Ok(None);
    };
    let title = Title::of(session, view, Artwork::Report(mask));
    let write = move || {
        let segmentation = answer.segmentation.clone();
        let report = render(segmentation, mask.report(), Extras::default())?.bytes;
        match mask {
            MaskForm::Polygons | MaskForm::Rle => Ok(report),
            MaskForm::Png | MaskForm::None => without_shape(&report),
        }
    };
    let bytes = app.gallery.show(title, write).await?;
    let text = String::from_utf8(bytes.to_vec()).map_err(|error| internal(&error.to_string()))?;
    let raw = RawValue::from_string(text).map_err(|error| internal(&error.to_string()))?;
    Ok(Some(raw))
}

/// A report whose mask is not in it.
fn without_shape(report: &[u8]) -> Result<Vec<u8>, RenderError> {
    let encode = |error: serde_json::Error| RenderError::Encode(error.into());
    let mut report: serde_json::Map<String, Value> =
        serde_json::from_slice(report).map_err(encode)?;
    report.remove("rle");
    serde_json::to_vec(&report).map_err(encode)
}

/// What may be shown now, and the report on the mask.
#[utoipa::path(get, path = "/v1/live/latest.json", operation_id = "live_latest", tag = "live", params(AnswerQuery),
    responses((status = 200, description = "What may be shown now", body = LiveReport), Problem))]
pub async fn json(
    State(app): State<Arc<App>>,
    Asked(query): Asked<AnswerQuery>,
) -> Result<Response, Problem> {
    let mask = query.mask.into();
    let (name, session) = find(&app, query.source.as_deref())?;
    let (mut view, mut trial) = (session.look(), Trial::default());
    let result = loop {
        let result = report(&app, &session, &view, mask).await?;
        if trial.succeeded(&session, &mut view) {
            break result;
        }
    };
    let (asked, board) = (session.asked(), app.studio.board());
    let along = Along {
        result: result.as_deref(),
        modality: asked.modality.as_str(),
        board: board.as_deref(),
        ..Along::default()
    };
    Ok(Json(record(&name, &session, &view, along)).into_response())
}

/// The mask of the newest answer, as PNG of 0 and 255.
#[utoipa::path(get, path = "/v1/live/latest.png", operation_id = "live_latest_mask", tag = "live", params(Which),
    responses((status = 200, description = "The mask; headers tell its state and age", body = PictureFile, content_type = "image/png"), Problem))]
pub async fn png(
    State(app): State<Arc<App>>,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let (_, session) = which.find(&app)?;
    let (mut view, mut trial) = (session.look(), Trial::default());
    let bytes = loop {
        let bytes = mask_png(&app, &session, &view).await?;
        if trial.succeeded(&session, &mut view) {
            break bytes;
        }
    };
    let bytes = bytes
        .ok_or_else(|| Kind::NoMask.because(format!("The state is '{}'.", view.state.name())))?;
    Ok((headers(&view, Form::Png.media_type()), bytes).into_response())
}

/// The mask as a picture, if there is one.
///
/// # Errors
/// A fault of this program.
pub async fn mask_png(
    app: &App,
    session: &Session,
    view: &LiveView,
) -> Result<Option<axum::body::Bytes>, Problem> {
    let Some(answer) = view.answer.clone().filter(|_| view.masked().is_some()) else {
        return Ok(None);
    };
    let title = Title::of(session, view, Artwork::Mask);
    let write = move || picture::render::mask_png(answer.segmentation.mask.clone());
    Ok(Some(app.gallery.show(title, write).await?))
}

/// The picture with the mask drawn upon it, as in the stream.
#[utoipa::path(get, path = "/v1/live/latest.jpg", operation_id = "live_latest_picture", tag = "live", params(VideoQuery),
    responses((status = 200, description = "The picture; headers tell its state and age", body = PictureFile, content_type = "image/jpeg"), Problem))]
pub async fn jpeg(
    State(app): State<Arc<App>>,
    Asked(query): Asked<VideoQuery>,
) -> Result<Response, Problem> {
    let rendition = query.rendition()?;
    let (_, session) = find(&app, query.source.as_deref())?;
    let (mut view, mut trial) = (session.look(), Trial::default());
    let bytes = loop {
        let bytes = app.gallery.drawn(&session, &view, rendition).await?;
        if trial.succeeded(&session, &mut view) {
            break bytes;
        }
    };
    Ok((headers(&view, Form::OverlayJpeg.media_type()), bytes).into_response())
}

/// State and age, for a picture that is sent alone.
pub fn headers(view: &LiveView, media_type: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    let state = HeaderValue::from_static(view.state.name());
    headers.insert(HeaderName::from_static("x-espmedsam-state"), state);
    let age = view.age().map(|age| format!("{:.1}", millis(age)));
    if let Some(age) = age.and_then(|age| HeaderValue::try_from(age).ok()) {
        headers.insert(HeaderName::from_static("x-espmedsam-age-ms"), age);
    }
    headers
}
