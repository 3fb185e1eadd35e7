//! The Open Inference Protocol: what its clients send, and what they must not get away with.

mod refused;

use super::support::{ASK, Reply, Server, picture};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use espmedsam_http::ServerConfig;
use picture::NOTICE;
use picture::mask::presence::{Presence, PresenceState};
use picture::segmenter::Readiness;
use serde_json::{Value, json};

const INFER: &str = "/v2/models/ultrasound/infer";

fn server() -> Server {
    let config = ServerConfig {
        body_limit_mib: 1,
        ..ServerConfig::default()
    };
    Server::start(config, 8)
}

/// Grey pixels of 40 x 30 with a bright rectangle.
fn grey() -> Vec<u8> {
    let bright = |i: usize| (5..14).contains(&(i % 40)) && (5..14).contains(&(i / 40));
    (0..1200).map(|i| if bright(i) { 255 } else { 0 }).collect()
}

/// A request with these pixels as JSON.
fn in_json(data: impl Into<Value>) -> Value {
    json!({"inputs": [{"name": "image", "shape": [30, 40], "datatype": "UINT8", "data": data.into()}]})
}

/// A request whose input is `behind` the JSON; the length of the JSON, and the body.
fn in_binary(name: &str, datatype: &str, shape: Value, behind: &[u8]) -> (usize, Vec<u8>) {
    let parameters = json!({"binary_data_size": behind.len()});
    let input =
        json!({"name": name, "shape": shape, "datatype": datatype, "parameters": parameters});
    let json = json!({"inputs": [input], "parameters": {"binary_data_output": true}}).to_string();
    (json.len(), [json.as_bytes(), behind].concat())
}

/// One element of BYTES.
fn element(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_le_bytes(), bytes].concat()
}

fn post(server: &Server, request: &Value) -> Reply {
    server.post(INFER, "", request.to_string().as_bytes())
}

fn post_binary(server: &Server, json: impl std::fmt::Display, body: &[u8]) -> Reply {
    let header = format!("Inference-Header-Content-Length: {json}\r\n");
    server.post(INFER, &header, body)
}

/// The output of that name.
fn output<'a>(reply: &'a Value, name: &str) -> &'a Value {
    let mut outputs = reply["outputs"].as_array().unwrap().iter();
    outputs.rfind(|one| one["name"] == name).unwrap()
}

fn mask(reply: &Value) -> Vec<u8> {
    let data = output(reply, "mask")["data"].as_array().unwrap().iter();
    data.map(|v| u8::try_from(v.as_u64().unwrap()).unwrap())
        .collect()
}

/// Asserts that this is that problem, as the protocol says errors.
#[track_caller]
fn assert_error(reply: &Reply, status: u16, name: &str) -> String {
    let json = reply.json();
    let error = json["error"].as_str().unwrap_or_default();
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (status, Some("application/json")),
        "{reply:?}"
    );
    assert!(error.contains(&format!("/problems/{name})")), "{json}");
    assert_eq!(
        (json["type"].as_str(), json["notice"].as_str()),
        (Some(format!("/problems/{name}").as_str()), Some(NOTICE))
    );
    assert_eq!(
        reply.header("content-length"),
        Some(reply.body.len().to_string().as_str())
    );
    error.to_owned()
}

#[test]
fn pixels_in_json_flat_or_nested_have_the_mask_of_the_picture() {
    let server = server();
    let nested: Vec<Vec<u8>> = grey().chunks(40).map(<[u8]>::to_vec).collect();
    for request in [in_json(grey()), in_json(nested)] {
        let reply = post(&server, &request);
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, Some("application/json")),
            "{reply:?}"
        );
        assert_eq!(reply.header("inference-header-content-length"), None);
        let reply = reply.json();
        assert_eq!(
            (&reply["model_name"], &reply["model_version"]),
            (&json!("ultrasound"), &json!("1"))
        );
        assert_eq!(output(&reply, "mask")["shape"], json!([30, 40]));
        assert_eq!(mask(&reply), grey());
        assert_eq!(output(&reply, "area_px")["data"], json!([81]));
        assert_eq!(output(&reply, "confidence")["data"], json!([0.875]));
        assert_eq!(
            output(&reply, "presence"),
            &json!({"name": "presence", "datatype": "FP32", "shape": [0], "data": []})
        );
        assert_eq!(output(&reply, "logits")["shape"], json!([16, 16]));
        let said = &reply["parameters"];
        assert_eq!(
            (&said["notice"], &said["result"]),
            (&json!(NOTICE), &json!("target"))
        );
        assert_eq!(
            (&said["modality_check"], &said["model"]),
            (&json!("match"), &json!("fake-64"))
        );
    }
}

