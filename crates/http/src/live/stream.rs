//! Video for whatever can show a picture: multipart/x-mixed-replace, a JPEG each.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use futures_util::stream::unfold;
use live::LiveView;
use picture::segmenter::millis;

use super::present::Trial;
use super::query::{Asked, VideoQuery, find};
use super::rendition::Rendition;
use super::watch::LiveWatch;
use crate::app::App;
use crate::door::CameBy;
use crate::problem::Problem;

/// Who wants the newest pictures looks so often: as often as they may come.
const FRESH: Duration = Duration::from_millis(33);
/// Between the pictures (RFC 2046 §5.1.1).
const BOUNDARY: &str = "espmedsam-picture";

/// The video with the mask drawn upon it, as long as somebody looks.
///
/// Each picture carries its state, its age and the notice, drawn upon it and as headers of its part. It is the newest at the
/// time of sending: a slow client is sent fewer, and `X-Espmedsam-Missed` says how many answers it was not sent.
#[utoipa::path(get, path = "/v1/live/stream.mjpeg", operation_id = "live_stream", tag = "live", params(VideoQuery),
    responses((status = 200, description = "JPEG pictures without end", body = String, content_type = "multipart/x-mixed-replace"), Problem))]
pub async fn stream(
    State(app): State<Arc<App>>,
    Extension(came_by): Extension<CameBy>,
    Asked(query): Asked<VideoQuery>,
) -> Result<impl IntoResponse, Problem> {
    let rendition = query.rendition()?;
    let (name, session) = find(&app, query.source.as_deref())?;
    let mut watch = LiveWatch::begin(app.viewers_place(came_by)?, name, session);
    if rendition.fresh {
        watch.hasten(FRESH);
    }
    let parts = unfold((app, watch), move |(app, mut watch)| async move {
        let part = next_part(&app, &mut watch, rendition).await?;
        Some((part, (app, watch)))
    });
    let kind = format!("multipart/x-mixed-replace; boundary={BOUNDARY}");
    let kind = HeaderValue::try_from(kind)
        .unwrap_or(HeaderValue::from_static("multipart/x-mixed-replace"));
    let headers = [
        (header::CONTENT_TYPE, kind),
        // Proxies that gather a reply before they pass it on would gather for ever.
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    Ok((headers, Body::from_stream(parts)))
}

async fn next_part(
    app: &App,
    watch: &mut LiveWatch,
    rendition: Rendition,
) -> Option<Result<Bytes, Problem>> {
    let (view, jpeg) = match next_picture(app, watch, rendition).await? {
        Ok(picture) => picture,
        Err(problem) => return Some(Err(problem)),
    };
    let missed = watch.missed(&view);
    let mut part = head(&view, missed, jpeg.len()).into_bytes();
    part.extend_from_slice(&jpeg);
    part.extend_from_slice(b"\r\n");
    Some(Ok(part.into()))
}

/// The newest picture, drawn; what may be shown of it was true when this returns.
pub async fn next_picture(
    app: &App,
    watch: &mut LiveWatch,
    rendition: Rendition,
) -> Option<Result<(LiveView, Bytes), Problem>> {
    let mut view = watch.next().await?;
    let mut trial = Trial::default();
    loop {
        let made = app.gallery.drawn(&watch.session, &view, rendition).await;
        if trial.succeeded(&watch.session, &mut view) {
            return Some(made.map(|jpeg| (view, jpeg)));
        }
    }
}

/// The headers of a part.
fn head(view: &LiveView, missed: u64, length: usize) -> String {
    let sequence = view.picture.as_ref().map_or_else(String::new, |picture| {
        format!("X-Espmedsam-Sequence: {}\r\n", picture.sequence)
    });
    let age = view.age().map_or_else(String::new, |age| {
        format!("X-Espmedsam-Age-Ms: {:.1}\r\n", millis(age))
    });
    format!(
        "--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\nX-Espmedsam-State: {}\r\n\
         {sequence}{age}X-Espmedsam-Missed: {missed}\r\n\r\n",
        view.state.name()
    )
}
