//! `POST /v1/segment`: a picture in, its mask out.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::app::App;
use super::catalog::check_ready;
use super::config::seconds;
use super::held::Line;
use super::problem::{Kind, Problem, internal};
use super::reply;
use super::upload::{self, Packaging, Upload};
use super::wish::{PictureFile, SegmentForm, Wish, Wishes};
use picture::frame::Stop;
use picture::report::{self, Report};
use picture::segmenter::{EngineError, Job, Picture, ReceivedFile, Segmentation};

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
        (status = 200, description = "The result: JSON, the mask (image/png, 8-bit, 0 or 255, or with format=overlay the overlay), the overlay (image/jpeg), or its outlines (application/geo+json, image/svg+xml); with format=coco or labelme JSON is a document of theirs",
            content((Report = "application/json"), (PictureFile = "image/png"), (PictureFile = "image/jpeg"), (PictureFile = "application/geo+json"), (PictureFile = "image/svg+xml")),
            headers(
                ("X-Espmedsam-Result" = String, description = "target or nothing-found"),
                ("X-Espmedsam-Presence" = String, description = "whether anything is there at all: present, unsure or absent; the header itself is absent if the model does not say"),
                ("X-Espmedsam-Presence-Score" = f64, description = "the network's score of that, 0 to 1; absent if the model does not say"),
                ("X-Espmedsam-Model" = String, description = "the model's name"),
                ("X-Espmedsam-Model-Sha256" = String, description = "names the exact weights"),
                ("X-Espmedsam-Modality" = String, description = "the modality's name"),
                ("X-Espmedsam-Area-Px" = u64, description = "mask area, px"),
                ("X-Espmedsam-Area-Fraction" = f64, description = "mask area / picture area"),
                ("X-Espmedsam-Regions" = u64, description = "how many regions the mask has"),
                ("X-Espmedsam-Confidence" = f64, description = "the Dice to be expected; absent if the mask is empty, the model not calibrated or the picture a mismatch"),
                ("X-Espmedsam-Modality-Check" = String, description = "match, modality-mismatch or unchecked"),
                ("X-Espmedsam-Pages" = String, description = "the page that was read and how many the file has: 1/4"),
                ("X-Espmedsam-Warnings" = String, description = "codes of what to know before trusting the result, with commas between; absent if there are none"),
                ("X-Espmedsam-Notice" = String, description = "Research use only. Not for clinical use."),
                ("Server-Timing" = String, description = "milliseconds per stage"),
            )),
        Problem,
    ),
)]
pub async fn segment(
    State(app): State<Arc<App>>,
    line: Option<Extension<Line>>,
    query: Result<Query<Pairs>, QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let (packaging, query) = match precheck(&app, query, &parts.headers) {
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
    } = upload::receive(&app.config, &app.uploads, packaging, body).await?;
    let wish = Wish::of(query.and(wishes)?, &parts.headers)?;
    if bytes.is_empty() {
        return Err(EngineError::Frame(picture::frame::FrameError::Empty).into());
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

    let job = Job {
        picture: Picture::File(ReceivedFile {
            bytes,
            page: wish.page,
        }),
        scale: wish.scale,
        ask: wish.ask,
        stop: Stop::at(Instant::now() + seconds(app.config.request_timeout_s)),
    };
    let segmentation = run(&app, job, share).await?;
    let desk = app.desks.clone().acquire_owned().await;
    let desk = desk.map_err(|closed| internal(&closed.to_string()))?;
    let rendering = tokio::task::spawn_blocking(move || {
        let rendered = report::render(segmentation, wish.form, wish.extras);
        // Place and desk travel with the work: a client that hangs up does not make room before the work is done.
        rendered.map(|rendered| (rendered, place, desk))
    });
    let (rendered, _place, _desk) = rendering
        .await
        .map_err(|panic| internal(&panic.to_string()))??;
    let Extension(line) = line.unwrap_or_default();
    let headers = reply::headers(wish.form, &rendered);
    let body = app.replies.admit(rendered.bytes, line).await;
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    Ok(response)
}

/// Everything that can be refused before a byte of the body is read.
fn precheck(
    app: &App,
    query: Result<Query<Pairs>, QueryRejection>,
    headers: &HeaderMap,
) -> Result<(Packaging, Wishes), Problem> {
    let Query(pairs) = query.map_err(|rejection| Kind::BadQuery.because(rejection.body_text()))?;
    let mut query = Wishes::default();
    for (name, text) in &pairs {
        query.set(name, text, Kind::BadQuery)?;
    }
    let packaging = Packaging::of(headers)?;
    check_ready(app)?;
    if packaging == Packaging::Raw {
        Wish::of(query.clone(), headers)?;
    }
    let (waiting, capacity) = app.engine.queue();
    if waiting >= capacity {
        return Err(EngineError::Overloaded { capacity }.into());
    }
    Ok((packaging, query))
}

/// Gives a job up when dropped: nobody waits for it any more.
struct Waiting(Stop);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Gives the job to the engine and waits for its outcome. If the client hangs up meanwhile, the job is given up.
async fn run(
    app: &App,
    job: Job,
    share: Option<OwnedSemaphorePermit>,
) -> Result<Segmentation, Problem> {
    let _waiting = Waiting(job.stop.clone());
    let (tell, told) = oneshot::channel::<Result<Segmentation, Problem>>();
    let (jobs, asked) = (app.meters.jobs.clone(), job.ask.modality.to_string());
    let done = Box::new(move |outcome: Result<Segmentation, EngineError>| {
        // The engine has done with the file's bytes: their share of the upload budget is free.
        drop(share);
        let outcome = outcome.map_err(Problem::from);
        jobs.job(
            &asked,
            outcome.as_ref().map_err(|problem| problem.kind.name()),
        );
        // The client may be gone by now; its result goes with it.
        let _ = tell.send(outcome);
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
    outcome.map_err(|_| internal("the engine dropped a job"))?
}
