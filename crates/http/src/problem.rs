//! Every error this server answers with, as RFC 9457 problem details: one list, one mapping from the inner errors.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use super::schema::CheckReply;
use picture::NOTICE;
use picture::frame::{FrameError, Stopped};
use picture::render::RenderError;
use picture::segmenter::EngineError;
use picture::segmenter::ModalityCheck;

/// Declares the problems: variant, stable name, status, title, what to do.
macro_rules! problems {
    ($($kind:ident $name:literal $status:ident $title:literal, $action:literal;)*) => {
        /// A kind of problem. Its name is part of the API and never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $(#[doc = $title] $kind,)* }

        impl Kind {
            /// All kinds.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind,)*];

            /// Stable name, last part of `type`.
            pub fn name(self) -> &'static str { match self { $(Kind::$kind => $name,)* } }
            /// HTTP status.
            pub fn status(self) -> StatusCode { match self { $(Kind::$kind => StatusCode::$status,)* } }
            /// Short summary, the same for every occurrence.
            pub fn title(self) -> &'static str { match self { $(Kind::$kind => $title,)* } }
            /// What the reader can do about it.
            pub fn action(self) -> &'static str { match self { $(Kind::$kind => $action,)* } }
        }
    };
}

problems! {
    EmptyPicture "empty-picture" BAD_REQUEST "No picture was sent",
        "Send the picture file as the request body (curl: --data-binary @picture.png), or as the multipart field `image`.";
    MissingModality "missing-modality" BAD_REQUEST "The modality was not given",
        "Add ?modality=NAME to the address; GET /v1/modalities lists the names. It is never guessed.";
    UnknownModality "unknown-modality" BAD_REQUEST "No such modality",
        "Use one of the names that GET /v1/modalities lists.";
    NoGuard "no-guard" BAD_REQUEST "The modality cannot be chosen automatically",
        "Name the modality, or use models that come with a modality guard.";
    UnknownModel "unknown-model" BAD_REQUEST "No such model",
        "Use one of the names that GET /v1/models lists, or leave `model` out.";
    BadQuery "bad-query" BAD_REQUEST "The query cannot be read",
        "Mend or leave out the parameter that the detail names; /openapi.json describes them all.";
    BadMultipart "bad-multipart" BAD_REQUEST "The multipart body cannot be read",
        "Send the picture as the file field `image` (curl: -F image=@picture.png) and wishes as text fields named as the query parameters; /openapi.json describes them all.";
    BadHost "bad-host" BAD_REQUEST "The Host header cannot be read",
        "Send exactly one `Host` line with the name or address, and the port, that the request is for.";
    BodyAborted "body-aborted" BAD_REQUEST "The request body broke off",
        "Send the request again.";
    CrossSite "cross-site" FORBIDDEN "Requests from other sites are refused",
        "Call the API from the page this server serves or from a program that is no browser, or add the site to `allowed_origins` in the configuration (behind a proxy: the name it serves under to `allowed_hosts`).";
    NotFound "not-found" NOT_FOUND "There is nothing here",
        "See /openapi.json for what there is.";
    MethodNotAllowed "method-not-allowed" METHOD_NOT_ALLOWED "Wrong method",
        "Use one of the methods in the `Allow` header.";
    NotAcceptable "not-acceptable" NOT_ACCEPTABLE "No reply in a form the client accepts",
        "Accept application/json, image/png or image/jpeg, or choose with format=.";
    BodyTimeout "body-timeout" REQUEST_TIMEOUT "The request body took too long",
        "Send the picture faster, or raise `body_timeout_s` in the configuration.";
    BodyTooLarge "body-too-large" PAYLOAD_TOO_LARGE "The request body is too large",
        "Send a smaller file, or raise `body_limit_mib` in the configuration; GET /v1/info tells the limit.";
    UnsupportedMediaType "unsupported-media-type" UNSUPPORTED_MEDIA_TYPE "The body's Content-Type is not taken",
        "Send the picture file's own bytes (no JSON, no base64) as Content-Type: image/png (or the like), application/octet-stream, or multipart/form-data; curl's --data-binary needs -H 'Content-Type: application/octet-stream'.";
    CompressedBody "compressed-body" UNSUPPORTED_MEDIA_TYPE "Compressed bodies are not taken",
        "Send the body uncompressed, without `Content-Encoding`: picture files are compressed as they are.";
    NotAPicture "not-a-picture" UNSUPPORTED_MEDIA_TYPE "The bytes are no picture",
        "Send the bytes of a PNG, JPEG, BMP, TIFF or WebP file as they lie on disk.";
    UnsupportedPicture "unsupported-picture" UNSUPPORTED_MEDIA_TYPE "Pictures of this kind are not read",
        "Save the picture as 8-bit RGB or grey PNG and send that.";
    WrongHost "wrong-host" MISDIRECTED_REQUEST "This server does not go by that name",
        "Call it as localhost or by its IP address, or add the name to `allowed_hosts` in the configuration.";
    DamagedPicture "damaged-picture" UNPROCESSABLE_ENTITY "The picture is truncated or damaged",
        "Check that the file opens elsewhere, and send it whole.";
    PictureTooLarge "picture-too-large" UNPROCESSABLE_ENTITY "The picture has too many pixels",
        "Scale the picture down, or raise `image.max_pixels` or `image.max_memory_mib` in the configuration; GET /v1/info tells both.";
    TooMuchWork "too-much-work" UNPROCESSABLE_ENTITY "Decoding the picture takes too long",
        "Save the picture anew, as PNG or baseline JPEG, or scale it down; `decode_timeout_s` in the configuration sets the time.";
    NoSuchPage "no-such-page" UNPROCESSABLE_ENTITY "The file has no such page",
        "Ask for one of its pages with page=, from 1, or leave `page` out.";
    ModalityMismatch "modality-mismatch" UNPROCESSABLE_ENTITY "The picture does not look like this modality",
        "Send the picture as what it is, or with its grey values turned round if it is `inverted`; add on_mismatch=keep to get the mask all the same, marked as a mismatch.";
    PictureTooSmall "picture-too-small" UNPROCESSABLE_ENTITY "The picture is too small",
        "Send the whole picture, not a strip of it.";
    TooLongForJpeg "too-long-for-jpeg" UNPROCESSABLE_ENTITY "A JPEG cannot hold the picture",
        "Ask for format=overlay, which is PNG, or scale the picture down.";
    Internal "internal" INTERNAL_SERVER_ERROR "A fault of this program",
        "Send the request again; if it fails again, report it with the server's log.";
    QueueFull "queue-full" SERVICE_UNAVAILABLE "All places are taken",
        "Try again after the seconds in `Retry-After`.";
    UploadBudget "upload-budget" SERVICE_UNAVAILABLE "Too many uploads at once",
        "Try again after the seconds in `Retry-After`, or raise `upload_budget_mib` in the configuration.";
    TooManyConnections "too-many-connections" SERVICE_UNAVAILABLE "Too many connections",
        "Close idle connections, or try again after the seconds in `Retry-After`.";
    NotReady "not-ready" SERVICE_UNAVAILABLE "The model is still loading",
        "Try again after the seconds in `Retry-After`; GET /health/ready tells when.";
    ModelUnusable "model-unusable" SERVICE_UNAVAILABLE "The model cannot be used",
        "Check the model files and the manifest; the detail tells what was expected and found.";
    EngineStuck "engine-stuck" SERVICE_UNAVAILABLE "An engine thread does not come back",
        "Restart the server, and report it with the server's log; the detail tells what it is at.";
    TimedOut "timed-out" SERVICE_UNAVAILABLE "The model took too long",
        "Try again, use a smaller model, or raise `request_timeout_s` in the configuration.";
    Stopped "stopped" SERVICE_UNAVAILABLE "The server is stopping",
        "Try again once it has been started again.";
}

