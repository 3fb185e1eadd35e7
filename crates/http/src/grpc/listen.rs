//! The accept loop: as HTTP/1's, with connections in the same number, and HTTP/2's own bounds.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::{Extension, Router};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt};

use super::call::calls;
use super::quiet::CallsAtWork;
use crate::app::App;
use crate::config::seconds;
use crate::door::{CameBy, ClientWire, Door};
use crate::held::Line;

/// Calls of one connection at once: what is more waits at the client. The engine's queue is shorter.
const CALLS: u32 = 16;
/// Bytes of a call's headers, after compression: as of HTTP/1's.
const HEADERS: u32 = 32 << 10;
/// Bytes of one message that a client may send ahead of our reading: HTTP/2's own default.
const STREAM_WINDOW: u32 = 65_535;
/// The same of all a connection's messages together, and all that lies unread of one.
const CONNECTION_WINDOW: u32 = 128 << 10;
/// Bytes of one answer that wait to be sent: the rest stays where budget and pace count.
const UNSENT: usize = 64 << 10;
/// Calls that a client may have taken back before they were looked at; who takes back more is cut off (rapid reset, CVE-2023-44487).
const TAKEN_BACK: usize = 20;
/// The same of those that we ended for the client's own errors.
const ENDED_BY_ERRORS: usize = 64;
/// A peer that is silent for so long is asked whether it is there,
const ASKED_AFTER: Duration = Duration::from_secs(20);
/// and is gone if it does not answer for so long.
const GONE_AFTER: Duration = Duration::from_secs(20);
/// A client that was told to go, and has no call at work, may take so long.
const GOODBYE: Duration = Duration::from_secs(1);

/// Takes calls until the server closes. Connections end with what they are at, as HTTP/1's do.
pub async fn listen(listener: TcpListener, app: Arc<App>, rest: Router) {
    let door = Door::from(listener);
    let calls = calls(app.clone(), rest);
    let http = bounded();
    loop {
        let accepted = tokio::select! {
            () = closing(&app) => return,
            accepted = door.accept(seconds(app.config.reply_timeout_s)) => accepted,
        };
        let wire = match accepted {
            Ok(wire) => wire,
            Err(error) => {
                tracing::warn!(%error, "gRPC: accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // Who finds no place is hung up on: a client of gRPC's tries again by itself.
        let Ok(place) = app.connections.share(CameBy::Near).take(1) else {
            app.meters.connections.refused();
            continue;
        };
        app.meters.connections.accepted();
        let (http, calls, app) = (http.clone(), calls.clone(), app.clone());
        tokio::spawn(async move {
            attend(wire, http, calls, &app).await;
            drop(place);
        });
    }
}

fn bounded() -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(CALLS)
        .max_header_list_size(HEADERS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(UNSENT)
        .max_pending_accept_reset_streams(TAKEN_BACK)
        .max_local_error_reset_streams(ENDED_BY_ERRORS)
        .keep_alive_interval(ASKED_AFTER)
        .keep_alive_timeout(GONE_AFTER);
    http
}

/// A connection, to its end.
async fn attend(
    wire: Pin<Box<dyn ClientWire>>,
    http: http2::Builder<TokioExecutor>,
    calls: Router,
    app: &App,
) {
    let (line, at_work) = (Line::default(), CallsAtWork::none());
    let calls = Extension(line.clone()).layer(calls);
    let counted = at_work.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let working = counted.begin();
        let answered = calls.clone().oneshot(request.map(Body::new));
        async move {
            let response = answered.await?;
            // At work until its last byte is taken.
            Ok::<_, std::convert::Infallible>(response.map(|body| {
                Body::new(body.map_frame(move |frame| {
                    let _ = &working;
                    frame
                }))
            }))
        }
    });
    let mut connection = Box::pin(http.serve_connection(TokioIo::new(wire), service));
    let (first, later) = (
        seconds(app.config.header_timeout_s),
        seconds(app.config.idle_timeout_s),
    );
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = line.broken() => return cut(app),
        () = at_work.quiet(first, later) => None,
        () = closing(app) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            // What was asked is answered, and nothing after it.
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = &mut connection => ended,
                () = line.broken() => return cut(app),
                () = at_work.quiet(GOODBYE, GOODBYE) => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "gRPC: connection ended early");
    }
}

fn cut(app: &App) {
    app.meters.connections.cut();
    tracing::debug!("gRPC: a client that read too slowly was cut off");
}

/// Resolves once the server closes.
async fn closing(app: &App) {
    let mut closing = app.closing.subscribe();
    drop(closing.wait_for(|closing| *closing).await);
}
