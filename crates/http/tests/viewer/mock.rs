//! A server with the real pages and a live API of its own, which says what a test has it say.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use espmedsam_http::ServerConfig;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use live::{FrontPanel, Studio};
use picture::frame::Frame;
use picture::mask::{LogitMap, Mask};
use picture::report::{Extras, Form, render};
use picture::scale::PixelSize;
use picture::segmenter::{Lease, Segmentation, StageTimes, SystemClock};
use serde_json::{Value, json};
use testing::fake::Fake;
use testing::puppet::Puppet;

/// Between messages.
const BEAT: Duration = Duration::from_millis(40);
/// What the scenes allow a mask, ms.
pub const BUDGET: f64 = 400.0;
/// Millimetres of the sample's pixels.
pub const PIXEL_MM: f64 = 0.8;
/// What a mask took, ms.
const TOTAL_MS: f64 = 31.5;

/// What the server says and does now.
pub struct Scene {
    /// What every message has; `update`, `sequence` and `at_ms` are counted on.
    pub header: Value,
    /// The picture that goes along, if the header has one.
    pub jpeg: Vec<u8>,
    /// Names of the sources.
    pub sources: Vec<&'static str>,
    /// Whether messages are sent.
    pub talks: bool,
    /// Whether connections are kept.
    pub welcomes: bool,
    /// The part that is proposed of every source.
    pub proposed: Value,
    /// What was asked for, with its query; newest last.
    pub asked: Vec<String>,
    started: Instant,
    update: u64,
}

/// The server; it ends with the test.
pub struct Mock {
    pub addr: SocketAddr,
    scene: Arc<Mutex<Scene>>,
}

impl Mock {
    /// Shows a fetal head, with its mask as drawn by hand.
    pub fn start() -> Self {
        Self::with(None)
    }

    /// The same, with a panel beside it.
    pub fn with_panel(panel: Arc<dyn FrontPanel>) -> Self {
        Self::with(Some(panel))
    }

    fn with(panel: Option<Arc<dyn FrontPanel>>) -> Self {
        let scene = Arc::new(Mutex::new(Scene {
            header: header("mask", &report()),
            jpeg: sample("hc18_230_HC.jpg"),
            sources: vec!["probe", "scope"],
            talks: true,
            welcomes: true,
            proposed: Value::Null,
            asked: Vec::new(),
            started: Instant::now(),
            update: 0,
        }));
        let (tell, told) = std::sync::mpsc::channel();
        let shared = scene.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                serve(listener, routes(shared, panel)).await;
            });
        });
        Self {
            addr: told.recv().unwrap(),
            scene,
        }
    }

    pub fn scene(&self) -> MutexGuard<'_, Scene> {
        self.scene.lock().unwrap()
    }

    /// Says this state from now on; only a mask has a report with polygons, and only answers have a picture.
    pub fn say(&self, state: &str) {
        let answer = ["mask", "nothing-found", "unsure", "wrong-modality"].contains(&state);
        let mut said = header(state, &report());
        if !answer {
            said["picture"] = Value::Null;
            said["payload"] = Value::Null;
        }
        if state != "mask" {
            said["result"] = Value::Null;
        }
        self.scene().header = said;
    }

    /// How often something was asked for whose path and query begin so.
    pub fn asked(&self, start: &str) -> usize {
        let scene = self.scene();
        scene
            .asked
            .iter()
            .filter(|ask| ask.starts_with(start))
            .count()
    }
}

async fn serve(listener: tokio::net::TcpListener, app: Router) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = TowerToHyperService::new(app.clone());
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            // A browser that leaves is no fault.
            let _ = connection.await;
        });
    }
}

fn routes(scene: Arc<Mutex<Scene>>, panel: Option<Arc<dyn FrontPanel>>) -> Router {
    let clock = Arc::new(SystemClock);
    let puppet = Puppet::new(clock.clone());
    let studio = Studio::new(Fake::new(8), clock, Arc::new(puppet));
    if let Some(panel) = panel {
        studio.has_panel(panel);
    }
    let pages = espmedsam_http::router(ServerConfig::default(), studio);
    Router::new()
        .route("/v1/sources", get(sources))
        .route("/v1/live/ws", get(listen))
        .route("/v1/live/stream.mjpeg", get(stream))
        .route("/v1/live/{what}", post(act))
        .with_state(scene)
        .fallback_service(pages)
}

type Shared = State<Arc<Mutex<Scene>>>;

