//! The Open Inference Protocol over gRPC: the same answers as over REST, and what nobody gets away with.

mod client;
mod hostile;

use super::support::{Server, picture};
use client::{Answered, Client, field, framed};
use espmedsam_http::ServerConfig;
use picture::NOTICE;
use picture::segmenter::Readiness;
use serde_json::{Value, json};

const INFER: &str = "ModelInfer";
const INVALID: u16 = 3;
const NOT_FOUND: u16 = 5;
const DENIED: u16 = 7;
const EXHAUSTED: u16 = 8;
const UNIMPLEMENTED: u16 = 12;

fn config() -> ServerConfig {
    ServerConfig {
        grpc: Some("127.0.0.1:0".parse().unwrap()),
        body_limit_mib: 1,
        ..ServerConfig::default()
    }
}

fn start(config: ServerConfig, queue: usize) -> (Server, Client) {
    let server = Server::start(config, queue);
    let client = Client::connect(server.grpc.unwrap());
    (server, client)
}

/// Grey pixels of 40 x 30 with a bright rectangle.
fn grey() -> Vec<u8> {
    let bright = |i: usize| (5..14).contains(&(i % 40)) && (5..14).contains(&(i / 40));
    (0..1200).map(|i| if bright(i) { 255 } else { 0 }).collect()
}

/// An input: name, type, shape (each side below 128), and its contents, if they are typed.
fn input(name: &str, datatype: &str, shape: &[u8], contents: &[u8]) -> Vec<u8> {
    let mut input = [field(1, name), field(2, datatype), field(3, shape)].concat();
    if !contents.is_empty() {
        input.extend(field(5, contents));
    }
    field(5, input)
}

fn request(model: &str, inputs: &[u8], raw: &[&[u8]]) -> Vec<u8> {
    let raw = raw.iter().flat_map(|raw| field(7, raw));
    [field(1, model), inputs.to_vec(), raw.collect()].concat()
}

fn image(pixels: &[u8]) -> Vec<u8> {
    let input = input("image", "UINT8", &[30, 40], &[]);
    request("ultrasound", &input, &[pixels])
}

/// One element of BYTES.
fn element(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_le_bytes(), bytes].concat()
}

/// Each output's name and values.
fn outputs(answer: &Answered) -> Vec<(String, Vec<u8>)> {
    assert_eq!(answer.code, 0, "{answer:?}");
    let names = answer.all(5).into_iter().map(|output| {
        let end = 2 + usize::from(output[1]);
        String::from_utf8(output[2..end].to_vec()).unwrap()
    });
    let values = answer.all(6);
    let names: Vec<String> = names.collect();
    assert_eq!(names.len(), values.len());
    names.into_iter().zip(values).collect()
}

/// The same by REST, as binary data.
fn by_rest(server: &Server, shape: Value, pixels: &[u8]) -> Vec<(String, Vec<u8>)> {
    let input = json!({"name": "image", "datatype": "UINT8", "shape": shape, "parameters": {"binary_data_size": pixels.len()}});
    let head = json!({"inputs": [input], "parameters": {"binary_data_output": true}}).to_string();
    let header = format!("Inference-Header-Content-Length: {}\r\n", head.len());
    let body = [head.as_bytes(), pixels].concat();
    let reply = server.post("/v2/models/ultrasound/infer", &header, &body);
    assert_eq!(reply.status, 200, "{reply:?}");
    let length = reply.header("inference-header-content-length").unwrap();
    let (head, mut rest) = reply.body.split_at(length.parse().unwrap());
    let head: Value = serde_json::from_slice(head).unwrap();
    let outputs = head["outputs"].as_array().unwrap().iter();
    let outputs = outputs.map(|output| {
        let size = output["parameters"]["binary_data_size"].as_u64().unwrap();
        let (own, after) = rest.split_at(size as usize);
        rest = after;
        (output["name"].as_str().unwrap().to_owned(), own.to_vec())
    });
    outputs.collect()
}

#[test]
fn either_input_raw_or_typed_has_what_rest_gives_byte_for_byte() {
    let (server, client) = start(config(), 8);
    let expected = by_rest(&server, json!([30, 40]), &grey());
    assert_eq!(expected[0], ("mask".into(), grey()));
    let packed: Vec<u8> = (grey().into_iter())
        .flat_map(|value| {
            if value < 128 {
                vec![value]
            } else {
                vec![value, 1]
            }
        })
        .collect();
    let png = picture(40, 30, [5, 5, 9, 9]);
    let file = |contents: &[u8]| input("file", "BYTES", &[1], contents);
    for message in [
        image(&grey()),
        request(
            "ultrasound",
            &input("image", "UINT8", &[30, 40], &field(4, packed)),
            &[],
        ),
        request("ultrasound", &file(&[]), &[&element(&png)]),
        request("ultrasound", &file(&field(8, &png)), &[]),
    ] {
        let answer = client.call(INFER, &message);
        assert_eq!(outputs(&answer), expected);
        assert_eq!(answer.headers["x-espmedsam-notice"], NOTICE);
        let said = answer.message.windows(NOTICE.len());
        assert_eq!(said.filter(|said| *said == NOTICE.as_bytes()).count(), 1);
    }
}

