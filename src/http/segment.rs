//! `POST /v1/segment`: a picture in, its mask out.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use utoipa::{IntoParams, ToSchema};

use super::App;
use super::catalog::check_ready;
use super::config::seconds;
use super::held::Held;
use super::negotiate::{Format, best_of};
use super::problem::{Kind, Problem, ProblemBody, internal};
use super::reply::{self, Extras};
use super::schema::SegmentReply;
use super::upload::{self, Envelope, Upload};
use crate::engine::{Ask, EngineError, Job, OnMismatch, Segmentation};
use crate::frame::Stop;
use crate::mask::ellipse::BadPixelSize;

/// What can be asked for. In a multipart body each may be a text field instead.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SegmentQuery {
    /// Modality name, from /v1/modalities, or `auto`: the modality guard then chooses. Required (here or as a multipart
    /// field): it is never guessed unasked.
    #[param(example = "ultrasound")]
    modality: Option<String>,
    /// Model name, from /v1/models; if left out, the one meant for the modality.
    model: Option<String>,
    /// What becomes of a picture that plainly is not of the modality: `refuse` (the default, 422 modality-mismatch) or
    /// `keep` (the mask, marked as a mismatch).
    #[param(inline)]
    on_mismatch: Option<OnMismatchQuery>,
    /// Form of the reply; outranks `Accept`.
    #[param(inline)]
    format: Option<Format>,
    /// Whether a JSON reply has the patch prompt: the coarse map the model made for itself, where it looked.
    patch: Option<bool>,
    /// Millimetres per pixel of the upright picture, one number or two (column, row): a JSON reply then has the mask's
    /// ellipse and its circumference.
    #[param(example = "0.138")]
    pixel_mm: Option<String>,
}

/// What becomes of a picture of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnMismatchQuery {
    /// An error in place of a mask.
    Refuse,
    /// The mask, marked.
    Keep,
}

impl From<OnMismatchQuery> for OnMismatch {
    fn from(query: OnMismatchQuery) -> Self {
        match query {
            OnMismatchQuery::Refuse => Self::Refuse,
            OnMismatchQuery::Keep => Self::Keep,
        }
    }
}

/// A picture with its wishes, as `multipart/form-data`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form in the OpenAPI document")]
pub struct SegmentForm {
    /// The picture file.
    #[schema(value_type = String, format = Binary)]
    image: Vec<u8>,
    /// As the query parameter.
    modality: Option<String>,
    /// As the query parameter.
    model: Option<String>,
    /// As the query parameter.
    #[schema(inline)]
    on_mismatch: Option<OnMismatchQuery>,
    /// As the query parameter.
    format: Option<Format>,
    /// As the query parameter.
    patch: Option<bool>,
    /// As the query parameter.
    pixel_mm: Option<String>,
}

/// A whole picture file as the body.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes the body in the OpenAPI document")]
pub struct PictureFile(Vec<u8>);