async fn sources(State(scene): Shared) -> Response {
    let scene = scene.lock().unwrap();
    if !scene.welcomes {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let list: Vec<Value> = (scene.sources.iter())
        .map(|name| json!({"name": name, "label": format!("The {name}"), "modality": "ultrasound", "state": "mask", "proposed_region": scene.proposed}))
        .collect();
    Json(json!({"notice": picture::NOTICE, "sources": list})).into_response()
}

async fn listen(
    State(scene): Shared,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Response {
    let query = query.unwrap();
    scene.lock().unwrap().asked.push(format!("ws?{query}"));
    let source = query
        .split('&')
        .find_map(|part| part.strip_prefix("source="));
    let source = source.unwrap().to_owned();
    upgrade.on_upgrade(move |socket| talk(socket, scene, source))
}

/// Of a stream one picture is enough here.
async fn stream(State(scene): Shared) -> impl IntoResponse {
    scene.lock().unwrap().asked.push("stream.mjpeg".into());
    (
        [(header::CONTENT_TYPE, "image/jpeg")],
        sample("hc18_230_HC.jpg"),
    )
}

async fn talk(mut socket: WebSocket, scene: Arc<Mutex<Scene>>, source: String) {
    let mut beat = tokio::time::interval(BEAT);
    loop {
        beat.tick().await;
        let message = {
            let mut scene = scene.lock().unwrap();
            if !scene.welcomes {
                return;
            }
            if !scene.talks {
                continue;
            }
            scene.message(&source)
        };
        if socket.send(Message::Binary(message.into())).await.is_err() {
            return;
        }
    }
}

impl Scene {
    fn message(&mut self, source: &str) -> Vec<u8> {
        self.update += 1;
        let mut header = self.header.clone();
        header["source"] = source.into();
        header["update"] = self.update.into();
        header["sequence"] = self.update.into();
        header["at_ms"] = (self.started.elapsed().as_secs_f64() * 1e3).into();
        let header_bytes = header.to_string().into_bytes();
        let length = u32::try_from(header_bytes.len()).unwrap();
        let picture: &[u8] = match header["payload"].is_string() {
            true => &self.jpeg,
            false => &[],
        };
        [&length.to_be_bytes()[..], &header_bytes, picture].concat()
    }
}

async fn act(
    State(scene): Shared,
    Path(what): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let mut scene = scene.lock().unwrap();
    scene.asked.push(format!("{what}?{query}"));
    match what.as_str() {
        "freeze" => scene.header["frozen"] = true.into(),
        "resume" => scene.header["frozen"] = false.into(),
        "modality" if query.ends_with("=microscopy") => {
            let problem =
                json!({"title": "No such model", "detail": "There is none for microscopy."});
            return (StatusCode::NOT_FOUND, Json(problem)).into_response();
        }
        "modality" => {
            let (_, name) = query.rsplit_once('=').unwrap();
            scene.header["modality"] = name.into();
            scene.header["result"]["modality"]["name"] = name.into();
        }
        "surround" => {
            let seen = json!({
                "notice": picture::NOTICE, "source": "probe", "region": {"x": 40, "y": 20, "width": 320, "height": 200}, "confidence": 0.72,
                "picture": {"width": 400, "height": 270}, "pictures": 12, "preview": "/v1/live/stream.mjpeg",
            });
            return Json(seen).into_response();
        }
        "region" => scene.proposed = Value::Null,
        "scale" => {}
        "snapshot" => {
            let named = "attachment; filename=\"probe-1.png\"";
            let headers = [
                (header::CONTENT_TYPE, "image/png"),
                (header::CONTENT_DISPOSITION, named),
            ];
            return (headers, sample("hc18_230_HC_mask.png")).into_response();
        }
        other => panic!("the viewer asks for {other}"),
    }
    Json(json!({"notice": picture::NOTICE})).into_response()
}

fn header(state: &str, report: &Value) -> Value {
    let frozen = false;
    json!({
        "notice": picture::NOTICE, "state": state, "modality": "ultrasound", "detail": null, "missed": 0, "age_ms": 48.0, "budget_ms": BUDGET,
        "picture": {"width": 400, "height": 270}, "payload": "image/jpeg", "frozen": frozen, "still_ms": null, "step": "full",
        "rate": {"captured": 30.0, "segmented": 25.0}, "pixel_mm": [PIXEL_MM, PIXEL_MM], "presence": null,
        "counts": {"captured": 9, "replaced": 1, "segmented": 8, "failed": 0, "missed": 0}, "result": report,
    })
}

pub fn sample(name: &str) -> Vec<u8> {
    std::fs::read(testing::repository("tests/samples").join(name)).unwrap()
}

/// The report of the sample's mask, as the product itself makes it.
pub fn report() -> Value {
    let open = |name| image::load_from_memory(&sample(name)).unwrap();
    let (frame, mask) = (
        open("hc18_230_HC.jpg").into_rgb8(),
        open("hc18_230_HC_mask.png").into_luma8(),
    );
    let (width, height) = frame.dimensions();
    let blank = || LogitMap::new(1, vec![0.0]).unwrap();
    let segmentation = Segmentation {
        frame: Arc::new(Frame::new(width, height, frame.into_raw()).unwrap()),
        file: None,
        scale: Some(PixelSize::new([PIXEL_MM; 2]).unwrap()).into(),
        region: None,
        mask: Mask::new(width, height, mask.into_raw()).unwrap(),
        presence: None,
        low_res: blank(),
        patch: blank(),
        confidence: Some(0.96),
        probability: Some(0.98),
        signs: None,
        check: None,
        model: "live-224-int8".into(),
        model_sha256: testing::fake::SHA256.into(),
        modality: "ultrasound".into(),
        modality_index: 1,
        label: "fetal head, nerve, breast lesion".into(),
        codes: None,
        times: StageTimes {
            total: TOTAL_MS,
            ..StageTimes::default()
        },
        lease: Lease::default(),
    };
    let rendered = render(segmentation, Form::Polygons, Extras::default()).unwrap();
    let mut report: Value = serde_json::from_slice(&rendered.bytes).unwrap();
    // Rendering took its own time, which is not to be foretold.
    report["times_ms"]["total"] = TOTAL_MS.into();
    report
}
