//! What the server tells about itself: models, samples, health, problems, OpenAPI, the page's headers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod support;

use espmedsam::NOTICE;
use espmedsam::engine::Readiness;
use espmedsam::http::{Kind, ServerConfig, openapi_json};
use serde_json::json;
use support::{Server, fake};

fn server() -> Server {
    Server::start(ServerConfig::default(), 8)
}

const ASK: &str = "/v1/segment?modality=ultrasound";

#[test]
fn the_catalog_lists_what_the_engine_has() {
    let server = server();
    let models = server.get("/v1/models").json();
    assert_eq!(
        (
            models["models"][0]["name"].as_str(),
            models["notice"].as_str()
        ),
        (Some("fake-64"), Some(NOTICE))
    );
    assert_eq!(
        models["models"][0]["modalities"][3]["validation"][0],
        json!({"dataset": "nothing", "dice": 0.5, "iou": 0.33})
    );
    let modalities = server.get("/v1/modalities").json();
    let names: Vec<_> = modalities["modalities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, fake::MODALITIES);
    assert_eq!(modalities["modalities"][1]["models"], json!(["fake-64"]));
    let info = server.get("/v1/info").json();
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(info["limits"]["body_bytes"], 16 << 20);
    assert_eq!(info["queue"], json!({"waiting": 0, "capacity": 8}));
}

#[test]
fn every_sample_is_a_picture_with_source_licence_and_a_known_modality() {
    let server = server();
    let list = server.get("/v1/samples").json();
    let samples = list["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 5);
    for sample in samples {
        assert!(
            fake::MODALITIES.contains(&sample["modality"].as_str().unwrap()),
            "{sample}"
        );
        assert!(
            sample["licence"].as_str().unwrap().starts_with("CC")
                && sample["source"].as_str().unwrap().len() > 10
        );
        let file = server.get(sample["url"].as_str().unwrap());
        assert_eq!(
            (file.status, file.header("content-type")),
            (200, Some("image/jpeg"))
        );
        let path = format!(
            "{}/tests/samples/{}",
            env!("CARGO_MANIFEST_DIR"),
            sample["name"].as_str().unwrap()
        );
        assert_eq!(file.body, std::fs::read(path).unwrap());
    }
    server
        .get("/samples/none.jpg")
        .assert_problem(404, "not-found");
}

#[test]
fn health_follows_the_engine() {
    let server = server();
    assert_eq!(server.get("/health/ready").json()["status"], "ready");
    server.fake.set_readiness(Readiness::Starting);
    let starting = server.get("/health/ready");
    starting.assert_problem(503, "not-ready");
    assert_eq!(starting.header("retry-after"), Some("2"));
    server.post(ASK, "", b"x").assert_problem(503, "not-ready");
    server.fake.set_readiness(Readiness::Failed(
        "weights.onnx: expected sha256 aa, found bb".into(),
    ));
    let failed = server
        .get("/health/ready")
        .assert_problem(503, "model-unusable");
    assert!(
        failed["detail"]
            .as_str()
            .unwrap()
            .contains("expected sha256 aa, found bb")
    );
    assert_eq!(server.get("/health/live").json()["status"], "live");
}

#[test]
fn the_checked_in_openapi_document_is_the_one_the_code_makes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    let generated = openapi_json().unwrap();
    if std::env::var_os("ESPMEDSAM_WRITE_OPENAPI").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        checked_in == generated,
        "docs/openapi.json is stale: run ESPMEDSAM_WRITE_OPENAPI=1 cargo test --release --test http_catalog"
    );
    assert_eq!(server().get("/openapi.json").body, generated.as_bytes());
}

#[test]
fn the_openapi_document_describes_every_route() {
    let document: serde_json::Value = serde_json::from_str(&openapi_json().unwrap()).unwrap();
    for (path, method) in [
        ("/v1/segment", "post"),
        ("/v1/modalities", "get"),
        ("/v1/models", "get"),
        ("/v1/info", "get"),
        ("/v1/samples", "get"),
        ("/samples/{name}", "get"),
        ("/health/live", "get"),
        ("/health/ready", "get"),
        ("/problems", "get"),
        ("/problems/{name}", "get"),
    ] {
        assert!(
            document["paths"][path][method]["responses"].is_object(),
            "{method} {path}"
        );
    }
    let segment = &document["paths"]["/v1/segment"]["post"];
    for kind in ["application/json", "image/png", "image/jpeg"] {
        assert!(
            segment["responses"]["200"]["content"][kind].is_object(),
            "{kind}"
        );
    }
    for kind in ["image/*", "application/octet-stream", "multipart/form-data"] {
        assert!(
            segment["requestBody"]["content"][kind].is_object(),
            "{kind}"
        );
    }
    // Every reference leads somewhere.
    let text = document.to_string();
    for target in text
        .split("#/components/schemas/")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
    {
        assert!(
            document["components"]["schemas"][target].is_object(),
            "{target}"
        );
    }
}

#[test]
fn problems_explain_themselves() {
    let server = server();
    assert_eq!(
        server.get("/problems").json().as_array().unwrap().len(),
        Kind::ALL.len()
    );
    let full = server.get("/problems/queue-full").json();
    assert_eq!(
        (full["type"].as_str(), full["status"].as_u64()),
        (Some("/problems/queue-full"), Some(503))
    );
    server
        .get("/problems/none")
        .assert_problem(404, "not-found");
}

#[test]
fn the_page_is_guarded_and_needs_nothing_from_elsewhere() {
    let reply = server().get("/");
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("access-control-allow-origin"), None);
    let policy = reply.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'sha256-") && !policy.contains("unsafe"),
        "{policy}"
    );
    let html = String::from_utf8(reply.body).unwrap();
    assert!(html.contains("not for clinical use") && html.lines().count() < 400);
    assert!(!html.contains("innerHTML") && !html.contains("http://") && !html.contains("https://"));
}
