//! What the OpenAPI document says that a value may be, it may be, and nothing else: read from the document, tried at a server.

use std::io::{BufRead, BufReader, Write};

use espmedsam_http::{ServerConfig, openapi_json};
use serde_json::{Map, Value, json};

use super::live::Scene;
use super::support::{Server, good};

fn document() -> Value {
    serde_json::from_str(&openapi_json().unwrap()).unwrap()
}

/// A schema itself, where it is one of another name, or null.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(either) = schema["oneOf"].as_array() {
        let other = either.iter().find(|one| one["type"] != "null").unwrap();
        return resolved(document, other);
    }
    match schema["$ref"].as_str() {
        Some(name) => {
            let named = document.pointer(name.trim_start_matches('#'));
            resolved(document, named.unwrap())
        }
        None => schema,
    }
}

/// What may be in an object of that schema: each member's own schema.
fn members(document: &Value, schema: &Value) -> Map<String, Value> {
    let members = schema["properties"].as_object().unwrap().iter();
    members
        .map(|(name, schema)| (name.clone(), resolved(document, schema).clone()))
        .collect()
}

/// Texts that a schema allows just so, and texts that it just does not allow.
fn edges(schema: &Value) -> [Vec<String>; 2] {
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for (bound, beyond) in [("minimum", -1.0), ("maximum", 1.0)] {
        if let Some(edge) = schema[bound].as_f64() {
            inside.push(edge.to_string());
            outside.push((edge + beyond).to_string());
        }
    }
    if let Some(words) = schema["enum"].as_array() {
        inside.extend(words.iter().map(|word| match word.as_str() {
            Some(word) => word.to_owned(),
            None => word.to_string(),
        }));
        outside.push("1234".to_owned());
    }
    [inside, outside]
}