#[test]
fn binary_data_of_either_input_has_the_mask_that_v1_gives() {
    let server = server();
    let png = picture(40, 30, [5, 5, 9, 9]);
    let v1 = server.post(&format!("{ASK}&format=png"), "", &png).body;
    let v1 = image::load_from_memory(&v1).unwrap().to_luma8().into_raw();
    let rgb: Vec<u8> = grey().iter().flat_map(|v| [*v; 3]).collect();
    for (length, body) in [
        in_binary("image", "UINT8", json!([30, 40]), &grey()),
        in_binary("image", "UINT8", json!([30, 40, 3]), &rgb),
        in_binary("file", "BYTES", json!([1]), &element(&png)),
    ] {
        let reply = post_binary(&server, length, &body);
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, Some("application/octet-stream")),
            "{reply:?}"
        );
        let json = reply
            .header("inference-header-content-length")
            .unwrap()
            .parse()
            .unwrap();
        let (told, behind) = reply.body.split_at(json);
        let told: Value = serde_json::from_slice(told).unwrap();
        let sizes: Vec<u64> = (told["outputs"].as_array().unwrap().iter())
            .map(|one| one["parameters"]["binary_data_size"].as_u64().unwrap())
            .collect();
        // The mask, 16 x 16 logits, a confidence, no presence, the area.
        assert_eq!(sizes, [1200, 1024, 4, 0, 8]);
        assert_eq!(behind.len() as u64, sizes.iter().sum::<u64>());
        assert_eq!(behind[..1200], v1);
        assert_eq!(behind[2224..2228], 0.875_f32.to_le_bytes());
        assert_eq!(behind[2228..], 81_i64.to_le_bytes());
        assert!(told["outputs"][0].get("data").is_none());
    }
    let file = json!({"id": "7", "inputs": [{"name": "file", "shape": [1], "datatype": "BYTES", "data": [STANDARD.encode(&png)]}],
        "outputs": [{"name": "area_px"}, {"name": "mask"}]});
    let reply = post(&server, &file).json();
    assert_eq!((mask(&reply), &reply["id"]), (v1, &json!("7")));
    assert_eq!(reply["outputs"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_doubted_is_said_with_the_mask_and_a_mismatch_has_none() {
    let server = server();
    let mut request = in_json(grey());
    server.fake.says_presence(Some(Presence {
        score: 0.4,
        state: PresenceState::Unsure,
    }));
    let unsure = post(&server, &request).json();
    assert_eq!(
        (
            &unsure["parameters"]["presence"],
            &unsure["parameters"]["warnings"]
        ),
        (&json!("unsure"), &json!("presence-unsure"))
    );
    assert_eq!(mask(&unsure), grey());
    // Nothing is there: neither in the mask nor in what one could be drawn from.
    server.fake.says_presence(Some(Presence {
        score: 0.125,
        state: PresenceState::Absent,
    }));
    let absent = post(&server, &request).json();
    assert_eq!(
        (
            &absent["parameters"]["result"],
            &absent["parameters"]["presence"]
        ),
        (&json!("nothing-found"), &json!("absent"))
    );
    assert_eq!(mask(&absent), [0; 1200]);
    assert_eq!(
        (
            &output(&absent, "logits")["shape"],
            &output(&absent, "logits")["data"]
        ),
        (&json!([0, 0]), &json!([]))
    );
    assert_eq!(output(&absent, "confidence")["shape"], json!([0]));
    assert_eq!(output(&absent, "presence")["data"], json!([0.125]));
    server.fake.says_presence(None);
    // A first pixel in pure red is of another kind.
    let mut red = vec![0; 3600];
    red[0] = 255;
    request["inputs"][0]["shape"] = json!([30, 40, 3]);
    request["inputs"][0]["data"] = json!(red);
    let refused = post(&server, &request);
    assert_error(&refused, 422, "modality-mismatch");
    assert_eq!(refused.json()["modality_check"]["likeliest"], "other");
    request["parameters"] = json!({"on_mismatch": "keep"});
    let kept = post(&server, &request).json();
    assert_eq!(kept["parameters"]["modality_check"], "modality-mismatch");
    assert!(
        kept["parameters"]["doubts"]
            .as_str()
            .unwrap()
            .contains("does not look like")
    );
}

#[test]
fn what_is_there_is_told_with_the_notice() {
    let server = server();
    for (path, key, value) in [
        ("/v2", "extensions", json!(["binary_tensor_data"])),
        ("/v2/", "name", json!("espmedsam")),
        ("/v2/health/live", "live", json!(true)),
        ("/v2/health/ready", "ready", json!(true)),
        ("/v2/models/ultrasound/ready", "ready", json!(true)),
        (
            "/v2/models/fake-64.ultrasound/versions/1/ready",
            "name",
            json!("fake-64.ultrasound"),
        ),
        ("/v2/models/ultrasound", "versions", json!(["1"])),
        (
            "/v2/models/ultrasound/versions/1",
            "name",
            json!("ultrasound"),
        ),
    ] {
        let told = server.get(path).json();
        assert_eq!(
            (&told[key], &told["parameters"]["notice"]),
            (&value, &json!(NOTICE)),
            "{path}: {told}"
        );
    }
    let model = server.get("/v2/models/fake-64.dermoscopy").json();
    assert_eq!(
        model["inputs"][0],
        json!({"name": "image", "datatype": "UINT8", "shape": [-1, -1, 3]})
    );
    assert_eq!(
        (
            &model["parameters"]["max_batch_size"],
            &model["parameters"]["model"]
        ),
        (&json!(1), &json!("fake-64"))
    );
    // What metadata promises is what comes.
    let reply = post(&server, &in_json(grey())).json();
    let kinds = |list: &Value| -> Vec<(Value, Value)> {
        let list = list.as_array().unwrap().iter();
        list.map(|one| (one["name"].clone(), one["datatype"].clone()))
            .collect()
    };
    assert_eq!(kinds(&model["outputs"]), kinds(&reply["outputs"]));
}

#[test]
fn the_repository_lists_what_can_be_asked_and_is_not_changed() {
    let server = server();
    let index = server.post("/v2/repository/index", "", b"").json();
    let names: Vec<_> = index
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 2 * testing::fake::MODALITIES.len());
    for name in names {
        assert_eq!(
            server.get(&format!("/v2/models/{name}")).status,
            200,
            "{name}"
        );
    }
    assert_eq!(
        (&index[0]["state"], &index[0]["parameters"]["notice"]),
        (&json!("READY"), &json!(NOTICE))
    );
    let load = |body: &[u8]| server.post("/v2/repository/models/ultrasound/load", "", body);
    assert_eq!(
        load(b"{}").json()["parameters"],
        json!({"notice": NOTICE, "in_memory": true})
    );
    assert_error(
        &load(br#"{"parameters": {"config": "{}"}}"#),
        403,
        "models-fixed",
    );
    assert_error(&load(b"{"), 400, "bad-inference");
    let unload =
        |name: &str| server.post(&format!("/v2/repository/models/{name}/unload"), "", b"{}");
    assert_error(&unload("ultrasound"), 403, "models-fixed");
    assert_error(&unload("none"), 404, "no-such-model");
    server.fake.set_readiness(Readiness::Starting);
    assert_eq!(
        server
            .post("/v2/repository/index", "", br#"{"ready": true}"#)
            .json(),
        json!([])
    );
    let index = server.post("/v2/repository/index", "", b"{}").json();
    assert_eq!(index[0]["state"], "UNAVAILABLE");
    for path in ["/v2/health/ready", "/v2/models/ultrasound/ready"] {
        assert_error(&server.get(path), 503, "not-ready");
    }
    assert_error(&post(&server, &in_json(grey())), 503, "not-ready");
}