/// Segments one picture.
///
/// The body is a picture file (PNG, JPEG, BMP, TIFF or WebP; EXIF orientation is honoured), or multipart/form-data
/// with the file in the field `image`. The reply's form is chosen by `format`, else by `Accept`; `*/*` or none is JSON.
/// Image replies carry the result's essentials in `X-Espmedsam-*` headers and the stage times in `Server-Timing`.
#[utoipa::path(
    post, path = "/v1/segment", tag = "segment", params(SegmentQuery),
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
                ("X-Espmedsam-Regions" = u64, description = "how many regions the mask has"),
                ("X-Espmedsam-Confidence" = f64, description = "the Dice to be expected; absent if the mask is empty, the model not calibrated or the picture a mismatch"),
                ("X-Espmedsam-Modality-Check" = String, description = "match, modality-mismatch or unchecked"),
                ("X-Espmedsam-Pages" = String, description = "the page that was read and how many the file has: 1/4"),
                ("X-Espmedsam-Warnings" = String, description = "codes of what to know before trusting the result, with commas between; absent if there are none"),
                ("X-Espmedsam-Notice" = String, description = "Research use only. Not for clinical use."),
                ("Server-Timing" = String, description = "milliseconds per stage"),
            )),
        (status = "4XX", description = "the request is at fault; GET /problems lists all", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "not served; 503 with Retry-After where trying again helps", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn segment(
    State(app): State<Arc<App>>,
    query: Result<Query<SegmentQuery>, QueryRejection>,
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
        fields,
        share,
    } = upload::receive(&app.config, &app.uploads, envelope, body).await?;
    let wish = Wish::of(query.with(fields)?, &parts.headers)?;
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
            page: None,
            ask: wish.ask,
            stop: Stop::never(),
        },
        share,
    )
    .await?;
    let rendering = tokio::task::spawn_blocking(move || {
        let Finished { segmentation, desk } = finished;
        let rendered = reply::render(segmentation, wish.format, wish.extras);
        drop(desk);
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
    query: Result<Query<SegmentQuery>, QueryRejection>,
    headers: &HeaderMap,
) -> Result<(Envelope, SegmentQuery), Problem> {
    let Query(query) = query.map_err(|rejection| Kind::BadQuery.because(rejection.body_text()))?;
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

impl SegmentQuery {
    /// Takes up the text fields of a multipart body. Asking for two different things is an error, not a precedence.
    fn with(mut self, fields: Vec<(String, String)>) -> Result<Self, Problem> {
        for (name, text) in fields {
            let unreadable =
                || Kind::BadMultipart.because(format!("The field `{name}` has an unknown value."));
            let unknown_format =
                || Kind::BadMultipart.because(format!("The formats are {}.", Format::NAMES));
            let agrees = match name.as_str() {
                "modality" => take(&mut self.modality, text),
                "model" => take(&mut self.model, text),
                "format" => take(
                    &mut self.format,
                    Format::from_name(&text).ok_or_else(unknown_format)?,
                ),
                "on_mismatch" => take(
                    &mut self.on_mismatch,
                    match text.as_str() {
                        "refuse" => OnMismatchQuery::Refuse,
                        "keep" => OnMismatchQuery::Keep,
                        _ => return Err(unreadable()),
                    },
                ),
                "pixel_mm" => take(&mut self.pixel_mm, text),
                "patch" => take(&mut self.patch, text.parse().map_err(|_| unreadable())?),
                _ => true,
            };
            if !agrees {
                return Err(Kind::BadMultipart
                    .because(format!("`{name}` is given twice, with different values.")));
            }
        }
        Ok(self)
    }
}

/// Sets `slot` if it is empty; tells whether it now holds `value`.
fn take<T: PartialEq>(slot: &mut Option<T>, value: T) -> bool {
    match slot {
        Some(present) => *present == value,
        None => {
            *slot = Some(value);
            true
        }
    }
}

/// A request understood.
struct Wish {
    ask: Ask,
    format: Format,
    extras: Extras,
}

impl Wish {
    fn of(query: SegmentQuery, headers: &HeaderMap) -> Result<Self, Problem> {
        let modality = query.modality.filter(|name| !name.is_empty());
        let modality = modality
            .ok_or_else(|| Kind::MissingModality.because("The picture alone does not tell it."))?;
        // Several `Accept` lines are one list (RFC 9110 §5.3).
        let accept: Vec<_> = headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .collect();
        let accept = accept.join(",");
        let refused =
            || Kind::NotAcceptable.because(format!("The client accepts '{accept}' alone."));
        let format = query
            .format
            .or_else(|| best_of(&accept))
            .ok_or_else(refused)?;
        let pixel = query.pixel_mm.as_deref().map(str::parse).transpose();
        let pixel = pixel.map_err(|error: BadPixelSize| {
            Kind::BadQuery.because(format!("`pixel_mm`: {error}."))
        })?;
        Ok(Self {
            ask: Ask {
                modality,
                model: query.model,
                on_mismatch: query.on_mismatch.map_or(OnMismatch::Refuse, Into::into),
            },
            format,
            extras: Extras {
                patch: query.patch.unwrap_or(false),
                pixel,
            },
        })
    }
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
