//! Which sources there are.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::StatusCode;
use live::{Asker, LiveError, LiveSourceSpec, LiveView, Session, State as LiveState};
use picture::NOTICE;
use picture::segmenter::millis;
use serde::Serialize;
use utoipa::ToSchema;

use super::region::{ProposedRegion, SourceRegion};
use super::told::{FrameCounts, pixel_mm};
use crate::app::App;
use crate::config::seconds;
use crate::problem::{Kind, Problem};

/// A live source.
#[derive(Serialize, ToSchema)]
#[schema(as = Source)]
pub struct ListedSource {
    /// Name to ask by.
    name: String,
    /// What it is.
    label: String,
    /// What may be shown of it now.
    #[schema(value_type = String, example = "mask")]
    state: LiveState,
    /// Why, where there is more to say than the word.
    detail: Option<String>,
    /// The modality that the model is asked for.
    modality: String,
    /// The model asked; null: the one meant for the modality.
    model: Option<String>,
    /// Whether its picture is held.
    frozen: bool,
    /// The oldest that a mask may be, milliseconds.
    budget_ms: f64,
    /// Pictures a second from the source.
    captured_per_s: f64,
    /// Answers a second of the model.
    segmented_per_s: f64,
    /// What became of its pictures so far.
    counts: FrameCounts,
    /// How many look.
    viewers: usize,
    /// Millimetres per pixel: column, row; null: not known.
    #[schema(example = json!([0.2, 0.2]))]
    pixel_mm: Option<[f64; 2]>,
    /// The part of its pictures that is seen; null: all.
    region: Option<SourceRegion>,
    /// What could be seen instead, of a source with `crop = "auto"`, until POST /v1/live/region says; never used by itself.
    proposed_region: Option<ProposedRegion>,
}

/// All live sources.
#[derive(Serialize, ToSchema)]
pub struct SourceList {
    /// Research use only. Not for clinical use.
    notice: &'static str,
    /// By name.
    sources: Vec<ListedSource>,
}

/// The live sources, and how they do.
#[utoipa::path(get, path = "/v1/sources", operation_id = "list_sources", tag = "live",
    responses((status = 200, description = "All live sources", body = SourceList), Problem))]
pub async fn list(State(app): State<Arc<App>>) -> Json<SourceList> {
    let all = app.studio.all();
    Json(SourceList {
        notice: NOTICE,
        sources: all
            .iter()
            .map(|(name, session)| listed(name, session))
            .collect(),
    })
}

/// Begins a live source, as its description says; what of it clients may ask for is in the configuration.
#[utoipa::path(post, path = "/v1/sources", operation_id = "begin_source", tag = "live",
    request_body(content = LiveSourceSpec, description = "The source, as under [[live.sources]] in the configuration",
        example = json!({"name": "probe", "modality": "ultrasound", "source": {"kind": "v4l2", "device": "/dev/video0"}})),
    responses((status = 201, description = "It is being opened", body = ListedSource), Problem))]
pub async fn begin(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<(StatusCode, Json<ListedSource>), Problem> {
    if !app.studio.allows(Asker::Client) {
        return Err(LiveError::Forbidden.into());
    }
    let patience = app.config.body_timeout_s;
    let reading = Json::<LiveSourceSpec>::from_request(request, &());
    let late = |_| Kind::BodyTimeout.because(format!("It was not complete after {patience} s."));
    let described = tokio::time::timeout(seconds(patience), reading).await;
    let described = described.map_err(late)?;
    let Json(spec) =
        described.map_err(|rejection| Kind::BadSource.because(rejection.body_text()))?;
    let session = app.studio.begin_described(&spec, Asker::Client)?;
    Ok((StatusCode::CREATED, Json(listed(&spec.name, &session))))
}

/// Ends a live source: it is watched no more, and who looks at it is told so.
#[utoipa::path(delete, path = "/v1/sources/{name}", operation_id = "end_source", tag = "live",
    params(("name" = String, Path, description = "the source's name, from /v1/sources")),
    responses((status = 204, description = "It has ended"), Problem))]
pub async fn end(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    app.studio.end_asked(&name, Asker::Client)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A source as it is now.
pub fn listed(name: &str, session: &Session) -> ListedSource {
    let LiveView {
        state,
        detail,
        frozen,
        rates,
        counts,
        ..
    } = session.look();
    let asked = session.asked();
    ListedSource {
        name: name.into(),
        label: session.label(),
        state,
        detail: detail.map(|detail| detail.to_string()),
        modality: asked.modality.to_string(),
        model: asked.model,
        frozen: frozen.is_some(),
        budget_ms: millis(session.settings().patience.budget),
        captured_per_s: rates.captured,
        segmented_per_s: rates.segmented,
        counts: counts.into(),
        viewers: session.listeners(),
        pixel_mm: pixel_mm(&session.scale()),
        region: session.region().map(SourceRegion::from),
        proposed_region: session.proposed().map(ProposedRegion::from),
    }
}
