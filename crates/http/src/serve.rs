//! The accept loop: connections in bounded number, headers in bounded time, a stop that loses nothing accepted.
//!
//! `axum::serve` has no time-outs for headers or for clients that do not read; hyper has, so the loop is ours.

use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Extension;
use hyper::rt::{Sleep, Timer};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncWriteExt;
use tower::Layer;

use super::app::{App, ServedParts};
use super::config::{ServerConfig, seconds};
use super::door::{CameBy, ClientWire, Connected, Doors};
use super::grpc;
use super::held::Line;
use super::problem::Kind;
use super::router::routes;

/// Bytes of request line and headers, and of a connection's read buffer.
const BUFFER: usize = 32 << 10;
/// How often readers are held against their pace.
const PACE_CHECKED: Duration = Duration::from_secs(1);
/// Headers per request.
const MAX_HEADERS: usize = 64;

/// Serves until `shutdown` resolves; then takes no more connections and answers what was accepted.
///
/// # Errors
/// A configuration that cannot work, and the listener's own address being unknown. A client's misbehaviour is never
/// an error here: connections that are still open after `shutdown_timeout_s` are left to be dropped with the runtime.
pub async fn serve(
    doors: impl Into<Doors>,
    config: ServerConfig,
    parts: impl Into<ServedParts>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut doors = doors.into();
    // What was really bound decides which names the guard lets through, and whether anybody could call.
    let config = ServerConfig {
        listen: doors.near.address()?,
        ..config
    };
    config
        .check()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let app = App::new(config.clone(), parts);
    let routes = routes(app.clone());
    if let Some(listener) = doors.grpc.take() {
        // It ends with `closing`, and its connections are waited for by their places.
        tokio::spawn(grpc::listen(listener, app.clone(), routes.clone()));
    }
    let mut http = http1::Builder::new();
    http.header_read_timeout(seconds(config.header_timeout_s))
        .max_buf_size(BUFFER)
        .max_headers(MAX_HEADERS);

    let mut shutdown = pin!(shutdown);
    let mut pace = tokio::time::interval(PACE_CHECKED);
    loop {
        let Connected { wire, came_by } = tokio::select! {
            () = &mut shutdown => break,
            _ = pace.tick() => {
                app.replies.cut_slow();
                continue;
            }
            accepted = doors.accept(seconds(config.reply_timeout_s)) => match accepted {
                Ok(connected) => connected,
                Err(error) => {
                    // Mostly: out of file descriptors. Give connections time to close instead of spinning.
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let Ok(place) = app.connections.share(came_by).take(1) else {
            app.meters.connections.refused();
            // Who has still to speak TLS could not read it.
            if came_by == CameBy::Near {
                refuse(wire).await;
            }
            continue;
        };
        app.meters.connections.accepted();
        let patience = Patience::new(seconds(config.idle_timeout_s));
        let http = http.clone().timer(patience).clone();
        let app = app.clone();
        let line = Line::default();
        let routes = Extension(came_by).layer(routes.clone());
        let service = TowerToHyperService::new(Extension(line.clone()).layer(routes));
        let mut closing = app.closing.subscribe();
        let closing = async move { drop(closing.wait_for(|closing| *closing).await) };
        let spoken = spoken(wire, came_by, &doors, seconds(config.header_timeout_s));
        tokio::spawn(async move {
            let mut closing = pin!(closing);
            let wire = tokio::select! {
                wire = spoken => wire,
                () = &mut closing => None,
            };
            let Some(wire) = wire else {
                return drop(place);
            };
            // A WebSocket leaves the connection: it has a place among the viewers instead.
            let connection = http.serve_connection(TokioIo::new(wire), service);
            let mut connection = Box::pin(connection.with_upgrades());
            let ended = tokio::select! {
                ended = &mut connection => ended,
                () = line.broken() => {
                    app.meters.connections.cut();
                    tracing::debug!("a client that read too slowly was cut off");
                    Ok(())
                }
                () = &mut closing => {
                    // What was asked is answered, and nothing after it.
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        ended = &mut connection => ended,
                        () = line.broken() => {
                            app.meters.connections.cut();
                            Ok(())
                        }
                    }
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "connection ended early");
            }
            drop(place);
        });
    }
    drop(doors);
    app.studio.end_all();
    app.closing.send_replace(true);
    let patience = seconds(config.shutdown_timeout_s);
    // Nobody comes any more: once every place is free, all have gone.
    let closed = async {
        app.connections.all_back().await;
        app.viewers.all_back().await;
    };
    let mut closed = pin!(closed);
    if tokio::time::timeout(patience * 3 / 4, &mut closed)
        .await
        .is_ok()
    {
        return Ok(());
    }
    app.ending.send_replace(true);
    if tokio::time::timeout(patience / 4, closed).await.is_err() {
        tracing::warn!("some clients kept their connections open to the end");
    }
    Ok(())
}

/// The connection to speak HTTP on: by the far door once TLS is spoken, which a client has that long for. Whoever fails at it is
/// told so by TLS itself.
fn spoken(
    wire: Pin<Box<dyn ClientWire>>,
    came_by: CameBy,
    doors: &Doors,
    patience: Duration,
) -> impl Future<Output = Option<Pin<Box<dyn ClientWire>>>> + Send + use<> {
    let tls = doors.far.as_ref().map(|far| far.tls.clone());
    async move {
        if came_by == CameBy::Near {
            return Some(wire);
        }
        match tokio::time::timeout(patience, tls?.accept(wire)).await {
            Ok(Ok(stream)) => Some(Box::pin(stream) as Pin<Box<dyn ClientWire>>),
            Ok(Err(error)) => {
                tracing::debug!(%error, "no TLS");
                None
            }
            Err(_) => None,
        }
    }
}

/// A connection's timer, which hyper asks once for each request's headers, `header_timeout_s` ahead. It gives the first
/// that, and later ones the idle time: hyper has one time-out for waiting and reading, and who may be idle for so long
/// gains nothing by sending a byte now and then.
#[derive(Debug)]
struct Patience {
    idle: Duration,
    first: AtomicBool,
}

impl Patience {
    fn new(idle: Duration) -> Self {
        Self {
            idle,
            first: AtomicBool::new(true),
        }
    }
}

impl Timer for Patience {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        TokioTimer::new().sleep(duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        match self.first.swap(false, Ordering::Relaxed) {
            true => TokioTimer::new().sleep_until(deadline),
            false => TokioTimer::new().sleep(self.idle),
        }
    }
}

/// Answers a connection beyond the limit without reading its request: one small write into an empty socket buffer.
async fn refuse(mut stream: Pin<Box<dyn ClientWire>>) {
    let problem = Kind::TooManyConnections.because("Every connection this server keeps is taken.");
    let body = serde_json::to_string(&problem.body()).unwrap_or_default();
    let reply = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nRetry-After: 1\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let write = async {
        stream.write_all(reply.as_bytes()).await?;
        stream.shutdown().await
    };
    let _ = tokio::time::timeout(Duration::from_millis(100), write).await;
}
