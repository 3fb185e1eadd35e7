//! Which sources there are.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use live::{LiveView, Session, State as LiveState};
use picture::NOTICE;
use picture::segmenter::millis;
use serde::Serialize;
use utoipa::ToSchema;

use super::told::FrameCounts;
use crate::app::App;
use crate::problem::Problem;

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
    }
}
