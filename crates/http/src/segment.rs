//! `POST /v1/segment`: a picture in, its mask out.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::app::App;
use super::catalog::check_ready;
use super::config::seconds;
use super::door::CameBy;
use super::held::Line;
use super::problem::{Kind, Problem, internal};
use super::reply::{self, SegmentReplies};
use super::upload::{self, Packaging, Upload};
use super::wish::{PictureFile, SegmentForm, Wish, Wishes};
use super::work;
use dicom::{AnswerMaker, DicomAnswer, TakenFile, TakenPicture};
use picture::frame::{FrameError, FrameLimits, Stop};
use picture::report::{self, Form};
use picture::segmenter::Job;

/// What made the objects that are given out.
const PROGRAM: &str = "espmedsam";

/// Most frames of a DICOM file that are answered at once.
const MOST_FRAMES: u32 = 64;

/// A query as it was sent: names and texts.
type Pairs = Vec<(String, String)>;

/// Segments one picture.
///
/// The body is a picture file (PNG, JPEG, BMP, TIFF, WebP or DICOM; EXIF orientation is honoured), or multipart/form-data with the file in the field `image`. Of a DICOM file several frames may be asked for with `frames`;
/// their reports come in one JSON reply. The reply's form is chosen by `format`, else by `Accept`; `*/*` or none is JSON.
/// Image replies carry the result's essentials in `X-Espmedsam-*` headers and the stage times in `Server-Timing`.
#[utoipa::path(
    post, path = "/v1/segment", operation_id = "segment_picture", tag = "segment", params(Wishes),
    request_body(
        description = "The picture",
        content((PictureFile = "image/*"), (PictureFile = "application/dicom"), (PictureFile = "application/octet-stream"), (SegmentForm = "multipart/form-data")),
    ),
    responses(
        (status = 200, description = "The result: JSON, the mask (image/png, 8-bit, 0 or 255, or with format=overlay the overlay), the overlay (image/jpeg), its outlines (application/geo+json, image/svg+xml) or a DICOM object; with format=coco or labelme JSON is a document of theirs",
            content((SegmentReplies = "application/json"), (PictureFile = "image/png"), (PictureFile = "image/jpeg"), (PictureFile = "application/geo+json"), (PictureFile = "image/svg+xml"), (PictureFile = "application/dicom")),
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
    Extension(came_by): Extension<CameBy>,
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
    } = upload::receive(&app.config, app.uploads.share(came_by), packaging, body).await?;
    let wish = Wish::of(query.and(wishes)?, &parts.headers)?;
    let (limits, asked) = (app.engine.limits(), wish.intake.clone());
    // A DICOM file's header is read away from the threads that move bytes.
    let taking = move || TakenFile::of(bytes, &asked, limits, MOST_FRAMES);
    let taken = tokio::task::spawn_blocking(taking).await;
    let intake = taken.map_err(|panic| internal(&panic.to_string()))??;
    let ask = wish.ask(intake.suggested_modality)?;
    let several = intake.pictures.len() > 1;
    if several && !wish.form.is_text() && !wish.form.is_dicom() {
        return Err(Kind::BadQuery.because(format!(
            "Several frames are answered as JSON or as DICOM objects; format={} is of one.",
            wish.form.name()
        )));
    }
    let room = work::room(&app, came_by, share)?;
    let mut answer = answer_in_dicom(&intake, wish.form, limits)?;
    let mut rendered = Vec::new();
    for TakenPicture { picture, frame } in intake.pictures {
        let job = Job {
            picture,
            scale: intake.scale.clone(),
            region: intake.region,
            ask: ask.clone(),
            stop: Stop::at(Instant::now() + seconds(app.config.request_timeout_s)),
        };
        let segmentation = work::run(&app, job, room.clone()).await?;
        answer = match answer {
            Some(mut answer) => {
                let adding = move || {
                    let beside = report::beside(&segmentation);
                    let added = answer.add(frame.unwrap_or(0), segmentation);
                    added.map(|()| (answer, beside))
                };
                let added = work::at_desk(&app, room.clone(), adding).await?;
                let (answer, beside) = added.map_err(FrameError::from)?;
                rendered.push(beside);
                Some(answer)
            }
            None => {
                let (form, extras) = (wish.form, wish.extras);
                let rendering = move || report::render(segmentation, form, extras);
                rendered.push(work::at_desk(&app, room.clone(), rendering).await??);
                None
            }
        };
    }
    let (headers, bytes) = match answer {
        Some(answer) => {
            let written = work::at_desk(&app, room, move || answer.finish()).await?;
            let object = written.map_err(FrameError::from)?;
            (reply::of_object(wish.form, &rendered), object)
        }
        None if several => reply::several(rendered),
        None => reply::one(wish.form, rendered)?,
    };
    let Extension(line) = line.unwrap_or_default();
    let mut response = Response::new(app.replies.admit(bytes, line).await);
    *response.headers_mut() = headers;
    Ok(response)
}

/// The object that is to be made, if one is.
fn answer_in_dicom(
    intake: &TakenFile,
    form: Form,
    limits: FrameLimits,
) -> Result<Option<DicomAnswer>, Problem> {
    if !form.is_dicom() {
        return Ok(None);
    }
    let maker = AnswerMaker::of_process(PROGRAM, env!("CARGO_PKG_VERSION"), limits.max_memory)
        .map_err(|error| internal(&error.to_string()))?;
    Ok(intake.answer(form, maker))
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
    let wish = match packaging {
        Packaging::Raw | Packaging::Dicom => Some(Wish::of(query.clone(), headers)?),
        Packaging::Multipart(_) => None,
    };
    if let (Packaging::Raw, Some(wish)) = (&packaging, wish) {
        wish.ask(None)?;
    }
    work::check_queue(app)?;
    Ok((packaging, query))
}
