//! The API's problems as the protocol says errors: `{"error": "…"}`, with the problem's fields beside it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::problem::{Problem, ProblemBody};

/// Where the protocol is spoken.
const ROOT: &str = "/v2";

/// An error, as the protocol has it, with all that a problem of `/v1` tells.
#[derive(Serialize, ToSchema)]
#[schema(as = InferenceError)]
pub struct InferFault {
    /// What happened, what to do, and the problem's type, in one text.
    pub error: String,
    /// The problem.
    #[serde(flatten)]
    problem: ProblemBody,
}

impl From<&Problem> for InferFault {
    fn from(problem: &Problem) -> Self {
        let (detail, action) = (&problem.detail, problem.kind.action());
        Self {
            error: format!("{detail} {action} (/problems/{})", problem.kind.name()),
            problem: problem.body(),
        }
    }
}

/// How every operation of the protocol fails, for the OpenAPI document.
pub struct InferFaults;

impl IntoResponses for InferFaults {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let body = Content::new(Some(Ref::from_schema_name(InferFault::name())));
        let response = |description: &str| {
            ResponseBuilder::new()
                .description(description)
                .content("application/json", body.clone())
                .build()
                .into()
        };
        [
            (
                "4XX",
                response("The request is at fault; GET /problems lists all types."),
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

/// Middleware: rewords every problem below [`ROOT`], whoever raised it. Around all that raise any.
pub async fn reword(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let ours =
        (path.strip_prefix(ROOT)).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let response = next.run(request).await;
    match response.extensions().get::<Problem>() {
        Some(problem) if ours => {
            let said = Json(InferFault::from(problem)).into_response().into_body();
            let (mut parts, _) = response.into_parts();
            // The body's length is another now; it is told when it is written.
            parts.headers.remove(header::CONTENT_LENGTH);
            let json = HeaderValue::from_static("application/json");
            parts.headers.insert(header::CONTENT_TYPE, json);
            Response::from_parts(parts, said)
        }
        _ => response,
    }
}
