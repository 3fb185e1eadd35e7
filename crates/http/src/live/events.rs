//! What may be shown, whenever it changes: server-sent events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_util::stream::unfold;

use super::latest::{AnswerQuery, report};
use super::present::Trial;
use super::query::{Asked, find};
use super::rendition::MaskForm;
use super::told::{Along, told};
use super::watch::LiveWatch;
use crate::app::App;
use crate::door::CameBy;
use crate::problem::Problem;

/// An event for each answer and each change of state, and one now and then if there are none: `data` is what
/// /v1/live/latest.json gives, `id` the answer's number, `event` the state.
#[utoipa::path(get, path = "/v1/live/events", operation_id = "live_events", tag = "live", params(AnswerQuery),
    responses((status = 200, description = "Events without end", body = String, content_type = "text/event-stream"), Problem))]
pub async fn events(
    State(app): State<Arc<App>>,
    Extension(came_by): Extension<CameBy>,
    Asked(query): Asked<AnswerQuery>,
) -> Result<impl IntoResponse, Problem> {
    let mask = query.mask.into();
    let (name, session) = find(&app, query.source.as_deref())?;
    let watch = LiveWatch::begin(app.viewers_place(came_by)?, name, session);
    let events = unfold((app, watch), move |(app, mut watch)| async move {
        let event = next_event(&app, &mut watch, mask).await?;
        Some((Ok::<_, Infallible>(event), (app, watch)))
    });
    Ok(Sse::new(events))
}

async fn next_event(app: &App, watch: &mut LiveWatch, mask: MaskForm) -> Option<Event> {
    let mut view = watch.next().await?;
    let mut trial = Trial::default();
    let result = loop {
        let result = report(app, &watch.session, &view, mask).await;
        if trial.succeeded(&watch.session, &mut view) {
            break result;
        }
    };
    // Without the report there still is the state.
    let result = result
        .inspect_err(|problem| tracing::error!("a live answer could not be told: {problem}"))
        .ok()
        .flatten();
    let missed = watch.missed(&view);
    let (asked, board) = (watch.session.asked(), app.studio.board());
    let told = told(
        watch,
        &view,
        Along {
            missed,
            result: result.as_deref(),
            modality: asked.modality.as_str(),
            board: board.as_deref(),
            ..Along::default()
        },
    );
    let number = view.answer.as_ref().map_or(0, |answer| answer.number);
    let event = Event::default()
        .id(number.to_string())
        .event(view.state.name());
    event.json_data(told).ok()
}