impl Kind {
    /// Seconds after which trying again makes sense, where it does.
    fn retry_after(self) -> Option<u16> {
        match self {
            Self::QueueFull | Self::UploadBudget | Self::TooManyConnections => Some(1),
            Self::NotReady | Self::TimedOut => Some(2),
            Self::Stopped => Some(10),
            _ => None,
        }
    }

    /// This problem with what happened this time.
    pub fn because(self, detail: impl Into<String>) -> Problem {
        Problem {
            kind: self,
            detail: detail.into(),
            modality_check: None,
        }
    }
}

/// The media type of problems.
const PROBLEM_JSON: &str = "application/problem+json";

/// One occurrence of a problem; answers as `application/problem+json`.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Which problem.
    pub kind: Kind,
    /// What happened this time.
    pub detail: String,
    /// What the modality guard saw, of [`Kind::ModalityMismatch`].
    pub modality_check: Option<Box<ModalityCheck>>,
}

/// Problem details for HTTP APIs (RFC 9457), with `action` and `notice` as extensions.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Stable identifier; a relative reference that can be followed.
    #[serde(rename = "type")]
    #[schema(example = "/problems/queue-full", format = "uri-reference")]
    kind: String,
    /// Short summary, the same for every occurrence.
    #[schema(example = "All places are taken")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 503)]
    status: u16,
    /// What happened this time.
    detail: String,
    /// What to do about it.
    action: &'static str,
    /// What the modality guard saw, of a modality-mismatch.
    #[serde(skip_serializing_if = "Option::is_none")]
    modality_check: Option<CheckReply>,
    /// Research use only. Not for clinical use.
    notice: &'static str,
}

