//! The API as a well-behaved client sees it, over real sockets.
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
use espmedsam::mask::rle::Rle;
use serde_json::json;
use support::{Server, fake, picture};

fn server() -> Server {
    Server::start(ServerConfig::default(), 8)
}

const ASK: &str = "/v1/segment?modality=ultrasound";

#[test]
fn json_tells_everything_about_the_mask() {
    let (server, png) = (server(), picture(80, 50, [10, 20, 30, 5]));
    let reply = server.post(
        &format!("{ASK}&patch=true"),
        "Content-Type: image/png\r\n",
        &png,
    );
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("application/json")),
        "{reply:?}"
    );
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("vary"), Some("accept"));
    let result = reply.json();
    assert_eq!(result["notice"], NOTICE);
    assert_eq!(result["result"], "target");
    assert_eq!(
        result["model"],
        json!({"name": "fake-64", "sha256": fake::SHA256})
    );
    assert_eq!(
        result["modality"],
        json!({"name": "ultrasound", "index": 1, "label": "bright parts of ultrasound"})
    );
    assert_eq!(result["image"], json!({"width": 80, "height": 50}));
    assert_eq!(result["area"], json!({"px": 150, "fraction": 0.0375}));
    assert_eq!(
        result["bbox"],
        json!({"x": 10, "y": 20, "width": 30, "height": 5})
    );
    assert_eq!(result["confidence"], 0.875);
    // The rectangle's four corners, whatever corner comes first.
    let polygons = result["polygons"].as_array().unwrap();
    let mut corners: Vec<[u64; 2]> = serde_json::from_value(polygons[0]["outer"].clone()).unwrap();
    corners.sort_unstable();
    assert_eq!(
        (polygons.len(), corners),
        (1, vec![[10, 20], [10, 25], [40, 20], [40, 25]])
    );
    assert_eq!(polygons[0]["holes"], json!([]));
    // The run-length code leads back to the same pixels.
    assert_eq!(result["rle"]["size"], json!([50, 80]));
    let mask = Rle::from_coco_string([50, 80], result["rle"]["counts"].as_str().unwrap())
        .unwrap()
        .decode()
        .unwrap();
    let decoded = image::load_from_memory(&png).unwrap().into_luma8();
    assert_eq!(mask.pixels, decoded.into_raw());
    // The patch prompt: 8 x 8 cells, those whose centre is in the rectangle are targets.
    let logits: Vec<f64> = serde_json::from_value(result["patch"]["logits"].clone()).unwrap();
    assert_eq!(
        (result["patch"]["side"].as_u64(), logits.len()),
        (Some(8), 64)
    );
    let targets: Vec<usize> = (0..64).filter(|cell| logits[*cell] >= 0.0).collect();
    assert_eq!(
        targets,
        [25, 26, 27],
        "row 3 (centre 21), columns 1 to 3 (centres 15, 25, 35)"
    );
    for stage in [
        "queue",
        "frame",
        "preprocess",
        "encode",
        "self_prompt",
        "decode",
        "mask",
        "render",
        "total",
    ] {
        assert!(result["times_ms"][stage].is_number(), "{stage}");
    }
    assert!(
        reply
            .header("server-timing")
            .unwrap()
            .contains("encode;dur=40.000")
    );
}

#[test]
fn nothing_found_is_a_result() {
    let (server, png) = (server(), picture(40, 40, [0, 0, 0, 0]));
    let result = server.post(ASK, "", &png).json();
    assert_eq!(result["result"], "nothing-found");
    assert_eq!(result["area"]["px"], 0);
    assert_eq!(result["polygons"], json!([]));
    assert!(
        result["bbox"].is_null() && result["confidence"].is_null() && result.get("patch").is_none()
    );
    let headers = server.post(&format!("{ASK}&format=png"), "", &png);
    assert_eq!(headers.header("x-espmedsam-result"), Some("nothing-found"));
    assert_eq!(headers.header("x-espmedsam-confidence"), None);
}

#[test]
fn the_mask_png_is_the_mask_and_carries_its_essentials() {
    let (server, png) = (server(), picture(61, 37, [5, 6, 7, 8]));
    let reply = server.post(ASK, "Accept: image/png\r\n", &png);
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("image/png"))
    );
    let mask = image::load_from_memory(&reply.body).unwrap();
    assert_eq!(mask.color(), image::ColorType::L8);
    assert_eq!(mask, image::load_from_memory(&png).unwrap());
    for (name, value) in [
        ("notice", NOTICE),
        ("result", "target"),
        ("model", "fake-64"),
        ("model-sha256", fake::SHA256),
        ("modality", "ultrasound"),
        ("area-px", "56"),
        ("area-fraction", "0.024812"),
        ("confidence", "0.8750"),
    ] {
        assert_eq!(
            reply.header(&format!("x-espmedsam-{name}")),
            Some(value),
            "{name}"
        );
    }
    assert!(
        reply
            .header("server-timing")
            .unwrap()
            .contains("render;dur=")
    );
}

