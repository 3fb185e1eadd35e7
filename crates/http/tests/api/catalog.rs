//! What the server tells about itself: models, samples, health, problems, OpenAPI, the page's headers.

use super::support::{ASK, Server, picture};
use espmedsam_http::{Kind, ServerConfig, openapi_json};
use picture::NOTICE;
use picture::segmenter::Readiness;
use serde_json::json;

fn server() -> Server {
    Server::start(ServerConfig::default(), 8)
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
    assert_eq!(names, testing::fake::MODALITIES);
    assert_eq!(modalities["modalities"][1]["models"], json!(["fake-64"]));
    let info = server.get("/v1/info").json();
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(info["limits"]["body_bytes"], 16 << 20);
    assert_eq!(
        info["image"],
        json!({"max_pixels": 24_000_000, "min_side": 16, "max_memory_mib": 128})
    );
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
            testing::fake::MODALITIES.contains(&sample["modality"].as_str().unwrap()),
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
        let path = testing::repository("tests/samples").join(sample["name"].as_str().unwrap());
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
    let reason = "an engine thread has been at one picture for 121 s";
    server.fake.set_readiness(Readiness::Stuck(reason.into()));
    let stuck = server.get("/health/ready");
    let stuck = stuck.assert_problem(503, "engine-stuck");
    assert!(stuck["detail"].as_str().unwrap().contains("121 s"));
    server
        .post(ASK, "", b"x")
        .assert_problem(503, "engine-stuck");
    assert_eq!(server.get("/health/live").json()["status"], "live");
}

#[test]
fn the_checked_in_openapi_document_is_the_one_the_code_makes() {
    let path = &testing::repository("docs/openapi.json");
    let generated = openapi_json().unwrap();
    if std::env::var_os("ESPMEDSAM_WRITE_OPENAPI").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        checked_in == generated,
        "docs/openapi.json is stale: run make openapi"
    );
    assert_eq!(server().get("/openapi.json").body, generated.as_bytes());
}

#[test]
fn the_bill_of_materials_is_the_one_that_is_checked_in() {
    let reply = server().get("/v1/sbom");
    let kind = reply.header("content-type").unwrap();
    assert_eq!(kind, "application/vnd.cyclonedx+json; version=1.6");
    let checked_in = std::fs::read(testing::repository("docs/sbom.cdx.json")).unwrap();
    assert_eq!(reply.body, checked_in);
    assert_eq!(reply.json()["bomFormat"], "CycloneDX");
    // A crate of another version than the lock's would be one that is not in the program.
    let lock = std::fs::read_to_string(testing::repository("Cargo.lock")).unwrap();
    let parts = reply.json()["components"].as_array().unwrap().clone();
    let crates = parts.iter().filter(|part| part["type"] == "library");
    for part in crates {
        let [name, version] = ["name", "version"].map(|key| part[key].as_str().unwrap());
        let entry = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        assert!(lock.contains(&entry), "{name} {version}: run make sbom");
    }
}

#[test]
fn the_openapi_document_describes_every_route() {
    let document: serde_json::Value = serde_json::from_str(&openapi_json().unwrap()).unwrap();
    for (path, method) in [
        ("/v1/segment", "post"),
        ("/v1/modalities", "get"),
        ("/v1/models", "get"),
        ("/v1/info", "get"),
        ("/v1/sbom", "get"),
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
    for kind in [
        "application/json",
        "image/png",
        "image/jpeg",
        "application/dicom",
    ] {
        assert!(
            segment["responses"]["200"]["content"][kind].is_object(),
            "{kind}"
        );
    }
    for kind in [
        "image/*",
        "application/dicom",
        "application/octet-stream",
        "multipart/form-data",
    ] {
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
fn every_documented_wish_is_taken_in_the_query_and_in_the_form() {
    let document: serde_json::Value = serde_json::from_str(&openapi_json().unwrap()).unwrap();
    let parameters = document["paths"]["/v1/segment"]["post"]["parameters"].as_array();
    let mut query: Vec<_> = parameters
        .unwrap()
        .iter()
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect();
    query.sort_unstable();
    let form = document["components"]["schemas"]["SegmentForm"]["properties"].as_object();
    let form: Vec<_> = form
        .unwrap()
        .keys()
        .filter(|name| *name != "image")
        .collect();
    assert_eq!(query, form);

    let (server, png) = (server(), picture(40, 40, [5, 5, 9, 9]));
    let part = |name: &str, value: &[u8]| {
        let head = format!("--e\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        [head.as_bytes(), value, b"\r\n"].concat()
    };
    for name in query {
        let value = match name {
            "modality" => "ultrasound",
            "model" => "fake-64",
            "on_mismatch" => "keep",
            "format" => "rle",
            "patch" => "true",
            "pixel_mm" => "0.138,0.2",
            "sizes" => "true",
            "caliper" => "0,0,9.5,9",
            "page" => "1",
            // Of DICOM alone.
            "frames" | "window" => continue,
            "region" => "4,4,30,30",
            "identity" => "kept",
            new => panic!("documented, and not tried here: {new}"),
        };
        let rest = if name == "modality" {
            ""
        } else {
            "modality=ultrasound&"
        };
        let in_query = server.post(&format!("/v1/segment?{rest}{name}={value}"), "", &png);
        assert_eq!(in_query.status, 200, "{name}: {}", in_query.json());
        let body = [
            part("image", &png),
            part(name, value.as_bytes()),
            b"--e--\r\n".to_vec(),
        ];
        let in_form = server.post(
            &format!("/v1/segment?{rest}"),
            "Content-Type: multipart/form-data; boundary=e\r\n",
            &body.concat(),
        );
        assert_eq!(in_form.status, 200, "{name}: {}", in_form.json());
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_how_it_fails() {
    let document: serde_json::Value = serde_json::from_str(&openapi_json().unwrap()).unwrap();
    let mut names = std::collections::HashSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{name} is twice");
            for status in ["4XX", "5XX"] {
                let problem = &operation["responses"][status]["content"];
                // Below /v2 an error is as the Open Inference Protocol has it.
                let kind = match path.starts_with("/v2") {
                    true => "application/json",
                    false => "application/problem+json",
                };
                assert!(problem[kind].is_object(), "{path}");
            }
        }
    }
    assert_eq!(names.len(), 48);
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

#[test]
fn the_viewer_is_guarded_and_all_its_files_are_served() {
    let server = server();
    let page = server.get("/live");
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'") && !policy.contains("unsafe"),
        "{policy}"
    );
    let folder = testing::repository("crates/http/src/page/live");
    let mut served = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().count() < 300, "{name}");
        assert!(
            !text.contains("innerHTML") && !text.contains("://"),
            "{name}"
        );
        let kind = match path.extension().unwrap().to_str().unwrap() {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            _ => continue,
        };
        let reply = server.get(&format!("/live/{name}"));
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, Some(kind))
        );
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.body, text.as_bytes(), "{name}");
        served += 1;
    }
    assert!(served > 5);
    let html = String::from_utf8(page.body).unwrap();
    assert!(html.contains(picture::NOTICE) && !html.contains("%NOTICE%"));
    server
        .get("/live/live.html")
        .assert_problem(404, "not-found");
}
