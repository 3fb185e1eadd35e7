//! `POST /v1/segment`: a picture in, its mask out.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::App;
use super::catalog::check_ready;
use super::config::seconds;
use super::held::Held;
use super::problem::{Kind, Problem, internal};
use super::reply;
use super::schema::SegmentReply;
use super::upload::{self, Envelope, Upload};
use super::wish::{PictureFile, SegmentForm, Wish, Wishes};
use crate::engine::{EngineError, Job, Segmentation};
use crate::frame::Stop;

/// A query as it was sent: names and texts.
type Pairs = Vec<(String, String)>;

/// Segments one picture.
///
/// The body is a picture file (PNG, JPEG, BMP, TIFF or WebP; EXIF orientation is honoured), or multipart/form-data
/// with the file in the field `image`. The reply's form is chosen by `format`, else by `Accept`; `*/*` or none is JSON.
/// Image replies carry the result's essentials in `X-Espmedsam-*` headers and the stage times in `Server-Timing`.
#[utoipa::path(
    post, path = "/v1/segment", operation_id = "segment_picture", tag = "segment", params(Wishes),
    request_body(
        description = "The picture",
        content((PictureFile = "image/*"), (PictureFile = "application/octet-stream"), (SegmentForm = "multipart/form-data")),
    ),
    responses(
        (status = 200, description = "The result: JSON, the mask (image/png, 8-bit, 0 or 255, or with format=overlay the overlay), or the overlay (image/jpeg)",
            content((SegmentReply = "application/json"), (PictureFile = "image/png"), (PictureFile = "image/jpeg")),
            headers(
                ("X-Espmedsam-Result" = String, description = "target or nothing-found"),
                ("X-Espmedsam-Model" = String, description = "the model's name"),
                ("X-Espmedsam-Model-Sha256" = String, description = "names the exact weights"),
                ("X-Espmedsam-Modality" = String, description = "the modality's name"),
                ("X-Espmedsam-Area-Px" = u64, description = "mask area, px"),
                ("X-Espmedsam-Area-Fraction" = f64, description = "mask area / picture area"),
                ("X-Espmedsam-Confidence" = f64, description = "the Dice to be expected; absent if the mask is empty, the model not calibrated or the picture a mismatch"),
                ("X-Espmedsam-Modality-Check" = String, description = "match, modality-mismatch or unchecked"),
                ("X-Espmedsam-Notice" = String, description = "Research use only. Not for clinical use."),
                ("Server-Timing" = String, description = "milliseconds per stage"),
            )),
        Problem,
    ),
)]
pub async fn segment(
    State(app): State<Arc<App>>,
    query: Result<Query<Pairs>, QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let (envelope, query) = match precheck(&app, query, &parts.headers) {
        Ok(checked) => checked,
        Err(problem) => {
            upload::linger(body);
            return Err(problem);
        }
    };
    let Upload {
        bytes,
        wishes,
        share,
    } = upload::receive(&app.config, &app.uploads, envelope, body).await?;
    let wish = Wish::of(query.and(wishes)?, &parts.headers)?;
    if bytes.is_empty() {
        return Err(EngineError::Frame(crate::frame::FrameError::Empty).into());
    }
    let full = || {
        Kind::QueueFull.because(format!(
            "{} requests are being worked on.",
            app.config.max_in_flight
        ))
    };
    let place = app
        .in_flight
        .clone()
        .try_acquire_owned()
        .map_err(|_| full())?;

    let finished = run(
        &app,
        Job {
            bytes,
            page: wish.page,
            ask: wish.ask,
            stop: Stop::never(),
        },
        share,
    )
    .await?;
    let rendering = tokio::task::spawn_blocking(move || {
        let Finished { segmentation, desk } = finished;
        let rendered = reply::render(&segmentation, wish.format, wish.extras);
        drop((segmentation, desk));
        // The place travels with the work: a client that hangs up does not make room before the work is done.
        rendered.map(|rendered| (rendered, place))
    });
    let (rendered, place) = rendering
        .await
        .map_err(|panic| internal(&panic.to_string()))??;
    let deadline = Instant::now() + seconds(app.config.reply_timeout_s);
    let mut response = Response::new(Held::body(rendered.bytes, deadline, place));
    *response.headers_mut() = rendered.headers;
    Ok(response)
}

/// Everything that can be refused before a byte of the body is read.
fn precheck(
    app: &App,
    query: Result<Query<Pairs>, QueryRejection>,
    headers: &HeaderMap,
) -> Result<(Envelope, Wishes), Problem> {
    let Query(pairs) = query.map_err(|rejection| Kind::BadQuery.because(rejection.body_text()))?;
    let mut query = Wishes::default();
    for (name, text) in &pairs {
        query.set(name, text, Kind::BadQuery)?;
    }
    let envelope = Envelope::of(headers)?;
    check_ready(app)?;
    if envelope == Envelope::Raw {
        Wish::of(query.clone(), headers)?;
    }
    let (waiting, capacity) = app.engine.queue();
    if waiting >= capacity {
        return Err(EngineError::Overloaded { capacity }.into());
    }
    Ok((envelope, query))
}

/// A result, and its seat at a renderer's desk.
struct Finished {
    segmentation: Segmentation,
    desk: OwnedSemaphorePermit,
}

/// Gives the job to the engine and waits for its outcome.
async fn run(
    app: &App,
    job: Job,
    share: Option<OwnedSemaphorePermit>,
) -> Result<Finished, Problem> {
    let (tell, told) = oneshot::channel::<Result<Finished, EngineError>>();
    let (desks, runtime) = (app.desks.clone(), tokio::runtime::Handle::current());
    let done = Box::new(move |outcome: Result<Segmentation, EngineError>| {
        // The engine has done with the file's bytes: their share of the upload budget is free.
        drop(share);
        if tell.is_closed() {
            return;
        }
        // Runs on an engine thread, and makes it wait while every desk is taken: finished pictures cannot pile up
        // in front of the renderers, the queue fills instead and new requests are refused at once.
        let seat = |segmentation| {
            let desk = runtime.block_on(desks.acquire_owned());
            desk.map(|desk| Finished { segmentation, desk })
                .map_err(|_| EngineError::Stopped)
        };
        // The client may be gone by now; its result goes with it.
        let _ = tell.send(outcome.and_then(seat));
    });
    app.engine.submit(job, done)?;
    let late = || {
        Kind::TimedOut.because(format!(
            "There was no result after {} s.",
            app.config.request_timeout_s
        ))
    };
    let outcome = tokio::time::timeout(seconds(app.config.request_timeout_s), told)
        .await
        .map_err(|_| late())?;
    Ok(outcome.map_err(|_| internal("the engine dropped a job"))??)
}