#[test]
fn overlays_show_the_picture_with_the_mask_upon_it() {
    let (server, png) = (server(), picture(64, 48, [16, 16, 32, 16]));
    let png_overlay = server.post(
        &format!("{ASK}&format=overlay"),
        "Accept: text/html\r\n",
        &png,
    );
    let jpeg_overlay = server.post(ASK, "Accept: image/jpeg\r\n", &png);
    for (reply, kind, format) in [
        (&png_overlay, "image/png", image::ImageFormat::Png),
        (&jpeg_overlay, "image/jpeg", image::ImageFormat::Jpeg),
    ] {
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, Some(kind)),
            "{reply:?}"
        );
        let overlay = image::load_from_memory_with_format(&reply.body, format)
            .unwrap()
            .into_rgb8();
        assert_eq!(overlay.dimensions(), (64, 48));
        let spread = |x, y| {
            let rgb = overlay.get_pixel(x, y).0;
            rgb.iter().max().unwrap() - rgb.iter().min().unwrap()
        };
        assert!(
            spread(32, 24) > 40,
            "grey picture, tinted where the mask is: {kind}"
        );
        assert!(spread(4, 4) < 10, "and left alone elsewhere: {kind}");
    }
}

#[test]
fn format_outranks_accept_and_leaves_parts_out() {
    let (server, png) = (server(), picture(40, 40, [5, 5, 9, 9]));
    for (format, has_rle, has_polygons) in [
        ("json", true, true),
        ("rle", true, false),
        ("polygons", false, true),
    ] {
        let result = server
            .post(
                &format!("{ASK}&format={format}"),
                "Accept: image/png\r\n",
                &png,
            )
            .json();
        assert_eq!(
            (
                result.get("rle").is_some(),
                result.get("polygons").is_some()
            ),
            (has_rle, has_polygons),
            "{format}"
        );
    }
    let both = server.post(
        ASK,
        "Accept: application/json;q=0.2\r\nAccept: image/png;q=0.9\r\n",
        &png,
    );
    assert_eq!(
        both.header("content-type"),
        Some("image/png"),
        "several Accept lines are one list"
    );
}

/// A form of (name, value) fields.
fn form(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend_from_slice(
            format!(
                "--edge\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n\r\n"
            )
            .as_bytes(),
        );
        body.extend_from_slice(value);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    body
}

const FORM: &str = "Content-Type: multipart/form-data; boundary=edge\r\n";

#[test]
fn multipart_carries_the_picture_and_the_wishes() {
    let (server, png) = (server(), picture(40, 40, [5, 5, 9, 9]));
    let all = form(&[
        ("modality", b"colonoscopy"),
        ("format", b"rle"),
        ("patch", b"true"),
        ("image", &png),
    ]);
    let result = server.post("/v1/segment", FORM, &all).json();
    assert_eq!(
        (
            result["modality"]["name"].as_str(),
            result["area"]["px"].as_u64()
        ),
        (Some("colonoscopy"), Some(81))
    );
    assert!(result.get("polygons").is_none() && result.get("patch").is_some());
    let mixed = server.post(
        ASK,
        FORM,
        &form(&[("image", &png), ("modality", b"ultrasound")]),
    );
    assert_eq!(mixed.status, 200);
    let torn = server.post(
        ASK,
        FORM,
        &form(&[("image", &png), ("modality", b"colonoscopy")]),
    );
    torn.assert_problem(400, "bad-multipart");
    server
        .post("/v1/segment", FORM, &form(&[("image", &png)]))
        .assert_problem(400, "missing-modality");
    server
        .post(ASK, FORM, &form(&[("modality", b"ultrasound")]))
        .assert_problem(400, "empty-picture");
    server
        .post(ASK, FORM, &form(&[("image", b"")]))
        .assert_problem(400, "empty-picture");
    server
        .post(ASK, FORM, &form(&[("image", &png), ("format", b"bmp")]))
        .assert_problem(400, "bad-multipart");
    server
        .post(ASK, FORM, &all[..all.len() / 2])
        .assert_problem(400, "bad-multipart");
    server
        .post(ASK, FORM, b"no form at all")
        .assert_problem(400, "bad-multipart");
    server
        .post(ASK, "Content-Type: multipart/form-data\r\n", &all)
        .assert_problem(400, "bad-multipart");
}

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
        "docs/openapi.json is stale: run ESPMEDSAM_WRITE_OPENAPI=1 cargo test --release --test http_api"
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