impl Problem {
    /// The problem details object.
    pub fn body(&self) -> ProblemBody {
        ProblemBody {
            kind: format!("/problems/{}", self.kind.name()),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: self.detail.clone(),
            action: self.kind.action(),
            modality_check: self.modality_check.as_deref().map(CheckReply::from),
            notice: NOTICE,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.kind.status(), Json(self.body())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.kind == Kind::CompressedBody {
            // Says so in HTTP's own terms (RFC 9110 §15.5.16).
            headers.insert(
                header::ACCEPT_ENCODING,
                HeaderValue::from_static("identity"),
            );
        }
        if let Some(seconds) = self.kind.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// How every operation fails, for the OpenAPI document.
impl IntoResponses for Problem {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let body = Content::new(Some(Ref::from_schema_name(ProblemBody::name())));
        let response = |description: &str| {
            ResponseBuilder::new()
                .description(description)
                .content(PROBLEM_JSON, body.clone())
                .build()
                .into()
        };
        [
            (
                "4XX",
                response("The request is at fault; GET /problems lists all."),
            ),
            (
                "5XX",
                response("Not served; 503 with `Retry-After` where trying again helps."),
            ),
        ]
        .map(|(status, response)| (status.to_owned(), response))
        .into()
    }
}

impl From<FrameError> for Problem {
    fn from(error: FrameError) -> Self {
        let kind = match &error {
            FrameError::Empty => Kind::EmptyPicture,
            FrameError::UnknownFormat => Kind::NotAPicture,
            FrameError::Unsupported(_) => Kind::UnsupportedPicture,
            FrameError::Corrupt(_) => Kind::DamagedPicture,
            FrameError::TooLarge { .. } | FrameError::TooMuchMemory { .. } => Kind::PictureTooLarge,
            FrameError::NoSuchPage { .. } => Kind::NoSuchPage,
            FrameError::Foreign { .. } => Kind::UnsupportedPicture,
            FrameError::Stopped(Stopped::Late) => Kind::TooMuchWork,
            FrameError::Stopped(Stopped::Cancelled) => Kind::Stopped,
            FrameError::TooSmall { .. } => Kind::PictureTooSmall,
            FrameError::BadSamples { .. } => return internal(&error.to_string()),
        };
        kind.because(sentence(&error))
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        let text = sentence(&error);
        let kind = match error {
            EngineError::Frame(frame) => return frame.into(),
            EngineError::ModalityMismatch { check, .. } => {
                let modality_check = Some(Box::new(check));
                return Problem {
                    modality_check,
                    ..Kind::ModalityMismatch.because(text)
                };
            }
            // Of live sources, which do not come this way.
            EngineError::TooManyLanes { .. } | EngineError::Stale { .. } => return internal(&text),
            EngineError::NoGuard => Kind::NoGuard,
            EngineError::Internal(reason) => return internal(&reason.to_string()),
            EngineError::UnknownModality { .. } => Kind::UnknownModality,
            EngineError::UnknownModel { .. } => Kind::UnknownModel,
            EngineError::Overloaded { .. } => Kind::QueueFull,
            EngineError::TwoModels { .. } => Kind::BadQuery,
            EngineError::NotReady => Kind::NotReady,
            EngineError::Model(_) => Kind::ModelUnusable,
            EngineError::Stuck(_) => Kind::EngineStuck,
            EngineError::GivenUp(Stopped::Late) => Kind::TimedOut,
            EngineError::GivenUp(Stopped::Cancelled) | EngineError::Stopped => Kind::Stopped,
        };
        kind.because(text)
    }
}

impl From<RenderError> for Problem {
    fn from(error: RenderError) -> Self {
        match error {
            RenderError::TooLongForJpeg { .. } => Kind::TooLongForJpeg.because(sentence(&error)),
            RenderError::Sizes { .. } | RenderError::Shape { .. } | RenderError::Encode(_) => {
                internal(&error.to_string())
            }
        }
    }
}

/// An error's text, which goes on after a colon in logs, as a sentence of its own.
fn sentence(error: &impl std::error::Error) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

/// A client's text as an answer repeats it: no longer than it takes to be recognised.
pub fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A fault of ours: the reason goes to the log, not to the client.
pub fn internal(reason: &str) -> Problem {
    tracing::error!(reason, "internal error");
    Kind::Internal.because("The request could not be finished; the server's log tells more.")
}

/// What a problem type means.
#[derive(Serialize, ToSchema)]
pub struct ProblemType {
    /// Stable identifier.
    #[serde(rename = "type")]
    kind: String,
    /// Short summary.
    title: &'static str,
    /// The HTTP status it comes with.
    status: u16,
    /// What to do about it.
    action: &'static str,
}

impl From<Kind> for ProblemType {
    fn from(kind: Kind) -> Self {
        Self {
            kind: format!("/problems/{}", kind.name()),
            title: kind.title(),
            status: kind.status().as_u16(),
            action: kind.action(),
        }
    }
}

/// All problem types.
#[utoipa::path(get, path = "/problems", operation_id = "list_problems", tag = "about",
    responses((status = 200, description = "Every problem type", body = [ProblemType]), Problem))]
