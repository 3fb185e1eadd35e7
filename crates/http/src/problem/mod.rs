//! Every error this server answers with, as RFC 9457 problem details: one list, one mapping from the inner errors.

mod kind;

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

pub use kind::Kind;

use live::{ClipError, LiveError};
use picture::NOTICE;
use picture::frame::RegionError;
use picture::frame::{FileFault, FrameError, OtherFile, Stopped};
use picture::render::RenderError;
use picture::report::CheckReport;
use picture::schema::word;
use picture::segmenter::EngineError;
use picture::segmenter::ModalityCheck;
use video::viewfinder::AimError;

impl Kind {
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
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}: {detail}", kind.title())]
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
    modality_check: Option<CheckReport>,
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
            modality_check: self.modality_check.as_deref().map(CheckReport::from),
            notice: NOTICE,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.kind.status(), Json(self.body())).into_response();
        // For who counts them.
        response.extensions_mut().insert(self.kind);
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
        // For who says it in another protocol's words.
        response.extensions_mut().insert(self);
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
            FrameError::Other(OtherFile { fault, .. }) => match fault {
                FileFault::NoPicture => Kind::NotAPicture,
                FileFault::NotRead => Kind::UnsupportedPicture,
                FileFault::Damaged => Kind::DamagedPicture,
                FileFault::NoSuchFrame => Kind::NoSuchPage,
                FileFault::Asked => Kind::BadQuery,
                FileFault::NotWritten => return internal(&error.to_string()),
            },
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
            EngineError::Region(region) => return region.into(),
            EngineError::ModalityMismatch { check, .. } => {
                let modality_check = Some(Box::new(check));
                return Problem {
                    modality_check,
                    ..Kind::ModalityMismatch.because(text)
                };
            }
            EngineError::TooManyLanes { .. } => Kind::TooManySources,
            // Of live frames: a state, not an answer to anybody.
            EngineError::Stale { .. } => return internal(&text),
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

impl From<LiveError> for Problem {
    fn from(error: LiveError) -> Self {
        let text = sentence(&error);
        let kind = match error {
            LiveError::Thread(error) => return internal(&error.to_string()),
            LiveError::Clip(error) => return error.into(),
            LiveError::BadName | LiveError::Bad(_) => Kind::BadSource,
            LiveError::Forbidden => Kind::SourcesFixed,
            LiveError::NameTaken(_) => Kind::SourceExists,
            LiveError::TooMany { .. } => Kind::TooManySources,
            LiveError::NoSuch { .. } => Kind::NoSuchSource,
        };
        kind.because(text)
    }
}

impl From<ClipError> for Problem {
    fn from(error: ClipError) -> Self {
        let kind = match &error {
            ClipError::NoFolder => Kind::NoClips,
            ClipError::Off | ClipError::NoPictures => Kind::ClipOff,
            ClipError::Busy => Kind::QueueFull,
            ClipError::Full { .. } => Kind::ClipsFull,
            ClipError::NoSuch(name) => {
                let name = shortened(name);
                return Kind::NoSuchClip.because(format!("There is no clip '{name}'."));
            }
            ClipError::NoMask(_) => Kind::NoMask,
            ClipError::Drawing(_) => Kind::Internal,
            ClipError::Io(_) => Kind::ClipNotSaved,
        };
        kind.because(sentence(&error))
    }
}

impl From<AimError> for Problem {
    fn from(error: AimError) -> Self {
        let kind = match &error {
            AimError::NoPicture => Kind::NoPicture,
            AimError::Outside(_) | AimError::Size(_) => Kind::BadRegion,
        };
        kind.because(sentence(&error))
    }
}

impl From<RegionError> for Problem {
    fn from(error: RegionError) -> Self {
        AimError::from(error).into()
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

picture::schemas! {
    /// The last part of a problem type.
    ProblemName: word(Kind::ALL.iter().map(|kind| kind.name())),
}

/// What one problem type means.
#[utoipa::path(get, path = "/problems/{name}", operation_id = "explain_problem", tag = "about",
    params(("name" = inline(ProblemName), Path, description = "for example queue-full")),
    responses((status = 200, description = "The problem type", body = ProblemType), Problem))]
pub async fn explain(Path(name): Path<String>) -> Result<Json<ProblemType>, Problem> {
    let kind = Kind::ALL.iter().copied().find(|kind| kind.name() == name);
    kind.map(|kind| Json(kind.into()))
        .ok_or_else(|| Kind::NotFound.because("There is no problem type of that name."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_ours_do_not_leak_their_reason() {
        let problem = Problem::from(EngineError::Internal("secret/path".into()));
        assert_eq!(problem.kind, Kind::Internal);
        assert!(!problem.detail.contains("secret"));
    }
}
