//! Video for recorders: Y4M, uncompressed, at a steady rate.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use futures_util::stream::unfold;
use live::LiveView;
use picture::schema::whole;
use serde::Deserialize;
use tokio::time::{Interval, MissedTickBehavior, interval};
use utoipa::IntoParams;
use utoipa::openapi::schema::Object;
use video::y4m::Y4mWriter;

use super::present::Trial;
use super::query::{Asked, find, within};
use super::rendition::Rendition;
use super::watch::LiveWatch;
use crate::app::App;
use crate::door::CameBy;
use crate::problem::Problem;

/// A video at a steady rate.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RecorderQuery {
    /// The source's name, from /v1/sources; may be left out if there is one only.
    source: Option<String>,
    /// Pictures a second; 25 if left out.
    #[param(schema_with = rate)]
    rate: Option<u32>,
}

/// Pictures a second that can be asked for.
const RATES: RangeInclusive<u32> = 1..=60;

fn rate() -> Object {
    whole(&RATES)
}

/// A recording under way.
struct Recording {
    app: Arc<App>,
    watch: LiveWatch,
    rate: u32,
    ticks: Interval,
    writer: Option<Y4mWriter>,
}

/// The video with the mask drawn upon it, uncompressed, for programs that record: `ffmpeg -i URL`.
///
/// Pictures come at a steady rate, each what is to be seen then. A stream has one size: it ends if the source's changes.
#[utoipa::path(get, path = "/v1/live/y4m", operation_id = "live_y4m", tag = "live", params(RecorderQuery),
    responses((status = 200, description = "YUV4MPEG2 without end", body = String, content_type = "video/x-yuv4mpeg"), Problem))]
pub async fn y4m(
    State(app): State<Arc<App>>,
    Extension(came_by): Extension<CameBy>,
    Asked(query): Asked<RecorderQuery>,
) -> Result<impl IntoResponse, Problem> {
    let rate = within("rate", query.rate, RATES)?.unwrap_or(25);
    let (name, session) = find(&app, query.source.as_deref())?;
    let watch = LiveWatch::begin(app.viewers_place(came_by)?, name, session);
    let mut ticks = interval(Duration::from_secs(1) / rate);
    // Who reads slowly is not sent what it missed.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let recorder = Recording {
        app,
        watch,
        rate,
        ticks,
        writer: None,
    };
    let pictures = unfold(recorder, |mut recorder| async move {
        let picture = recorder.next().await?;
        Some((picture, recorder))
    });
    let headers = [(header::CONTENT_TYPE, "video/x-yuv4mpeg")];
    Ok((headers, Body::from_stream(pictures)))
}

impl Recording {
    async fn next(&mut self) -> Option<Result<Bytes, Problem>> {
        self.ticks.tick().await;
        let mut view = self.watch.look()?;
        let mut trial = Trial::default();
        loop {
            let drawn = self.draw(view.clone()).await;
            if trial.succeeded(&self.watch.session, &mut view) {
                let drawn = drawn.transpose()?;
                return Some(drawn.map(|(writer, bytes)| {
                    self.writer = Some(writer);
                    bytes
                }));
            }
        }
    }

    /// The picture as the stream's next, after the stream's beginning if it is the first; `None` if it is of another size.
    async fn draw(&self, view: LiveView) -> Result<Option<(Y4mWriter, Bytes)>, Problem> {
        let (writer, rate, gallery) = (self.writer, self.rate, self.app.gallery.clone());
        let draw = move || {
            gallery.at_easel(|easel| {
                let frame = easel.draw(&view, Rendition::default())?;
                let mut bytes = Vec::new();
                let writer =
                    writer.unwrap_or_else(|| Y4mWriter::begin(frame.size(), [rate, 1], &mut bytes));
                let fits = writer.push(frame, &mut bytes);
                Ok(fits.then(|| (writer, bytes.into())))
            })
        };
        self.app.gallery.make(draw).await
    }
}