pub async fn list() -> Json<Vec<ProblemType>> {
    Json(Kind::ALL.iter().copied().map(ProblemType::from).collect())
}

/// What one problem type means.
#[utoipa::path(get, path = "/problems/{name}", operation_id = "explain_problem", tag = "about",
    params(("name" = String, Path, description = "for example queue-full")),
    responses((status = 200, description = "The problem type", body = ProblemType), Problem))]
pub async fn explain(Path(name): Path<String>) -> Result<Json<ProblemType>, Problem> {
    let kind = Kind::ALL.iter().copied().find(|kind| kind.name() == name);
    kind.map(|kind| Json(kind.into()))
        .ok_or_else(|| Kind::NotFound.because("There is no problem type of that name."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_every_field_is_filled() {
        let names: HashSet<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert!(
                kind.name()
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '-'),
                "{kind:?}"
            );
            assert!(
                kind.status().is_client_error() || kind.status().is_server_error(),
                "{kind:?}"
            );
            assert!(
                kind.title().len() > 5 && kind.action().ends_with('.'),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn faults_of_ours_do_not_leak_their_reason() {
        let problem = Problem::from(EngineError::Internal("secret/path".into()));
        assert_eq!(problem.kind, Kind::Internal);
        assert!(!problem.detail.contains("secret"));
    }
}