#[test]
fn an_output_that_is_named_comes_alone_and_the_id_comes_back() {
    let (_server, client) = start(config(), 8);
    let wanted = [field(3, "17"), field(6, field(1, "area_px"))].concat();
    let answer = client.call(INFER, &[image(&grey()), wanted].concat());
    let area = 81_i64.to_le_bytes().to_vec();
    assert_eq!(outputs(&answer), [("area_px".to_owned(), area)]);
    assert_eq!(answer.all(3), [b"17"]);
}

#[test]
fn what_there_is_is_told() {
    let (server, client) = start(config(), 8);
    let told = |name, message: &[u8]| {
        let answer = client.call(name, message);
        assert_eq!(answer.code, 0, "{answer:?}");
        assert_eq!(answer.headers["x-espmedsam-notice"], NOTICE);
        answer
    };
    let yes: [&[u8]; 1] = [&[1]];
    assert_eq!(told("ServerLive", &[]).all(1), yes);
    assert_eq!(told("ServerReady", &[]).all(1), yes);
    let named = [field(1, "ultrasound"), field(2, "1")].concat();
    assert_eq!(told("ModelReady", &named).all(1), yes);
    assert!(told("ModelReady", &field(1, "none")).message.is_empty());
    let about = told("ServerMetadata", &[]);
    assert_eq!(about.all(1), [b"espmedsam"]);
    assert!(about.all(3).contains(&NOTICE.into()));
    let model = told("ModelMetadata", &named);
    assert_eq!(
        (model.all(1), model.all(2)),
        (vec![b"ultrasound".into()], vec![b"1".into()])
    );
    assert_eq!((model.all(4).len(), model.all(5).len()), (2, 5));
    let properties = model.all(6);
    assert!(properties.contains(&[field(1, "notice"), field(2, NOTICE)].concat()));
    // Which of them are served: yes.
    let index = told("RepositoryIndex", &[2 << 3, 1]).all(1);
    let rest = server.post("/v2/repository/index", "", b"").json();
    assert_eq!(index.len(), rest.as_array().unwrap().len());
    server.fake.set_readiness(Readiness::Starting);
    assert!(told("ServerReady", &[]).message.is_empty());
    assert!(told("RepositoryIndex", &[2 << 3, 1]).message.is_empty());
}

#[test]
fn what_is_wrong_has_a_code_and_a_problem_s_name() {
    let (server, client) = start(config(), 8);
    let good = input("image", "UINT8", &[30, 40], &[]);
    let reshaped = input("image", "UINT8", &[30, 41], &[]);
    let batch = input("image", "UINT8", &[1, 30, 40, 3], &[]);
    let file = input("file", "BYTES", &[1], &[]);
    let grey = grey();
    let large = vec![0; (1 << 20) + (64 << 10)];
    let many: Vec<u8> = field(5, []).repeat(40_000);
    let whole = framed(&image(&grey));
    for (code, word, message) in [
        (NOT_FOUND, "no-such-model", request("none", &good, &[&grey])),
        (
            NOT_FOUND,
            "no-such-model",
            [image(&grey), field(2, "2")].concat(),
        ),
        (
            INVALID,
            "bad-inference",
            request("ultrasound", &reshaped, &[&grey]),
        ),
        (
            INVALID,
            "without a batch",
            request("ultrasound", &batch, &[&grey]),
        ),
        (
            INVALID,
            "bad-inference",
            request("ultrasound", &good, &[&grey, &grey]),
        ),
        (
            INVALID,
            "bad-inference",
            request("ultrasound", &file, &[&[9, 0, 0, 0, 1]]),
        ),
        (
            INVALID,
            "not-a-picture",
            request("ultrasound", &file, &[&element(b"Dear sirs")]),
        ),
        (EXHAUSTED, "body-too-large", image(&large)),
        (EXHAUSTED, "besides its tensors", many),
        (INVALID, "cannot be read", vec![0xff; 100]),
    ] {
        client.call(INFER, &message).assert_fault(code, word);
    }
    for (code, body) in [
        (INVALID, &[][..]),
        (INVALID, &whole[..4]),
        (INVALID, &whole[..whole.len() - 1]),
        (INVALID, &[&whole[..], &whole].concat()),
        (UNIMPLEMENTED, &[&[1], &whole[1..]].concat()),
    ] {
        client.send(INFER, body).assert_fault(code, "message");
    }
    let stream = client.call("ModelStreamInfer", &image(&grey));
    stream.assert_fault(UNIMPLEMENTED, "not served");
    let unload = client.call("RepositoryModelUnload", &field(2, "ultrasound"));
    unload.assert_fault(DENIED, "models-fixed");
    assert_eq!(
        client
            .call("RepositoryModelLoad", &field(2, "ultrasound"))
            .code,
        0
    );
    let described = field(3, [field(1, "config"), field(2, field(3, "{}"))].concat());
    let described = [field(2, "ultrasound"), described].concat();
    let load = client.call("RepositoryModelLoad", &described);
    load.assert_fault(DENIED, "models-fixed");
    assert_eq!(outputs(&client.call(INFER, &image(&grey)))[0].1, grey);
    // Names are asked after as by HTTP/1: a page of another name that resolves to this machine gets nothing.
    let foreign = Client::connect(server.grpc.unwrap()).called("evil.example");
    foreign
        .call("ServerMetadata", &[])
        .assert_fault(DENIED, "wrong-host");
}
