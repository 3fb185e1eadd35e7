//! What is refused, and how it is said.

use super::super::support::{Server, good, wait_until};
use super::{INFER, assert_error, element, grey, in_binary, in_json, post, post_binary, server};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use espmedsam_http::{Kind, ServerConfig};
use serde_json::{Value, json};

#[test]
fn errors_are_the_protocol_s_below_v2_and_problems_elsewhere() {
    let server = server();
    assert_error(&server.get("/v2/models/none"), 404, "no-such-model");
    assert_error(
        &server.get("/v2/models/ultrasound/versions/2"),
        404,
        "no-such-model",
    );
    assert_error(&server.get("/v2/models/%ff"), 404, "no-such-model");
    assert_error(&server.get("/v2/segment"), 404, "not-found");
    let wrong = server.get(INFER);
    assert_error(&wrong, 405, "method-not-allowed");
    assert_eq!(wrong.header("allow"), Some("POST"));
    let reply = server.post("/v2/models/none/infer", "", &[7; 100_000]);
    assert_error(&reply, 404, "no-such-model");
    let elsewhere = server.post(INFER, "Origin: https://evil.example\r\n", b"{}");
    assert_error(&elsewhere, 403, "cross-site");
    assert_error(
        &server.post(INFER, "Content-Encoding: gzip\r\n", b"{}"),
        415,
        "compressed-body",
    );
    assert_error(
        &server.post(INFER, "", &vec![b' '; (1 << 20) + 1]),
        413,
        "body-too-large",
    );
    server.fake.break_models(true);
    assert_error(&server.get("/v2/models/ultrasound"), 500, "internal");
    server.fake.break_models(false);
    server.get("/v20").assert_problem(404, "not-found");
    // Counted as any other.
    let metrics = String::from_utf8(server.get("/metrics").body).unwrap();
    let counted = metrics.lines().any(|line| {
        line.contains(r#"route="/v2/models/{name}/infer""#)
            && line.contains(r#"problem="compressed-body""#)
    });
    assert!(counted, "{metrics}");
}

#[test]
fn a_full_queue_answers_at_once() {
    let server = Server::start(
        ServerConfig {
            max_in_flight: 1,
            ..ServerConfig::default()
        },
        8,
    );
    server.fake.slow(600);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| post(&server, &in_json(grey())).status);
        wait_until("the first is at work", || server.fake.counts().0 == 1);
        let second = post(&server, &in_json(grey()));
        assert_error(&second, 503, "queue-full");
        assert_eq!(second.header("retry-after"), Some("1"));
        assert_eq!(first.join().unwrap(), 200);
    });
}

