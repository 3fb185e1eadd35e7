//! What may be shown, whenever it changes: server-sent events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_util::stream::unfold;

use super::latest::{AnswerQuery, report};
use super::query::{Asked, MaskForm, find};
use super::told::{Along, told};
use super::watch::LiveWatch;
use crate::app::App;
use crate::problem::{Kind, Problem};

/// An event for each answer and each change of state, and one now and then if there are none: `data` is what
/// /v1/live/latest.json gives, `id` the answer's number, `event` the state.
#[utoipa::path(get, path = "/v1/live/events", operation_id = "live_events", tag = "live", params(AnswerQuery),
    responses((status = 200, description = "Events without end", body = String, content_type = "text/event-stream"), Problem))]
pub async fn events(
    State(app): State<Arc<App>>,
    Asked(query): Asked<AnswerQuery>,
) -> Result<impl IntoResponse, Problem> {
    if query.mask == MaskForm::Png {
        return Err(Kind::BadQuery.because("'mask=png' is for the WebSocket alone."));
    }
    let (name, session) = find(&app, query.source.as_deref())?;
    let watch = LiveWatch::begin(&app, name, session)?;
    let mask = query.mask;
    let events = unfold((app, watch), move |(app, mut watch)| async move {
        let event = next_event(&app, &mut watch, mask).await?;
        Some((Ok::<_, Infallible>(event), (app, watch)))
    });
    Ok(Sse::new(events))
}

async fn next_event(app: &App, watch: &mut LiveWatch, mask: MaskForm) -> Option<Event> {
    let mut view = watch.next().await?;
    let result = loop {
        let result = report(app, &watch.session, &view, mask).await;
        if watch.holds(&mut view) {
            break result;
        }
    };
    // Without the report there still is the state.
    let result = result
        .inspect_err(|problem| tracing::error!("{problem:?}"))
        .ok()
        .flatten();
    let missed = watch.missed(&view);
    let asked = watch.session.asked();
    let told = told(
        watch,
        &view,
        Along {
            missed,
            result: result.as_deref(),
            modality: asked.modality.as_str(),
            ..Along::default()
        },
    );
    let event = Event::default().event(view.state.name());
    event.json_data(told).ok()
}
