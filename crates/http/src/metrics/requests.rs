//! Requests and their bodies, counted around all routes.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use picture::sync::lock;

use super::exposition::Exposition;
use super::histogram::Histogram;
use crate::problem::Kind;

/// The route of what no route is for. Paths as sent are never labels: whoever calls could make any number of them.
const NO_ROUTE: &str = "none";

/// Requests by route.
#[derive(Debug, Default)]
pub struct RequestMeter {
    routes: Mutex<BTreeMap<String, Arc<RouteMeter>>>,
    open: AtomicU64,
}

/// Requests of one route.
#[derive(Debug, Default)]
struct RouteMeter {
    ends: Mutex<BTreeMap<End, u64>>,
    /// From a request's head to its reply's.
    seconds: Histogram,
    received: Arc<AtomicU64>,
    sent: Arc<AtomicU64>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    method: &'static str,
    status: &'static str,
    problem: &'static str,
}

/// Middleware: counts a request, how long its reply's head took, and the bytes of both bodies. Around all others, so that
/// refusals are counted too.
pub async fn count(
    State(requests): State<Arc<RequestMeter>>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = requests.route(route.map_or(NO_ROUTE, MatchedPath::as_str));
    let mut underway = Underway::begin(&requests, &route, request.method());
    let request = request.map(|body| counted(body, &route.received));
    let response = next.run(request).await;
    underway.end.status = class(response.status());
    underway.end.problem = (response.extensions().get()).map_or("", |kind: &Kind| kind.name());
    response.map(|body| counted(body, &route.sent))
}

impl RequestMeter {
    fn route(&self, route: &str) -> Arc<RouteMeter> {
        let mut routes = lock(&self.routes);
        match routes.get(route) {
            Some(meter) => meter.clone(),
            None => routes.entry(route.to_owned()).or_default().clone(),
        }
    }

    /// All of it.
    pub fn render(&self, out: &mut Exposition) {
        let routes = lock(&self.routes).clone();
        let mut requests = out.counter(
            "espmedsam_http_requests_total",
            "Requests, by route, method, class of status ('gone': the client hung up before) and problem type, if any.",
        );
        for (route, meter) in &routes {
            for (end, count) in lock(&meter.ends).iter() {
                let labels = [
                    ("route", route.as_str()),
                    ("method", end.method),
                    ("status", end.status),
                    ("problem", end.problem),
                ];
                requests.put(&labels, count);
            }
        }
        let mut seconds = out.histogram(
            "espmedsam_http_request_seconds",
            "From a request's head to its reply's head.",
        );
        for (route, meter) in &routes {
            meter.seconds.put(&mut seconds, &[("route", route)]);
        }
        let mut received = out.counter(
            "espmedsam_http_received_bytes_total",
            "Bytes of request bodies.",
        );
        for (route, meter) in &routes {
            received.put(&[("route", route)], meter.received.load(Ordering::Relaxed));
        }
        let mut sent = out.counter("espmedsam_http_sent_bytes_total", "Bytes of reply bodies.");
        for (route, meter) in &routes {
            sent.put(&[("route", route)], meter.sent.load(Ordering::Relaxed));
        }
        out.gauge(
            "espmedsam_http_requests_in_progress",
            "Requests whose reply has not begun, this one among them.",
        )
        .put(&[], self.open.load(Ordering::Relaxed));
    }
}

/// A request without a reply yet. It counts when it is dropped, so that one is counted too whose client hangs up.
struct Underway {
    requests: Arc<RequestMeter>,
    route: Arc<RouteMeter>,
    began: Instant,
    end: End,
}

impl Underway {
    fn begin(requests: &Arc<RequestMeter>, route: &Arc<RouteMeter>, method: &Method) -> Self {
        requests.open.fetch_add(1, Ordering::Relaxed);
        Self {
            requests: requests.clone(),
            route: route.clone(),
            began: Instant::now(),
            end: End {
                method: known(method),
                status: "gone",
                problem: "",
            },
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.requests.open.fetch_sub(1, Ordering::Relaxed);
        (self.route.seconds).observe(self.began.elapsed().as_secs_f64());
        *lock(&self.route.ends).entry(self.end).or_default() += 1;
    }
}

/// The method's name, if it is one of HTTP's own (RFC 9110 §9): clients may send any word.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}

fn counted(inner: Body, bytes: &Arc<AtomicU64>) -> Body {
    let bytes = bytes.clone();
    Body::new(CountedBody { inner, bytes })
}

/// A body whose bytes are counted as they pass.
struct CountedBody {
    inner: Body,
    bytes: Arc<AtomicU64>,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
