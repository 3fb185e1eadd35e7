//! Requests to `POST /v1/segment`: query, `Accept`, form; to `POST /v2/models/NAME/infer`, and by gRPC. They go through the whole API, in
//! front of an engine that takes down what it is asked and segments nothing.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, Request, StatusCode, Uri, header};
use futures_util::stream;
use http::ServerConfig;
use live::Studio;
use picture::frame::FrameLimits;
use picture::scale::{PixelSize, Scale};
use picture::segmenter::{
    Done, EngineError, Job, Lane, LaneSpec, LiveSink, ModelInfo, Picture, Readiness, ReceivedFile,
    Segmenter, SystemClock,
};
use testing::fake::Fake;
use testing::puppet::Puppet;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

/// More than any problem says.
const LONGEST_PROBLEM: usize = 4096;

/// What was made of a request.
#[derive(Debug, PartialEq)]
struct Answer {
    status: StatusCode,
    problem: Bytes,
    /// What the engine was asked for, in words.
    asked: Option<String>,
}

/// A query string in the first line, `Accept` in the second.
pub fn check_query(data: &[u8]) {
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let [Some(query), accept] = [lines.next(), lines.next()] else {
        return;
    };
    let path = [b"/v1/segment?", query].concat();
    let (Ok(uri), Ok(accept)) = (
        Uri::try_from(path.as_slice()),
        HeaderValue::from_bytes(accept.unwrap_or(b"*/*")),
    ) else {
        return;
    };
    let request = Request::post(uri).header(header::ACCEPT, accept);
    answer(request, Body::from("picture"));
}

/// `Content-Type` in the first line, the body after it; the first byte says in which pieces the body comes. The answer must
/// not hang on that.
pub fn check_form(data: &[u8]) {
    let [piece, rest @ ..] = data else { return };
    let mut parts = rest.splitn(2, |byte| *byte == b'\n');
    let [Some(kind), Some(body)] = [parts.next(), parts.next()] else {
        return;
    };
    let Ok(kind) = HeaderValue::from_bytes(kind) else {
        return;
    };
    let request = || Request::post("/v1/segment?modality=auto").header(header::CONTENT_TYPE, &kind);
    let body = Bytes::copy_from_slice(body);
    let pieces: Vec<Result<Bytes, Infallible>> = body
        .chunks(1 + usize::from(*piece))
        .map(|piece| Ok(body.slice_ref(piece)))
        .collect();
    let at_once = answer(request(), Body::from(body.clone()));
    let in_pieces = answer(request(), Body::from_stream(stream::iter(pieces)));
    assert_eq!(at_once, in_pieces);
}

/// How long the JSON is said to be in the first two bytes, least significant first, or nothing of it if that is 65,535; then the body.
pub fn check_infer(data: &[u8]) {
    let Some((length, body)) = data.split_first_chunk() else {
        return;
    };
    let mut request = Request::post("/v2/models/ultrasound/infer");
    match u16::from_le_bytes(*length) {
        u16::MAX => {}
        length => request = request.header("Inference-Header-Content-Length", length),
    }
    answer(request, Body::from(body.to_vec()));
}

/// Which call of gRPC's in the first byte, then its message.
pub fn check_call(data: &[u8]) {
    let Some((call, message)) = data.split_first() else {
        return;
    };
    let call = CALLS[usize::from(*call) % CALLS.len()];
    let Ok(length) = u32::try_from(message.len()) else {
        return;
    };
    let body = [&[0], &length.to_be_bytes()[..], message].concat();
    let address = format!("http://localhost/inference.GRPCInferenceService/{call}");
    let request = Request::post(address).header(header::CONTENT_TYPE, "application/grpc");
    let Ok(request) = request.body(Body::from(body)) else {
        panic!("a request of good parts is good");
    };
    ENGINE.take();
    let Ok(response) = RUNTIME.block_on(CALLED.clone().oneshot(request));
    assert_eq!(response.status(), StatusCode::OK);
    let code = response.headers().get("grpc-status");
    // INTERNAL would be a fault of ours; UNAVAILABLE says that the engine has stopped, and that it was asked.
    assert_ne!(code, Some(&HeaderValue::from_static("13")));
    let refused = code == Some(&HeaderValue::from_static("14"));
    assert_eq!(ENGINE.take().is_some(), refused, "{code:?}");
}

/// Calls by their names.
const CALLS: [&str; 5] = [
    "ModelInfer",
    "ModelReady",
    "ModelMetadata",
    "RepositoryIndex",
    "RepositoryModelLoad",
];

/// Sends a request through the API.
fn answer(request: axum::http::request::Builder, body: Body) -> Answer {
    let request = request.header(header::HOST, "localhost").body(body);
    let Ok(request) = request else {
        panic!("a request of good parts is good");
    };
    ENGINE.take();
    let answer = RUNTIME.block_on(async {
        let Ok(response) = ROUTER.clone().oneshot(request).await;
        let status = response.status();
        let problem = to_bytes(response.into_body(), LONGEST_PROBLEM).await;
        let problem = problem.expect("a problem of a few words");
        Answer {
            status,
            problem,
            asked: ENGINE.take(),
        }
    });
    assert_ne!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!answer.status.is_success());
    // Only the engine's own refusal says that it has stopped.
    let refused = answer.status == StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(answer.asked.is_some(), refused, "{answer:?}");
    answer
}

static ENGINE: LazyLock<Arc<Clerk>> = LazyLock::new(|| {
    Arc::new(Clerk {
        asked: Mutex::default(),
        has: Fake::new(1),
    })
});
static ROUTER: LazyLock<Router> =
    LazyLock::new(|| http::router(ServerConfig::default(), studio()));
static CALLED: LazyLock<Router> =
    LazyLock::new(|| http::grpc_router(ServerConfig::default(), studio()));
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime")
});

fn studio() -> Arc<Studio> {
    let clock = Arc::new(SystemClock);
    let workshop = Arc::new(Puppet::new(clock.clone()));
    Studio::new(ENGINE.clone(), clock, workshop)
}

/// Takes down what it is asked, and refuses it.
struct Clerk {
    asked: Mutex<Option<String>>,
    /// Whose models these are.
    has: Arc<Fake>,
}

impl Clerk {
    fn take(&self) -> Option<String> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.take()
    }
}

impl Segmenter for Clerk {
    fn submit(&self, job: Job, _: Done) -> Result<(), EngineError> {
        match &job.picture {
            Picture::File(ReceivedFile { bytes, page }) => {
                assert!(!bytes.is_empty() && *page != Some(0));
            }
            Picture::Undecoded(_) => {}
            Picture::Read(_) => panic!("nobody has read it"),
            Picture::Frame(frame) => assert!(frame.width() > 0 && frame.height() > 0),
        }
        if let Scale::Uniform(pixel) = &job.scale {
            assert_eq!(PixelSize::new(pixel.mm()), Ok(*pixel));
        }
        let asked = format!("{:?} {:?} {:?}", job.ask, job.scale, job.picture);
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
        Err(EngineError::Stopped)
    }

    fn open_lane(&self, _: LaneSpec, _: Arc<dyn LiveSink>) -> Result<Lane, EngineError> {
        Err(EngineError::Stopped)
    }

    fn models(&self) -> Vec<ModelInfo> {
        self.has.models()
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }

    fn queue(&self) -> (usize, usize) {
        (0, 1)
    }

    fn limits(&self) -> FrameLimits {
        FrameLimits::default()
    }
}