#[test]
fn requests_that_say_one_thing_and_hold_another_are_refused() {
    let server = server();
    let image = |changes: Value| {
        let mut request = in_json(grey());
        for (key, value) in changes.as_object().unwrap() {
            request["inputs"][0][key] = value.clone();
        }
        request
    };
    let with = |key: &str, value: Value| {
        let mut request = in_json(grey());
        request[key] = value;
        request
    };
    let file = |data: Value| json!({"inputs": [{"name": "file", "shape": [1], "datatype": "BYTES", "data": data}]});
    let nested = (0..5).fold(json!(grey()), |inner, _| json!([inner]));
    let many = vec![json!({"name": "mask"}); 17];
    for (request, word) in [
        (json!([]), "JSON"),
        (json!({}), "inputs"),
        (json!({"inputs": []}), "one input"),
        (
            json!({"inputs": vec![image(json!({}))["inputs"][0].clone(); 2]}),
            "one input",
        ),
        (image(json!({"name": "picture"})), "'picture'"),
        (image(json!({"datatype": "FP32"})), "'FP32'"),
        (
            image(json!({"shape": [30, 41]})),
            "1200 values; its shape asks for 1230",
        ),
        (image(json!({"shape": [30, 40, 3]})), "asks for 3600"),
        (image(json!({"shape": [1, 30, 40, 3]})), "without a batch"),
        (image(json!({"shape": [-30, -40]})), "length in pixels"),
        (image(json!({"shape": vec![1; 17]})), "at most 16"),
        (image(json!({"data": nested})), "deeper than 4"),
        (image(json!({"data": [256]})), "256 is no UINT8"),
        (image(json!({"data": [-1]})), "0 to 255"),
        (image(json!({"data": [0.5]})), "0 to 255"),
        (image(json!({"data": 7})), "array"),
        (image(json!({"data": ["text"]})), "text"),
        (image(json!({"data": null})), "neither"),
        (
            image(json!({"parameters": {"binary_data_size": 1200}})),
            "0 bytes follow",
        ),
        (
            image(json!({"parameters": {"shared_memory_region": "x"}})),
            "shared_memory_region",
        ),
        (with("parameters", json!({"sequence_id": 3})), "sequence_id"),
        (
            with("parameters", json!({"on_mismatch": "ignore"})),
            "refuse or keep",
        ),
        (with("parameters", json!({"page": 2})), "`page`"),
        (with("parameters", json!({"region": "1"})), "region"),
        (
            with("parameters", json!({"binary_data_output": "yes"})),
            "true or false",
        ),
        (with("parameters", json!({"page": [1]})), "a parameter"),
        (with("outputs", json!([{"name": "volume"}])), "'volume'"),
        (
            with("outputs", json!([{"name": "mask"}, {"name": "mask"}])),
            "twice",
        ),
        (with("outputs", json!(many)), "at most 16"),
        (with("id", json!("x".repeat(257))), "256 letters"),
        (file(json!(["no base64!"])), "base64"),
        (file(json!(["", ""])), "more than one text"),
        (file(json!([7])), "one text"),
    ] {
        let error = assert_error(&post(&server, &request), 400, "bad-inference");
        assert!(error.contains(word), "{word}: {error}");
    }
    assert_error(
        &post(&server, &image(json!({"shape": [40_000, 40_000]}))),
        422,
        "picture-too-large",
    );
    assert_error(
        &post(&server, &image(json!({"shape": [1, 1200]}))),
        422,
        "picture-too-small",
    );
    assert_error(
        &post(&server, &file(json!([STANDARD.encode(b"Dear sirs")]))),
        415,
        "not-a-picture",
    );
    assert_error(&post(&server, &file(json!([""]))), 400, "empty-picture");
    assert_error(
        &post(&server, &with("parameters", json!({"region": "0,0,90,90"}))),
        422,
        "bad-region",
    );
    for text in [
        &b"{"[..],
        b"",
        b"\xff",
        b"{\"inputs\": [}",
        br#"{"inputs":[],"inputs":[]}"#,
    ] {
        assert_error(&server.post(INFER, "", text), 400, "bad-inference");
    }
    // Brackets without end cost no stack and no time.
    assert_error(
        &server.post(INFER, "", &vec![b'['; 1 << 20]),
        400,
        "bad-inference",
    );
    let deep = [br#"{"inputs":[],"other":"#.as_slice(), &vec![b'['; 1 << 19]].concat();
    assert_error(&server.post(INFER, "", &deep), 400, "bad-inference");
    server.assert_serves();
}

#[test]
fn lengths_that_lie_are_refused() {
    let server = server();
    let (json, body) = in_binary("image", "UINT8", json!([30, 40]), &grey());
    for length in [
        0,
        json - 1,
        json + 1,
        body.len(),
        body.len() + 1,
        usize::MAX,
    ] {
        assert_error(&post_binary(&server, length, &body), 400, "bad-inference");
    }
    for length in ["", "-1", "+5", "1e3", "99999999999999999999999", "12 13"] {
        let error = assert_error(&post_binary(&server, length, &body), 400, "bad-inference");
        assert!(error.contains("not one length"), "{length}: {error}");
    }
    let twice = format!("Inference-Header-Content-Length: {json}\r\n").repeat(2);
    assert_error(&server.post(INFER, &twice, &body), 400, "bad-inference");
    // Without the header all of it is to be JSON.
    assert_error(&server.post(INFER, "", &body), 400, "bad-inference");
    for cut in [1, 600, 1199] {
        assert_error(
            &post_binary(&server, json, &body[..body.len() - cut]),
            400,
            "bad-inference",
        );
    }
    assert_error(
        &post_binary(&server, json, &[&body[..], b"more"].concat()),
        400,
        "bad-inference",
    );
    let png = good();
    for lie in [
        png.clone(),
        [&element(&png)[..], &element(&png)].concat(),
        [&u32::MAX.to_le_bytes()[..], &png].concat(),
        vec![1, 0, 0],
        Vec::new(),
    ] {
        let (json, body) = in_binary("file", "BYTES", json!([1]), &lie);
        let error = assert_error(&post_binary(&server, json, &body), 400, "bad-inference");
        assert!(error.contains("one element"), "{error}");
    }
    let mut both = in_json(grey());
    both["inputs"][0]["parameters"] = json!({"binary_data_size": 1200});
    let text = both.to_string();
    let reply = post_binary(&server, text.len(), &[text.as_bytes(), &grey()].concat());
    assert!(assert_error(&reply, 400, "bad-inference").contains("`data` and a"));
    assert_eq!(post_binary(&server, json, &body).status, 200);
}

#[test]
fn its_problems_are_listed_with_all_others() {
    let server = server();
    for kind in [Kind::BadInference, Kind::NoSuchModel, Kind::ModelsFixed] {
        let told = server.get(&format!("/problems/{}", kind.name())).json();
        assert_eq!(told["status"], kind.status().as_u16());
    }
}
