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
use super::door::{ClientWire, Door};
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
    door: impl Into<Door>,
    config: ServerConfig,
    parts: impl Into<ServedParts>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    config
        .check()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let door = door.into();
    // What was really bound decides which names the guard lets through.
    let config = ServerConfig {
        listen: door.address()?,
        ..config
    };
    let app = App::new(config.clone(), parts);
    let routes = routes(app.clone());
    let mut http = http1::Builder::new();
    http.header_read_timeout(seconds(config.header_timeout_s))
        .max_buf_size(BUFFER)
        .max_headers(MAX_HEADERS);

    let mut shutdown = pin!(shutdown);
    let mut pace = tokio::time::interval(PACE_CHECKED);
    loop {
        let stream = tokio::select! {
            () = &mut shutdown => break,
            _ = pace.tick() => {
                app.replies.cut_slow();
                continue;
            }
            accepted = door.accept(seconds(config.reply_timeout_s)) => match accepted {
                Ok(stream) => stream,
                Err(error) => {
                    // Mostly: out of file descriptors. Give connections time to close instead of spinning.
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let Ok(slot) = app.connections.clone().try_acquire_owned() else {
            app.meters.connections.refused();
            refuse(stream).await;
            continue;
        };
        app.meters.connections.accepted();
        let patience = Patience::new(seconds(config.idle_timeout_s));
        let http = http.clone().timer(patience).clone();
        let app = app.clone();
        let line = Line::default();
        let service = TowerToHyperService::new(Extension(line.clone()).layer(routes.clone()));
        // A WebSocket leaves the connection: it has a place among the viewers instead.
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let mut connection = Box::pin(connection.with_upgrades());
        let mut closing = app.closing.subscribe();
        let closing = async move { drop(closing.wait_for(|closing| *closing).await) };
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = &mut connection => ended,
                () = line.broken() => {
                    app.meters.connections.cut();
                    tracing::debug!("a client that read too slowly was cut off");
                    Ok(())
                }
                () = closing => {
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
            drop(slot);
        });
    }
    drop(door);
    app.studio.end_all();
    app.closing.send_replace(true);
    let patience = seconds(config.shutdown_timeout_s);
    // Nobody comes any more: once every place is free, all have gone.
    let closed = async {
        let _slots = app.connections.acquire_many(config.max_connections).await;
        let _viewers = app.viewers.acquire_many(config.max_viewers).await;
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
