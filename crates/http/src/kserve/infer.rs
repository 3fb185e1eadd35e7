//! `POST /v2/models/{name}/infer`: a picture in, its mask and what is said of it out.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use tokio::task::spawn_blocking;

use super::answer::{InferReply, InferReplyTo, write};
use super::ask::{InferAsk, json_length};
use super::bounds::OnlyVersion;
use super::fault::InferFaults;
use super::name::{InferModel, Named};
use super::request::InferRequest;
use crate::app::App;
use crate::config::seconds;
use crate::door::CameBy;
use crate::held::Line;
use crate::problem::{Problem, internal};
use crate::upload::{self, Packaging, Upload};
use crate::wish::PictureFile;
use crate::work;
use axum::http::HeaderMap;
use picture::frame::Stop;
use picture::segmenter::Job;

/// Segments one picture, by the Open Inference Protocol.
///
/// The input is `image` (UINT8, `[height, width]` or `[height, width, 3]`: raw pixels, upright) or `file` (BYTES, `[1]`: a picture
/// file as /v1/segment takes it; in JSON as base64). Binary data follows the JSON, whose length
/// `Inference-Header-Content-Length` tells. What is said of the result (nothing found, unsure, a mismatch that was kept,
/// warnings) is in the reply's `parameters`; a picture of another kind is refused as by /v1/segment. Content-Type is not
/// looked at.
#[utoipa::path(
    post, path = "/v2/models/{name}/infer", operation_id = "infer", tag = "kserve",
    params(
        ("name" = String, Path, description = "as POST /v2/repository/index lists it", example = "ultrasound"),
        ("Inference-Header-Content-Length" = Option<u64>, Header, description = "bytes of JSON, where binary data follows it")),
    request_body(description = "The picture, and what is wanted of it",
        content((InferRequest = "application/json"), (PictureFile = "application/octet-stream"))),
    responses(
        (status = 200, description = "The result; with binary data, JSON of the length that the header tells, and the data behind it",
            content((InferReply = "application/json"), (PictureFile = "application/octet-stream")),
            headers(("Inference-Header-Content-Length" = Option<u64>, description = "bytes of JSON; absent if nothing else follows"))),
        InferFaults,
    ),
)]
pub async fn infer(
    State(app): State<Arc<App>>,
    line: Option<Extension<Line>>,
    came_by: Extension<CameBy>,
    named: Result<Named, Problem>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let (model, json) = match precheck(&app, named, &parts.headers) {
        Ok(checked) => checked,
        Err(problem) => {
            upload::linger(body);
            return Err(problem);
        }
    };
    let (Extension(line), Extension(came_by)) = (line.unwrap_or_default(), came_by);
    let (headers, bytes) = answer(&app, came_by, model, json, body).await?;
    let mut response = Response::new(app.replies.admit(bytes, line).await);
    *response.headers_mut() = headers;
    Ok(response)
}

/// The same, of the one version there is.
#[utoipa::path(
    post, path = "/v2/models/{name}/versions/{version}/infer", operation_id = "infer_version", tag = "kserve",
    params(
        ("name" = String, Path, description = "as POST /v2/repository/index lists it", example = "ultrasound"),
        ("version" = inline(OnlyVersion), Path, description = "the one there is"),
        ("Inference-Header-Content-Length" = Option<u64>, Header, description = "bytes of JSON, where binary data follows it")),
    request_body(description = "The picture, and what is wanted of it",
        content((InferRequest = "application/json"), (PictureFile = "application/octet-stream"))),
    responses(
        (status = 200, description = "As without the version", content((InferReply = "application/json"), (PictureFile = "application/octet-stream"))),
        InferFaults,
    ),
)]
pub async fn infer_version(
    app: State<Arc<App>>,
    line: Option<Extension<Line>>,
    came_by: Extension<CameBy>,
    named: Result<Named, Problem>,
    request: Request,
) -> Result<Response, Problem> {
    infer(app, line, came_by, named, request).await
}

/// Everything that can be refused before a byte of the body is read.
fn precheck(
    app: &App,
    named: Result<Named, Problem>,
    headers: &HeaderMap,
) -> Result<(InferModel, Option<usize>), Problem> {
    let Named(model) = named?;
    upload::check_coding(headers)?;
    let json = json_length(headers)?;
    work::check_queue(app)?;
    Ok((model, json))
}

/// The body's answer.
async fn answer(
    app: &App,
    came_by: CameBy,
    model: InferModel,
    json: Option<usize>,
    body: Body,
) -> Result<(HeaderMap, Vec<u8>), Problem> {
    let received = upload::receive(
        &app.config,
        app.uploads.share(came_by),
        Packaging::Raw,
        body,
    )
    .await?;
    let Upload { bytes, share, .. } = received;
    let room = work::room(app, came_by, share)?;
    let (limits, name) = (app.engine.limits(), model.name.clone());
    // A long JSON is read away from the threads that move bytes.
    let reading = spawn_blocking(move || InferAsk::of(bytes, json, model, limits)).await;
    let asked = reading.map_err(|panic| internal(&panic.to_string()))??;
    let job = Job {
        picture: asked.picture,
        scale: asked.scale,
        region: asked.region,
        ask: asked.ask,
        stop: Stop::at(Instant::now() + seconds(app.config.request_timeout_s)),
    };
    let segmentation = work::run(app, job, room.clone()).await?;
    let to = InferReplyTo {
        name,
        id: asked.id,
        outputs: asked.outputs,
    };
    work::at_desk(app, room, move || write(&segmentation, to)).await?
}