/// The status alone: what follows may have no end.
fn status(server: &Server, method: &str, address: &str) -> u16 {
    let mut stream = server.connect();
    let host = server.addr;
    let head = format!("{method} {address} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn parameters_are_taken_within_what_is_documented_and_not_beyond() {
    let scene = Scene::with(ServerConfig {
        max_viewers: 1000,
        ..ServerConfig::default()
    });
    scene.play();
    // What a parameter needs beside it.
    let beside = [("x", 0), ("y", 0), ("width", 32), ("height", 32)];
    let (document, mut tried) = (document(), Vec::new());
    for (path, methods) in document["paths"].as_object().unwrap() {
        let live = path.starts_with("/v1/live/") && !path.contains('{');
        for (method, operation) in methods.as_object().unwrap().iter().filter(|_| live) {
            let parameters = operation["parameters"].as_array();
            let parameters: Vec<_> = parameters.into_iter().flatten().collect();
            let is_region = parameters.iter().any(|one| one["name"] == "height");
            for parameter in &parameters {
                let name = parameter["name"].as_str().unwrap();
                let ask = |value: &str| {
                    let rest = beside
                        .iter()
                        .filter(|(other, _)| is_region && *other != name);
                    let rest: String = rest
                        .map(|(other, value)| format!("&{other}={value}"))
                        .collect();
                    status(
                        &scene.server,
                        &method.to_uppercase(),
                        &format!("{path}?{name}={value}{rest}"),
                    )
                };
                let [inside, outside] = edges(&parameter["schema"]);
                for value in &inside {
                    let status = ask(value);
                    // How small a region may be to be segmented is the configuration's to say.
                    let small = path == "/v1/live/region" && status == 422;
                    let taken = [101, 200, 426].contains(&status) || small;
                    assert!(taken, "{method} {path}?{name}={value}: {status}");
                }
                for value in &outside {
                    let status = ask(value);
                    let refused = [400, 422].contains(&status);
                    assert!(refused, "{method} {path}?{name}={value}: {status}");
                }
                if !inside.is_empty() {
                    tried.push(format!("{path} {name}"));
                }
            }
        }
    }
    for known in [
        "/v1/live/stream.mjpeg width",
        "/v1/live/latest.jpg raw",
        "/v1/live/latest.json mask",
        "/v1/live/events mask",
        "/v1/live/ws mask",
        "/v1/live/y4m rate",
        "/v1/live/surround.jpg height",
        "/v1/live/region width",
    ] {
        assert!(tried.iter().any(|one| one == known), "{known}: {tried:?}");
    }
}

#[test]
fn names_in_addresses_are_those_that_are_documented() {
    let server = Server::start(ServerConfig::default(), 8);
    let document = document();
    for (path, count) in [
        ("/samples/{name}", 5),
        ("/problems/{name}", espmedsam_http::Kind::ALL.len()),
        ("/v2/models/ultrasound/versions/{version}", 1),
    ] {
        let described = path.replace("ultrasound", "{name}");
        let parameters = document["paths"][&described]["get"]["parameters"].as_array();
        let parameter = parameters.unwrap().last().unwrap();
        let [inside, outside] = edges(&parameter["schema"]);
        assert_eq!(inside.len(), count, "{path}");
        let address = path.split('{').next().unwrap();
        for name in inside {
            assert_eq!(
                status(&server, "GET", &format!("{address}{name}")),
                200,
                "{name}"
            );
        }
        for name in outside {
            assert_eq!(
                status(&server, "GET", &format!("{address}{name}")),
                404,
                "{name}"
            );
        }
    }
}

/// What a source is described by at least, with these members more.
fn source(more: Value) -> Value {
    let mut least =
        json!({"name": "probe", "modality": "ultrasound", "source": {"kind": "pipe", "path": "-"}});
    let more = more.as_object().unwrap().clone();
    least.as_object_mut().unwrap().extend(more);
    least
}

/// Whether a source may be begun so; it is ended again.
fn begins(server: &Server, described: &Value) -> bool {
    let json = "Content-Type: application/json\r\n";
    let reply = server.post("/v1/sources", json, described.to_string().as_bytes());
    match reply.status {
        201 => {
            let name = described["name"].as_str().unwrap();
            assert!(server.studio.end(name));
            true
        }
        _ => {
            reply.assert_problem(400, "bad-source");
            false
        }
    }
}

/// A value that a property's schema allows.
fn value_of(name: &str, schema: &Value) -> Value {
    match (name, edges(schema)[0].first()) {
        (_, Some(edge)) => serde_json::from_str(edge).unwrap_or_else(|_| edge.as_str().into()),
        ("size", _) => json!([64, 48]),
        ("url", _) => "http://camera/video".into(),
        ("address", _) => "plus:18944".into(),
        ("pixel_mm", _) => "0.2".into(),
        ("loop" | "steady" | "mirror", _) => false.into(),
        (name, _) => name.into(),
    }
}

#[test]
fn a_source_is_described_as_the_document_says() {
    let server = Server::start(ServerConfig::default(), 8);
    let document = document();
    let of = |name: &str| members(&document, &document["components"]["schemas"][name]);
    let spec = of("SourceDescription");
    let all: Map<String, Value> = spec
        .iter()
        .filter(|(name, _)| !["source", "view", "modality"].contains(&name.as_str()))
        .map(|(name, schema)| (name.clone(), value_of(name, schema)))
        .collect();
    assert!(begins(&server, &source(all.into())));
    let mut bounded = 0;
    for (name, schema) in &spec {
        let [inside, outside] = edges(schema);
        for (values, taken) in [(inside, true), (outside, false)] {
            for value in values {
                let value: Value = serde_json::from_str(&value).unwrap();
                let described = source(json!({name: value}));
                assert_eq!(begins(&server, &described), taken, "{described}");
                bounded += 1;
            }
        }
    }
    assert_eq!(bounded, 4 * 5, "five have a least and a most");
    assert!(!begins(&server, &source(json!({"colour": "red"}))));

    assert_eq!(spec["name"]["pattern"], "^[A-Za-z0-9_-]{1,64}$");
    let long = "a".repeat(64);
    for (name, taken) in [
        (long.as_str(), true),
        ("A-z_0", true),
        (&(long.clone() + "a"), false),
        ("", false),
        ("a b", false),
        ("ä", false),
    ] {
        let described = source(json!({"name": name}));
        assert_eq!(begins(&server, &described), taken, "{name}");
    }

    let view = of("SourceView");
    let region = json!({"x": 0, "y": 0, "width": 64, "height": 64});
    assert!(begins(
        &server,
        &source(json!({"view": {"region": region, "mirror": true, "crop": "auto"}}))
    ));
    let [turned, otherwise] = edges(&view["rotate"]);
    assert_eq!(turned, ["0", "90", "180", "270"]);
    for (turns, taken) in [(turned, true), (otherwise, false)] {
        for turn in turns {
            let turn: Value = serde_json::from_str(&turn).unwrap();
            let described = source(json!({"view": {"rotate": turn}}));
            assert_eq!(begins(&server, &described), taken, "{described}");
        }
    }
    let empty = json!({"x": 0, "y": 0, "width": 0, "height": 64});
    assert!(!begins(
        &server,
        &source(json!({"view": {"region": empty}}))
    ));
}

#[test]
fn each_kind_of_source_has_the_members_that_are_documented() {
    let server = Server::start(ServerConfig::default(), 8);
    let document = document();
    let kinds = document["components"]["schemas"]["SourceSpec"]["oneOf"]
        .as_array()
        .unwrap();
    let mut names = Vec::new();
    for kind in kinds {
        let properties = members(&document, kind);
        let whole: Map<String, Value> = properties
            .iter()
            .map(|(name, schema)| (name.clone(), value_of(name, schema)))
            .collect();
        names.push(whole["kind"].as_str().unwrap().to_owned());
        let begins =
            |source_: &Map<String, Value>| begins(&server, &source(json!({"source": source_})));
        assert!(begins(&whole), "{whole:?}");
        for name in kind["required"].as_array().unwrap() {
            let mut less = whole.clone();
            less.remove(name.as_str().unwrap());
            assert!(!begins(&less), "{less:?}");
        }
        let mut more = whole.clone();
        more.insert("colour".into(), "red".into());
        assert!(!begins(&more), "{more:?}");
        if let Some(rate) = properties.get("rate") {
            let [inside, outside] = edges(rate);
            for (rates, taken) in [(inside, true), (outside, false)] {
                for rate in rates {
                    let mut at = whole.clone();
                    at.insert("rate".into(), serde_json::from_str(&rate).unwrap());
                    assert_eq!(begins(&at), taken, "{at:?}");
                }
            }
        }
    }
    names.sort_unstable();
    assert_eq!(
        names,
        ["http", "openigtlink", "phantom", "pipe", "replay", "v4l2"]
    );
}

#[test]
fn an_inference_is_asked_for_as_the_document_says() {
    let server = Server::start(ServerConfig::default(), 8);
    let document = document();
    let of = |name: &str| members(&document, &document["components"]["schemas"][name]);
    let (request, input, wanted) = (of("InferRequest"), of("InferInput"), of("InferWanted"));
    let file = base64(&good());
    let file = json!({"name": "file", "shape": [1], "datatype": "BYTES", "data": [file]});
    let ask = |more: Value, inputs: &[Value]| {
        let mut body = json!({ "inputs": inputs });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        server
            .post(
                "/v2/models/ultrasound/infer",
                "",
                body.to_string().as_bytes(),
            )
            .status
    };
    let one = std::slice::from_ref(&file);
    let longest = request["id"]["maxLength"].as_u64().unwrap() as usize;
    assert_eq!(ask(json!({"id": "ä".repeat(longest)}), one), 200);
    assert_eq!(ask(json!({"id": "ä".repeat(longest + 1)}), one), 400);

    assert_eq!(request["inputs"]["minItems"], request["inputs"]["maxItems"]);
    assert_eq!(ask(json!({}), &[]), 400);
    assert_eq!(ask(json!({}), &[file.clone(), file.clone()]), 400);

    let [outputs, others] = edges(&wanted["name"]);
    let named = |name: &String| json!({ "name": name });
    let all: Vec<_> = outputs.iter().map(named).collect();
    assert_eq!(request["outputs"]["maxItems"], all.len());
    assert_eq!(ask(json!({ "outputs": all }), one), 200);
    let twice = [&all[..], &all[..1]].concat();
    assert_eq!(ask(json!({ "outputs": twice }), one), 400);
    for other in &others {
        assert_eq!(ask(json!({ "outputs": [named(other)] }), one), 400);
    }

    let with = |key: &str, value: Value| {
        let mut changed = file.clone();
        changed[key] = value;
        ask(json!({}), &[changed])
    };
    let (dims, least) = (
        &input["shape"],
        input["shape"]["minItems"].as_u64().unwrap(),
    );
    assert_eq!(least, 1);
    let most = dims["maxItems"].as_u64().unwrap() as usize;
    let pixels =
        json!({"name": "image", "shape": [16, 16, 3], "datatype": "UINT8", "data": vec![0; 768]});
    assert_eq!(pixels["shape"].as_array().unwrap().len(), most);
    assert_eq!(ask(json!({}), std::slice::from_ref(&pixels)), 200);
    for shape in [
        json!([]),
        json!([1, 16, 16, 3]),
        json!([0, 16, 3]),
        json!([-1, 16, 3]),
    ] {
        let mut changed = pixels.clone();
        changed["shape"] = shape.clone();
        let status = ask(json!({}), &[changed]);
        assert!([400, 422].contains(&status), "{shape}: {status}");
    }
    for key in ["name", "datatype"] {
        let [known, others] = edges(&input[key]);
        assert!(known.iter().any(|word| file[key] == **word), "{known:?}");
        for other in others {
            assert_eq!(with(key, other.into()), 400, "{key}");
        }
    }

    let parameters = request["parameters"]["properties"].as_object().unwrap();
    let values = json!({
        "binary_data_output": false, "on_mismatch": "keep", "page": 1, "frames": 0, "window": "40,400", "region": "4,4,30,30",
    });
    assert!(parameters.keys().eq(values.as_object().unwrap().keys()));
    for (name, value) in values.as_object().unwrap() {
        // Frames and windows are of DICOM, and so a picture file has none: that they are known is what they are refused for.
        let status = ask(json!({"parameters": {name: value}}), one);
        let known = status == 200 || ["frames", "window"].contains(&name.as_str());
        assert!(known, "{name}: {status}");
    }
    assert_eq!(request["parameters"]["additionalProperties"], false);
    assert_eq!(ask(json!({"parameters": {"colour": "red"}}), one), 400);
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
