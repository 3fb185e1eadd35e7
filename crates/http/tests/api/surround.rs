//! A console's surround over real sockets: proposed, shown, confirmed, and cut off only then. And cameras.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use ::live::{LiveSettings, SessionSpec, State};
use espmedsam_http::ServerConfig;
use picture::frame::{Frame, FrameLimits, decode};
use picture::segmenter::Ask;
use serde_json::{Value, json};
use testing::fake::MODALITIES;
use testing::puppet::Act;
use video::prepare::{SourceView, SurroundCrop};

use super::live::Scene;
use crate::support::wait_until;

/// A screen with a scan of 160 × 120 at 90,70, bright and never the same.
fn screen(moment: u32) -> Arc<Frame> {
    let mut rgb = vec![0; 320 * 240 * 3];
    for y in 70..190_u32 {
        for x in 90..250_u32 {
            let mixed = (x * 7919 + y * 104_729 + moment * 1_299_709).wrapping_mul(2_654_435_761);
            let at = 3 * (y * 320 + x) as usize;
            rgb[at..at + 3].fill(150 + (mixed >> 26) as u8);
        }
    }
    Arc::new(Frame::new(320, 240, rgb).unwrap())
}

/// Has it send screens, ever since.
fn scan(scene: &Scene) {
    scene.playing.store(true, SeqCst);
    let (puppet, playing) = (scene.puppet.clone(), scene.playing.clone());
    std::thread::spawn(move || {
        for moment in 0.. {
            if !playing.load(SeqCst) {
                return;
            }
            puppet.act(Act::Screen(screen(moment)));
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    scene.wait_for(State::Mask);
}

fn number(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}

/// Whether the scan lies in it, and little beside.
fn holds_the_scan(region: &Value) -> bool {
    let [x, y, width, height] = ["x", "y", "width", "height"].map(|key| number(&region[key]));
    x <= 90 && y <= 70 && x + width >= 250 && y + height >= 190 && width < 180 && height < 140
}

fn picture_size(scene: &Scene) -> Value {
    scene.server.get("/v1/live/latest.json?mask=none").json()["picture"].clone()
}

#[test]
fn a_region_is_proposed_shown_and_used_once_it_is_confirmed() {
    let scene = Scene::new();
    scan(&scene);
    let post = |path: &str| scene.server.post(path, "", b"");
    let told = post("/v1/live/surround?source=probe").json();
    assert_eq!(told["notice"], picture::NOTICE);
    assert!(holds_the_scan(&told["region"]), "{told}");
    assert!(told["confidence"].as_f64().unwrap() > 0.8, "{told}");
    assert_eq!(told["picture"], json!({"width": 320, "height": 240}));
    // Nothing has changed by it.
    assert_eq!(picture_size(&scene), told["picture"]);
    let listed = scene.server.get("/v1/sources").json();
    assert!(listed["sources"][0]["region"].is_null());
    assert!(listed["sources"][0]["proposed_region"].is_null());

    let shown = scene.server.get(told["preview"].as_str().unwrap());
    assert_eq!(
        (shown.status, shown.header("content-type")),
        (200, Some("image/jpeg"))
    );
    let shown = decode(&shown.body, &FrameLimits::default()).unwrap();
    assert_eq!(shown.size(), [320, 240]);
    let scan = &shown.rgb()[3 * (130 * 320 + 170)..][..3];
    assert!(scan.iter().all(|value| *value > 120), "{scan:?}");

    let confirmed = post("/v1/live/region?x=90&y=70&width=160&height=120").json();
    let region = json!({"x": 90, "y": 70, "width": 160, "height": 120});
    assert_eq!(confirmed["region"], region);
    // Whatever is seen after this was cut by it.
    let seen = || scene.server.studio.find(None).unwrap().1.look();
    let is_cut = || {
        let view = seen();
        let cut = |size: [u32; 2]| assert_eq!(size, [160, 120]);
        view.picture
            .iter()
            .for_each(|picture| cut(picture.frame.size()));
        view.masked()
            .iter()
            .for_each(|masked| cut(masked.mask.size()));
        view.masked().is_some()
    };
    wait_until("a mask of the region", is_cut);
    // The preview is of the whole picture even so.
    let whole = scene.server.get("/v1/live/surround.jpg");
    let whole = decode(&whole.body, &FrameLimits::default()).unwrap();
    assert_eq!(whole.size(), [320, 240]);
    assert!(post("/v1/live/region").json()["region"].is_null());
    wait_until("the whole picture", || {
        picture_size(&scene) == told["picture"]
    });
}

#[test]
fn a_pixel_s_size_is_told_and_no_length_from_before_is_after() {
    let scene = Scene::new();
    scan(&scene);
    let post = |query: &str| {
        scene
            .server
            .post(&format!("/v1/live/scale{query}"), "", b"")
    };
    let listed = || scene.server.get("/v1/sources").json()["sources"][0]["pixel_mm"].clone();
    assert!(listed().is_null());
    for (query, status, problem) in [
        ("?pixel_mm=0", 400, "bad-query"),
        ("?pixel_mm=nan", 400, "bad-query"),
        ("?pixel_mm=1,2,3", 400, "bad-query"),
        ("?pixel=1", 400, "bad-query"),
        ("?source=nobody&pixel_mm=1", 404, "no-such-source"),
    ] {
        post(query).assert_problem(status, problem);
    }
    assert!(listed().is_null());
    for (query, expected) in [
        ("?pixel_mm=0.2,0.25", json!([0.2, 0.25])),
        ("?pixel_mm=0.5", json!([0.5, 0.5])),
        ("", json!(null)),
    ] {
        assert_eq!(post(query).json()["pixel_mm"], expected);
        assert_eq!(listed(), expected);
        let session = scene.server.studio.find(None).unwrap().1;
        let scale = session.scale();
        // From now on no mask has another.
        wait_until("a mask of this scale", || {
            let view = session.look();
            (view.masked().iter()).for_each(|masked| assert_eq!(masked.scale, scale));
            view.masked().is_some()
        });
    }
}

#[test]
fn a_region_that_is_none_is_refused_and_nothing_changes() {
    let scene = Scene::new();
    let post = |path: &str| scene.server.post(path, "", b"");
    let region = "x=90&y=70&width=160&height=120";
    post(&format!("/v1/live/region?{region}")).assert_problem(409, "no-picture");
    scan(&scene);
    for (query, status, problem) in [
        ("x=1&y=2&width=40", 400, "bad-query"),
        ("x=1&y=2&width=40&height=-3", 400, "bad-query"),
        ("x=300&y=0&width=40&height=40", 422, "bad-region"),
        ("x=4294967295&y=0&width=2&height=40", 422, "bad-region"),
        ("x=0&y=0&width=3&height=40", 422, "bad-region"),
        ("x=0&y=0&width=0&height=40", 422, "bad-region"),
        ("source=nobody", 404, "no-such-source"),
    ] {
        post(&format!("/v1/live/region?{query}")).assert_problem(status, problem);
    }
    scene
        .server
        .get("/v1/live/surround.jpg?x=300&y=0&width=40&height=40")
        .assert_problem(422, "bad-region");
    assert_eq!(picture_size(&scene), json!({"width": 320, "height": 240}));
}

#[test]
fn what_is_proposed_at_the_beginning_waits_for_a_person() {
    let scene = Scene::new();
    assert!(scene.server.studio.end("probe"));
    let spec = SessionSpec {
        opener: Arc::new(scene.puppet.clone()),
        view: SourceView {
            crop: Some(SurroundCrop::Auto),
            ..SourceView::default()
        },
        ask: Ask::new(MODALITIES[1]),
        settings: LiveSettings::default(),
    };
    scene.server.studio.begin("console", spec).unwrap();
    scan(&scene);
    let source = || scene.server.get("/v1/sources").json()["sources"][0].clone();
    wait_until("a proposal", || !source()["proposed_region"].is_null());
    let told = source();
    assert!(holds_the_scan(&told["proposed_region"]["region"]), "{told}");
    assert!(told["region"].is_null());
    assert_eq!(picture_size(&scene), json!({"width": 320, "height": 240}));
    let dismissed = scene.server.post("/v1/live/region", "", b"").json();
    assert!(dismissed["proposed_region"].is_null() && dismissed["region"].is_null());
}

#[test]
fn looking_takes_a_place_and_no_more() {
    let scene = Scene::with(ServerConfig {
        max_viewers: 1,
        ..ServerConfig::default()
    });
    scan(&scene);
    let _looking = scene.endless("/v1/live/stream.mjpeg");
    scene
        .server
        .post("/v1/live/surround", "", b"")
        .assert_problem(503, "too-many-viewers");
}

#[test]
fn cameras_are_listed_with_what_they_offer() {
    let scene = Scene::new();
    let told = scene.server.get("/v1/cameras").json();
    assert_eq!(told["notice"], picture::NOTICE);
    let [grabber, shut] = told["cameras"].as_array().unwrap().as_slice() else {
        panic!("{told}");
    };
    assert_eq!(grabber["path"], "/dev/video0");
    assert_eq!(grabber["formats"][0]["encoding"], "jpeg");
    assert!(grabber["formats"][1]["encoding"].is_null());
    assert_eq!(
        grabber["formats"][0]["sizes"][0],
        json!({"smallest": [1280, 720], "largest": [1280, 720], "step": [1, 1], "fps": [30.0, 60.0]})
    );
    assert_eq!(
        (&shut["problem"], &shut["formats"]),
        (&"permission denied".into(), &json!([]))
    );
}
