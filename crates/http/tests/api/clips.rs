//! The last seconds of a live source, saved and fetched over real sockets.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::live::{ClipBounds, ClipShelf, LiveSettings, SessionSpec, ShelfBounds};
use espmedsam_http::ServerConfig;
use picture::segmenter::Ask;
use serde_json::Value;
use testing::fake::MODALITIES;
use testing::puppet::Act;

use crate::support::{Server, wait_until};

const HALF_A_MINUTE: ClipBounds = ClipBounds {
    span: Duration::from_secs(30),
    bytes: 1 << 20,
};

/// A server with one live source, which keeps its last seconds or does not.
fn server(clip: Option<ClipBounds>) -> Server {
    let server = Server::start(ServerConfig::default(), 8);
    let spec = SessionSpec {
        opener: Arc::new(server.puppet.clone()),
        view: video::prepare::SourceView::default(),
        ask: Ask::new(MODALITIES[1]),
        settings: LiveSettings {
            clip,
            ..LiveSettings::default()
        },
    };
    server.studio.begin("probe", spec).unwrap();
    server
}

fn keeping(folder: &Path, bounds: ShelfBounds) -> Server {
    let server = server(Some(HALF_A_MINUTE));
    let shelf = ClipShelf::open(folder, bounds).unwrap();
    assert!(server.studio.keep_clips(shelf));
    server
}

/// Sends a picture, and lets it be answered.
fn show(server: &Server, seed: u64) {
    let session = server.studio.find(None).unwrap().1;
    let before = session.look().counts.published;
    server.puppet.act(Act::Noise(64, 48, seed));
    wait_until("it is answered", || {
        session.look().counts.published > before
    });
}

fn save(server: &Server) -> crate::support::Reply {
    server.post("/v1/live/clip?source=probe", "", b"")
}

#[test]
fn a_clip_is_saved_listed_and_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let server = keeping(folder.path(), ShelfBounds::default());
    assert_eq!(
        server.get("/v1/live/clips").json()["files"],
        serde_json::json!([])
    );
    (0..5).for_each(|seed| show(&server, seed));
    let saved = save(&server);
    assert_eq!(saved.status, 201, "{saved:?}");
    let saved = saved.json();
    assert_eq!(saved["notice"], picture::NOTICE);
    assert_eq!(
        (&saved["pictures"], &saved["shortened"]),
        (&5.into(), &Value::Null)
    );
    let list = server.get("/v1/live/clips").json();
    assert_eq!(
        list["files"],
        serde_json::json!([saved["video"], saved["record"]])
    );
    for (file, media_type, start) in [
        (&saved["video"], "video/x-msvideo", &b"RIFF"[..]),
        (&saved["record"], "application/x-ndjson", br#"{"notice":"#),
    ] {
        let reply = server.get(file["url"].as_str().unwrap());
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-type"), Some(media_type));
        assert_eq!(
            reply.header("content-length"),
            Some(file["bytes"].to_string().as_str())
        );
        let name = file["name"].as_str().unwrap();
        assert_eq!(
            reply.header("content-disposition"),
            Some(format!("attachment; filename=\"{name}\"").as_str())
        );
        assert!(reply.body.starts_with(start));
        assert_eq!(reply.body, std::fs::read(folder.path().join(name)).unwrap());
    }
}

#[test]
fn nothing_but_clips_is_given_out() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret.txt"), "secret").unwrap();
    let server = keeping(folder.path(), ShelfBounds::default());
    for name in [
        "secret.txt",
        "probe-20261127T181246.123Z.avi",
        "..%2f..%2fetc%2fpasswd",
        "..%2Fprobe-20261127T181246.123Z.avi",
        "%2e%2e",
        "%00",
    ] {
        let reply = server.get(&format!("/v1/live/clips/{name}"));
        reply.assert_problem(404, "no-such-clip");
    }
}

#[test]
fn why_no_clip_is_saved_is_told() {
    let nowhere = server(Some(HALF_A_MINUTE));
    save(&nowhere).assert_problem(403, "no-clips");
    nowhere
        .get("/v1/live/clips")
        .assert_problem(403, "no-clips");
    nowhere
        .get("/v1/live/clips/a")
        .assert_problem(403, "no-clips");
    let unknown = nowhere.post("/v1/live/clip?source=camera", "", b"");
    unknown.assert_problem(404, "no-such-source");

    let folder = tempfile::tempdir().unwrap();
    let off = server(None);
    let shelf = ClipShelf::open(folder.path(), ShelfBounds::default()).unwrap();
    off.studio.keep_clips(shelf);
    show(&off, 0);
    save(&off).assert_problem(409, "clip-off");

    let few = ShelfBounds {
        clips: 1,
        ..ShelfBounds::default()
    };
    let server = keeping(folder.path(), few);
    save(&server).assert_problem(409, "clip-off");
    show(&server, 0);
    assert_eq!(save(&server).status, 201);
    save(&server).assert_problem(507, "clips-full");
    drop(folder);
    let gone = save(&server).assert_problem(500, "clip-not-saved");
    let detail = gone["detail"].as_str().unwrap();
    assert!(!detail.contains("/"), "no path of this machine: {detail}");
    server.assert_serves();
}
