//! Live sources over real sockets: a puppet for the source, the fake for the model.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use ::live::steady::Insistence;
use ::live::{LiveSettings, SessionSpec, State};
use espmedsam_http::ServerConfig;
use picture::frame::{FrameLimits, decode};
use picture::segmenter::{Ask, Readiness};
use serde_json::Value;
use testing::fake::MODALITIES;
use testing::puppet::{Act, Puppet};
use tungstenite::{Message, WebSocket};
use video::prepare::SourceView;

use crate::support::{Server, wait_until};

const BRIGHT: Act = Act::Picture(320, 240, 200);
const DARK: Act = Act::Picture(320, 240, 50);

/// Each answer counts by itself, and is just what the fake gives.
fn settings() -> LiveSettings {
    let at_once = Insistence {
        times: 1,
        lasting: Duration::ZERO,
    };
    LiveSettings {
        insistence: [at_once; 2],
        steady: false,
        ..LiveSettings::default()
    }
}

/// A server with one live source, which sends pictures as long as it is told to.
pub struct Scene {
    pub server: Server,
    pub puppet: Puppet,
    pub playing: Arc<AtomicBool>,
}

impl Scene {
    pub fn new() -> Self {
        Self::with(ServerConfig::default())
    }

    pub fn with(config: ServerConfig) -> Self {
        let server = Server::start(config, 8);
        let puppet = server.puppet.clone();
        let spec = SessionSpec {
            opener: Arc::new(puppet.clone()),
            view: SourceView::default(),
            ask: Ask::new(MODALITIES[1]),
            settings: settings(),
        };
        server.studio.begin("probe", spec).unwrap();
        Self {
            server,
            puppet,
            playing: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Sends pictures that differ, ever since.
    fn play(&self) {
        self.playing.store(true, SeqCst);
        let (puppet, playing) = (self.puppet.clone(), self.playing.clone());
        std::thread::spawn(move || {
            for grey in (200..=250).cycle() {
                if !playing.load(SeqCst) {
                    return;
                }
                puppet.act(Act::Picture(320, 240, grey));
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        self.wait_for(State::Mask);
    }

    fn stop(&self) {
        self.playing.store(false, SeqCst);
    }

    pub fn wait_for(&self, state: State) {
        wait_until(state.name(), || {
            self.server.studio.find(None).unwrap().1.look().state == state
        });
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.addr)
    }

    /// A reply that has no end, to be read from.
    pub fn endless(&self, path: &str) -> BufReader<impl Read + use<>> {
        let reply = ureq::get(&self.url(path)).call().unwrap();
        BufReader::new(reply.into_body().into_reader())
    }

    fn socket(&self, query: &str) -> WebSocket<TcpStream> {
        let stream = self.server.connect();
        let url = format!("ws://{}/v1/live/ws?{query}", self.server.addr);
        tungstenite::client(url, stream).unwrap().0
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop();
        self.puppet.release();
    }
}

/// A part of the stream: its headers and its JPEG.
fn part(stream: &mut impl BufRead) -> (String, Vec<u8>) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(
            stream.read_line(&mut head).unwrap(),
            0,
            "the stream ended: {head}"
        );
    }
    let length = header(&head, "Content-Length").unwrap().parse().unwrap();
    let mut jpeg = vec![0; length];
    stream.read_exact(&mut jpeg).unwrap();
    let mut end = [0; 2];
    stream.read_exact(&mut end).unwrap();
    (head, jpeg)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// A message of the socket: its header and its payload.
fn message(socket: &mut WebSocket<TcpStream>) -> (Value, Vec<u8>) {
    let Message::Binary(bytes) = socket.read().unwrap() else {
        panic!("every message is binary");
    };
    let length = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
    let header = serde_json::from_slice(&bytes[4..4 + length]).unwrap();
    (header, bytes[4 + length..].to_vec())
}

/// The first message that is as asked, within half a minute.
fn message_with(
    socket: &mut WebSocket<TcpStream>,
    is: impl Fn(&Value) -> bool,
) -> (Value, Vec<u8>) {
    let begun = Instant::now();
    loop {
        let (header, payload) = message(socket);
        if is(&header) {
            return (header, payload);
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{header}");
    }
}

#[test]
fn what_may_be_shown_now_is_told_with_its_age_and_its_mask() {
    let scene = Scene::new();
    scene.puppet.act(BRIGHT);
    scene.wait_for(State::Mask);
    let told = scene.server.get("/v1/live/latest.json").json();
    assert_eq!(
        (&told["state"], &told["source"]),
        (&"mask".into(), &"probe".into())
    );
    assert_eq!(told["notice"], picture::NOTICE);
    assert_eq!(
        told["picture"],
        serde_json::json!({"width": 320, "height": 240})
    );
    assert_eq!(told["result"]["area"]["px"], 320 * 240);
    assert!(told["result"]["polygons"].is_array());
    assert!(told["age_ms"].as_f64().unwrap() < 400.0);
    let rle = scene
        .server
        .get("/v1/live/latest.json?source=probe&mask=rle");
    assert!(rle.json()["result"]["polygons"].is_null());

    scene.puppet.act(BRIGHT);
    scene.wait_for(State::Mask);
    let mask = scene.server.get("/v1/live/latest.png");
    assert_eq!(
        (mask.status, mask.header("x-espmedsam-state")),
        (200, Some("mask"))
    );
    let mask = image::load_from_memory(&mask.body).unwrap();
    assert!(
        mask.as_luma8()
            .unwrap()
            .pixels()
            .all(|pixel| pixel.0 == [255])
    );

    // Nothing came since: it has grown stale by itself, and no mask is given any more.
    scene.wait_for(State::Stale);
    let told = scene.server.get("/v1/live/latest.json").json();
    assert_eq!(
        (&told["state"], &told["words"]),
        (&"stale".into(), &"STALE".into())
    );
    assert!(told["result"].is_null());
    scene
        .server
        .get("/v1/live/latest.png")
        .assert_problem(409, "no-mask");
    scene
        .server
        .post("/v1/live/snapshot", "", b"")
        .assert_problem(409, "no-mask");
    let picture = scene.server.get("/v1/live/latest.jpg?width=160");
    assert_eq!(picture.status, 200);
}

#[test]
fn the_stream_is_pictures_that_say_what_they_are() {
    let scene = Scene::new();
    scene.play();
    let mut stream = scene.endless("/v1/live/stream.mjpeg");
    let mut sequence = None;
    for _ in 0..5 {
        let (head, jpeg) = part(&mut stream);
        assert_eq!(header(&head, "X-Espmedsam-State"), Some("mask"));
        let age: f64 = header(&head, "X-Espmedsam-Age-Ms")
            .unwrap()
            .parse()
            .unwrap();
        assert!(age <= 400.0, "{age}");
        let number: u64 = header(&head, "X-Espmedsam-Sequence")
            .unwrap()
            .parse()
            .unwrap();
        assert!(
            sequence
                .replace(number)
                .is_none_or(|before| before <= number)
        );
        let frame = decode(&jpeg, &FrameLimits::default()).unwrap();
        assert_eq!(frame.size(), [320, 240]);
    }
    scene.stop();
    let begun = Instant::now();
    loop {
        let (head, _) = part(&mut stream);
        match header(&head, "X-Espmedsam-State").unwrap() {
            "no-signal" => break,
            "mask" | "stale" => assert!(begun.elapsed() < Duration::from_secs(30)),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_socket_gets_each_answer_with_its_picture_or_its_mask() {
    let scene = Scene::new();
    scene.play();
    let mut socket = scene.socket("mask=polygons&picture=jpeg");
    let (told, jpeg) = message_with(&mut socket, |told| told["state"] == "mask");
    assert_eq!(told["payload"], "image/jpeg");
    assert_eq!(told["result"]["area"]["px"], 320 * 240);
    let frame = decode(&jpeg, &FrameLimits::default()).unwrap();
    // Nothing is drawn upon it.
    assert!(frame.rgb().iter().all(|value| (196..=255).contains(value)));

    let mut masks = scene.socket("source=probe&mask=png");
    let (told, png) = message_with(&mut masks, |told| told["state"] == "mask");
    assert_eq!(told["payload"], "image/png");
    assert_eq!(image::load_from_memory(&png).unwrap().width(), 320);
    let mut bare = scene.socket("mask=none");
    let (told, payload) = message(&mut bare);
    assert!(told["payload"].is_null() && payload.is_empty());

    // A model that fails is told to all of them.
    scene
        .server
        .fake
        .set_readiness(Readiness::Stuck("it hangs".into()));
    for socket in [&mut socket, &mut masks, &mut bare] {
        let (told, _) = message_with(socket, |told| told["state"] == "model-fault");
        assert_eq!(told["detail"], "it hangs");
        assert!(told["result"].is_null());
    }
}

#[test]
fn events_tell_states_as_they_change() {
    let scene = Scene::new();
    scene.play();
    let mut events = scene
        .endless("/v1/live/events?mask=none")
        .lines()
        .map(Result::unwrap);
    let mut wait_for = |wanted: &str| {
        let line = format!("event: {wanted}");
        assert!(events.any(|found| found == line), "no {wanted}");
        let data = events.next().unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data["state"], wanted);
    };
    wait_for("mask");
    scene.stop();
    scene.puppet.act(DARK);
    wait_for("nothing-found");
    wait_for("stale");
    wait_for("no-signal");
}

#[test]
fn a_slow_client_misses_pictures_and_slows_nobody() {
    let scene = Scene::new();
    scene.play();
    let mut slow = scene.endless("/v1/live/stream.mjpeg");
    let (_, _) = part(&mut slow);
    let published = || {
        scene
            .server
            .studio
            .find(None)
            .unwrap()
            .1
            .look()
            .counts
            .published
    };
    let before = published();
    let mut quick = scene.endless("/v1/live/stream.mjpeg?raw=1");
    wait_until("200 answers", || {
        let _ = part(&mut quick);
        published() > before + 200
    });
    // What lies in the sockets' buffers is old, and says so; then it is told how many it missed.
    let begun = Instant::now();
    loop {
        let (head, _) = part(&mut slow);
        let missed: u64 = header(&head, "X-Espmedsam-Missed")
            .unwrap()
            .parse()
            .unwrap();
        if missed > 0 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}

#[test]
fn a_person_freezes_resumes_asks_for_something_else_and_keeps_a_picture() {
    let scene = Scene::new();
    scene.play();
    let kept = scene.server.post("/v1/live/snapshot?source=probe", "", b"");
    assert_eq!(
        (kept.status, kept.header("content-type")),
        (200, Some("image/png"))
    );
    assert!(
        kept.header("content-disposition")
            .unwrap()
            .starts_with("attachment; filename=\"probe-")
    );
    let frozen = scene.server.post("/v1/live/freeze", "", b"").json();
    assert_eq!(
        (&frozen["frozen"], &frozen["state"]),
        (&true.into(), &"mask".into())
    );
    let first = scene.server.get("/v1/live/latest.json").json();
    let later = scene.server.get("/v1/live/latest.json").json();
    assert_eq!(
        (&first["sequence"], &first["words"]),
        (&later["sequence"], &"FROZEN".into())
    );
    let resumed = scene.server.post("/v1/live/resume", "", b"").json();
    assert_eq!(resumed["frozen"], false);
    let asked = scene
        .server
        .post("/v1/live/modality?modality=colonoscopy", "", b"")
        .json();
    assert_eq!(asked["modality"], "colonoscopy");
    scene.wait_for(State::Mask);
    let told = scene.server.get("/v1/live/latest.json").json();
    assert_eq!(told["result"]["modality"]["name"], "colonoscopy");
    scene
        .server
        .post("/v1/live/modality?modality=palmistry", "", b"")
        .assert_problem(400, "unknown-modality");
}

#[test]
fn a_recorder_gets_pictures_of_one_size_at_a_steady_rate() {
    let scene = Scene::new();
    scene.play();
    let mut video = scene.endless("/v1/live/y4m?rate=30");
    let mut line = String::new();
    video.read_line(&mut line).unwrap();
    assert!(line.starts_with("YUV4MPEG2 W320 H240 F30:1 "), "{line}");
    let begun = Instant::now();
    for _ in 0..30 {
        line.clear();
        video.read_line(&mut line).unwrap();
        assert_eq!(line, "FRAME\n");
        video.read_exact(&mut vec![0; 320 * 240 * 3 / 2]).unwrap();
    }
    assert!(
        begun.elapsed() >= Duration::from_millis(900),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn what_cannot_be_had_is_said() {
    let scene = Scene::with(ServerConfig {
        max_viewers: 1,
        ..ServerConfig::default()
    });
    let get = |path: &str| scene.server.get(path);
    get("/v1/live/latest.json?source=nobody").assert_problem(404, "no-such-source");
    get("/v1/live/latest.json?sauce=probe").assert_problem(400, "bad-query");
    get("/v1/live/latest.json?mask=png").assert_problem(400, "bad-query");
    get("/v1/live/stream.mjpeg?width=10").assert_problem(400, "bad-query");
    get("/v1/live/stream.mjpeg?raw=2").assert_problem(400, "bad-query");
    get("/v1/live/y4m?rate=0").assert_problem(400, "bad-query");
    get("/v1/live/ws").assert_problem(426, "no-upgrade");
    let _looking = scene.endless("/v1/live/stream.mjpeg");
    get("/v1/live/events").assert_problem(503, "too-many-viewers");
    let other = "Origin: https://evil.example\r\n";
    scene
        .server
        .post("/v1/live/freeze", other, b"")
        .assert_problem(403, "cross-site");
    let upgrade = format!(
        "GET /v1/live/ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{other}\r\n",
        scene.server.addr
    );
    scene
        .server
        .send(&upgrade, b"")
        .assert_problem(403, "cross-site");
}

#[test]
fn a_source_that_is_ended_and_a_server_that_stops_end_what_has_no_end() {
    let mut scene = Scene::new();
    scene.play();
    let mut stream = scene.endless("/v1/live/stream.mjpeg");
    let mut socket = scene.socket("mask=none");
    assert!(scene.server.studio.end("probe"));
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    while let Ok(message) = socket.read() {
        if let Message::Close(frame) = message {
            assert_eq!(u16::from(frame.unwrap().code), 1001);
        }
    }
    scene
        .server
        .get("/v1/live/latest.json")
        .assert_problem(404, "no-such-source");

    let spec = SessionSpec {
        opener: Arc::new(scene.puppet.clone()),
        view: SourceView::default(),
        ask: Ask::new(MODALITIES[1]),
        settings: settings(),
    };
    scene.server.studio.begin("again", spec).unwrap();
    let mut stream = scene.endless("/v1/live/stream.mjpeg?source=again");
    let begun = Instant::now();
    scene.server.signal_stop();
    stream.read_to_end(&mut rest).unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn sources_are_begun_and_ended_where_clients_may() {
    let server = Server::start(ServerConfig::default(), 8);
    let json = "Content-Type: application/json\r\n";
    let described =
        br#"{"name":"probe","modality":"ultrasound","source":{"kind":"pipe","path":"-"}}"#;
    let begin = |body: &[u8]| server.post("/v1/sources", json, body);
    let begun = begin(described);
    assert_eq!(
        (begun.status, &begun.json()["name"]),
        (201, &"probe".into())
    );
    begin(described).assert_problem(409, "source-exists");
    begin(b"{}").assert_problem(400, "bad-source");
    begin(b"[").assert_problem(400, "bad-source");
    begin(&described.repeat(300)).assert_problem(400, "bad-source");
    let odd = br#"{"name":"a b","modality":"ultrasound","source":{"kind":"pipe","path":"-"}}"#;
    begin(odd).assert_problem(400, "bad-source");
    for number in 1..7 {
        let more = String::from_utf8_lossy(described).replace("probe", &format!("probe{number}"));
        assert_eq!(begin(more.as_bytes()).status, 201);
    }
    let more = String::from_utf8_lossy(described).replace("probe", "one-too-many");
    begin(more.as_bytes()).assert_problem(503, "too-many-sources");
    let listed = server.get("/v1/sources").json();
    assert_eq!(listed["sources"].as_array().unwrap().len(), 7);
    server
        .get("/v1/live/latest.json")
        .assert_problem(404, "no-such-source");

    let end = |name: &str| {
        let host = server.addr;
        let head = format!(
            "DELETE /v1/sources/{name} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        );
        server.send(&head, b"")
    };
    assert_eq!(end("probe").status, 204);
    end("probe").assert_problem(404, "no-such-source");
    server.puppet.lend(false);
    begin(described).assert_problem(403, "sources-fixed");
    end("probe1").assert_problem(403, "sources-fixed");
}

#[test]
fn the_newest_picture_can_be_had() {
    let scene = Scene::new();
    scene.play();
    let mut fresh = scene.endless("/v1/live/stream.mjpeg?mode=fresh");
    let (head, jpeg) = part(&mut fresh);
    assert_eq!(header(&head, "X-Espmedsam-State"), Some("mask"));
    decode(&jpeg, &FrameLimits::default()).unwrap();
    scene
        .server
        .get("/v1/live/stream.mjpeg?mode=stale")
        .assert_problem(400, "bad-query");
}
