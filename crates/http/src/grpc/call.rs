//! A call, from its bytes to those of its answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::bulk::ENVELOPE;
use super::fault::{GrpcCode, GrpcFault, trailers};
use super::frame::unframed;
use super::rpc::Rpc;
use super::tell::RestAnswer;
use crate::app::{App, ServedParts};
use crate::config::ServerConfig;
use crate::door::CameBy;
use crate::held::Line;
use crate::problem::{Problem, internal};
use crate::router::routes;
use crate::upload::{self, Packaging, Upload};
use picture::NOTICE;
use picture::segmenter::EngineError;

/// What calls are answered by.
#[derive(Clone)]
struct Exchange {
    app: Arc<App>,
    /// The REST API.
    rest: Router,
}

/// All calls as a service, for tests without a socket.
///
/// Takes `config` as checked: see [`ServerConfig::check`].
pub fn grpc_router(config: ServerConfig, parts: impl Into<ServedParts>) -> Router {
    let app = App::new(config, parts);
    calls(app.clone(), routes(app))
}

/// All calls, answered by what the REST API answers. Whoever may come in by this door is this machine's.
pub fn calls(app: Arc<App>, rest: Router) -> Router {
    let rest = rest.layer(Extension(CameBy::Near));
    Router::new()
        .fallback(call)
        .with_state(Exchange { app, rest })
}

async fn call(
    State(exchange): State<Exchange>,
    line: Option<Extension<Line>>,
    request: Request,
) -> Response {
    if request.method() != Method::POST || !is_grpc(request.headers()) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let mut ending = exchange.app.ending.subscribe();
    let answered = tokio::select! {
        answered = exchange.answer(request) => answered,
        _ = ending.wait_for(|ending| *ending) => Err(stopped()),
    };
    let mut response = match answered {
        Ok(message) => {
            let Extension(line) = line.unwrap_or_default();
            let held = exchange.app.replies.admit(message, line).await;
            let good = std::future::ready(Some(Ok(trailers(GrpcCode::Ok, ""))));
            Response::new(Body::new(held.with_trailers(good)))
        }
        // Headers and trailers in one.
        Err(fault) => {
            tracing::debug!(code = ?fault.code, "a call was refused");
            let mut response = Response::new(Body::empty());
            *response.headers_mut() = trailers(fault.code, &fault.text);
            response
        }
    };
    put_always(response.headers_mut());
    response
}

/// Whether messages of Protocol Buffers follow. (`application/grpc-web` is another protocol.)
fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|line| line.to_str().ok()?.split(';').next());
    matches!(
        kind.map(str::trim),
        Some("application/grpc" | "application/grpc+proto")
    )
}

/// What goes with every answer.
fn put_always(headers: &mut HeaderMap) {
    let always = [
        ("content-type", "application/grpc"),
        ("grpc-accept-encoding", "identity"),
        // As metadata, since few of the messages have a place for it.
        ("x-espmedsam-notice", NOTICE),
    ];
    headers.extend(always.map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    }));
}

fn stopped() -> GrpcFault {
    Problem::from(EngineError::Stopped).into()
}

impl Exchange {
    /// The answer's message, as it is sent.
    async fn answer(&self, request: Request) -> Result<Vec<u8>, GrpcFault> {
        let (parts, body) = request.into_parts();
        let rpc = Rpc::at(parts.uri.path())?;
        let Upload { bytes, share, .. } = self.receive(body).await?;
        let message = unframed(bytes)?;
        let ask = aside(message.len(), move || rpc.ask(message)).await?;
        let request = ask.with_headers(&parts.uri, parts.headers)?;
        // The request that was made of the message takes a share of its own, at once. With both it would cost twice what it is.
        drop(share);
        let Ok(response) = self.rest.clone().oneshot(request).await;
        let answer = RestAnswer::of(response).await;
        let length = answer.as_ref().map_or(0, RestAnswer::len);
        aside(length, move || rpc.tell(answer)).await
    }

    /// A call's bytes, within the limits of every body.
    async fn receive(&self, body: Body) -> Result<Upload, Problem> {
        let config = &self.app.config;
        let budget = self.app.uploads.share(CameBy::Near);
        // What a body may have, and what there is around it.
        let limit = config.body_limit() + ENVELOPE as u64;
        upload::receive_within(limit, config, budget, Packaging::Raw, body).await
    }
}

/// Work on so many bytes: if they are many, away from the threads that move bytes.
async fn aside<R: Send + 'static>(
    length: usize,
    work: impl FnOnce() -> Result<R, GrpcFault> + Send + 'static,
) -> Result<R, GrpcFault> {
    if length <= ENVELOPE {
        return work();
    }
    let working = tokio::task::spawn_blocking(work).await;
    working.map_err(|panic| GrpcFault::from(internal(&panic.to_string())))?
}
