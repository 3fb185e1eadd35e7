//! What persons and programs ask for, and what is refused.

use super::*;

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
fn a_description_that_never_comes_keeps_no_connection() {
    let server = Server::start(
        ServerConfig {
            body_timeout_s: 1,
            ..ServerConfig::default()
        },
        8,
    );
    let json = "Content-Type: application/json\r\n";
    let head = server.post_head("/v1/sources", json, 10);
    server.send(&head, b"").assert_problem(408, "body-timeout");
    // Who may not begin one at all is told so before anything is read.
    server.puppet.lend(false);
    server.send(&head, b"").assert_problem(403, "sources-fixed");
}
