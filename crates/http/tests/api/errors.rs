//! Bad requests: each is answered with a problem that says what to do, and the server goes on.

use super::support::{ASK, Server, picture, png};
use espmedsam_http::ServerConfig;

fn server() -> Server {
    Server::start(
        ServerConfig {
            body_limit_mib: 1,
            ..ServerConfig::default()
        },
        8,
    )
}

/// A PNG header of that size, with nothing behind it worth decoding.
fn png_of_size(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = picture(16, 16, [0, 0, 0, 0]);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// CRC-32 as PNG uses it (PNG specification, annex D).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 * (crc & 1))
        })
    })
}

#[test]
fn bodies_that_are_no_pictures() {
    let server = server();
    let good = picture(40, 40, [5, 5, 9, 9]);
    let jpeg = std::fs::read(testing::repository("tests/samples/usgra_0180.jpg")).unwrap();
    server
        .post(ASK, "", b"")
        .assert_problem(400, "empty-picture");
    server
        .post(ASK, "", b"Dear sirs, attached please find")
        .assert_problem(415, "not-a-picture");
    let foreign = server
        .post(ASK, "Content-Type: image/png\r\n", b"GIF89a.......")
        .assert_problem(415, "unsupported-picture");
    assert!(
        foreign["detail"].as_str().unwrap().contains("a GIF"),
        "{foreign}"
    );
    server
        .post(ASK, "", &good[..good.len() - 20])
        .assert_problem(422, "damaged-picture");
    server
        .post(ASK, "", &good[..40])
        .assert_problem(422, "damaged-picture");
    server
        .post(ASK, "", &jpeg[..jpeg.len() / 2])
        .assert_problem(422, "damaged-picture");
    for kind in [
        "text/plain",
        "application/json",
        "application/x-www-form-urlencoded",
        "nonsense",
    ] {
        server
            .post(ASK, &format!("Content-Type: {kind}\r\n"), &good)
            .assert_problem(415, "unsupported-media-type");
    }
    server.assert_serves();
}

#[test]
fn pictures_of_impossible_size() {
    let server = server();
    server
        .post(ASK, "", &picture(1, 1, [0, 0, 1, 1]))
        .assert_problem(422, "picture-too-small");
    server
        .post(ASK, "", &png(&image::GrayImage::new(1, 10_000)))
        .assert_problem(422, "picture-too-small");
    let bomb = server
        .post(ASK, "", &png_of_size(30_000, 30_000))
        .assert_problem(422, "picture-too-large");
    assert!(
        bomb["detail"].as_str().unwrap().contains("30000x30000"),
        "{bomb}"
    );
    server.assert_serves();
}

#[test]
fn wishes_that_cannot_be_met() {
    let server = server();
    let good = picture(40, 40, [5, 5, 9, 9]);
    server
        .post("/v1/segment", "", &good)
        .assert_problem(400, "missing-modality");
    server
        .post("/v1/segment?modality=", "", &good)
        .assert_problem(400, "missing-modality");
    let unknown = server
        .post("/v1/segment?modality=mri", "", &good)
        .assert_problem(400, "unknown-modality");
    assert!(
        unknown["detail"]
            .as_str()
            .unwrap()
            .contains("dermoscopy, ultrasound"),
        "{unknown}"
    );
    server
        .post(&format!("{ASK}&model=huge"), "", &good)
        .assert_problem(400, "unknown-model");
    server
        .post(&format!("{ASK}&format=bmp"), "", &good)
        .assert_problem(400, "bad-query");
    server
        .post(&format!("{ASK}&patch=maybe"), "", &good)
        .assert_problem(400, "bad-query");
    server
        .post(&format!("{ASK}&page=2"), "", &good)
        .assert_problem(422, "no-such-page");
    for size in ["0", "-0.1", "nan", "1,2,3", "small"] {
        server
            .post(&format!("{ASK}&pixel_mm={size}"), "", &good)
            .assert_problem(400, "bad-query");
    }
    let unknown = server
        .post(&format!("{ASK}&colour=red"), "", &good)
        .assert_problem(400, "bad-query");
    for name in ["colour", "modality", "pixel_mm", "page"] {
        assert!(
            unknown["detail"].as_str().unwrap().contains(name),
            "{unknown}"
        );
    }
    server
        .post(&format!("{ASK}&modality=ultrasound"), "", &good)
        .assert_problem(400, "bad-query");
    server
        .post("/v1/segment?modality=%ff", "", &good)
        .assert_problem(400, "unknown-modality");
    server
        .post(ASK, "Accept: text/html\r\n", &good)
        .assert_problem(406, "not-acceptable");
    server
        .post(ASK, "Accept: application/json;q=0, image/*;q=0\r\n", &good)
        .assert_problem(406, "not-acceptable");
    server.assert_serves();
}

#[test]
fn wrong_addresses_and_methods() {
    let server = server();
    server.get("/v3/segment").assert_problem(404, "not-found");
    server
        .get("/../etc/passwd")
        .assert_problem(404, "not-found");
    server
        .get("/samples/..%2f..%2fCargo.toml")
        .assert_problem(404, "not-found");
    let wrong = server.get("/v1/segment");
    wrong.assert_problem(405, "method-not-allowed");
    assert_eq!(wrong.header("allow"), Some("POST"));
    let wrong = server.post("/v1/models", "", b"");
    wrong.assert_problem(405, "method-not-allowed");
    assert_eq!(wrong.header("allow"), Some("GET,HEAD"));
    server.assert_serves();
}

#[test]
fn bodies_over_the_limit_declared_and_chunked() {
    let server = server();
    let large = vec![7; (1 << 20) + 1];
    server
        .post(ASK, "", &large)
        .assert_problem(413, "body-too-large");
    // Refused by the header alone: no body follows.
    let head = server.post_head(ASK, "", 1 << 30);
    server
        .send(&head, b"")
        .assert_problem(413, "body-too-large");
    let head = format!(
        "POST {ASK} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
        server.addr
    );
    let mut chunks = Vec::new();
    for chunk in large.chunks(100_000) {
        chunks.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunks.extend_from_slice(chunk);
        chunks.extend_from_slice(b"\r\n");
    }
    chunks.extend_from_slice(b"0\r\n\r\n");
    server
        .send(&head, &chunks)
        .assert_problem(413, "body-too-large");
    let form = [
        b"--edge\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n".as_slice(),
        &large,
    ]
    .concat();
    let head = head.replace(
        "\r\n\r\n",
        "\r\nContent-Type: multipart/form-data; boundary=edge\r\n\r\n",
    );
    let chunk = [
        format!("{:x}\r\n", form.len()).as_bytes(),
        &form,
        b"\r\n0\r\n\r\n",
    ]
    .concat();
    server
        .send(&head, &chunk)
        .assert_problem(413, "body-too-large");
    server.assert_serves();
}

#[test]
fn other_sites_and_borrowed_names_are_refused() {
    let server = server();
    let good = picture(40, 40, [5, 5, 9, 9]);
    server
        .post(ASK, "Sec-Fetch-Site: cross-site\r\n", &good)
        .assert_problem(403, "cross-site");
    server
        .post(ASK, "Origin: https://evil.example\r\n", &good)
        .assert_problem(403, "cross-site");
    let own = format!("Origin: http://{}\r\n", server.addr);
    assert_eq!(server.post(ASK, &own, &good).status, 200);
    let rebound = "GET /v1/info HTTP/1.1\r\nHost: evil.example:8080\r\nConnection: close\r\n\r\n";
    server.send(rebound, b"").assert_problem(421, "wrong-host");
}

#[test]
fn a_request_is_for_one_host() {
    let server = server();
    let host = format!("Host: {}\r\n", server.addr);
    for lines in ["", &host.repeat(2), &format!("{host}Host: localhost\r\n")] {
        let request = format!("GET /v1/info HTTP/1.1\r\n{lines}Connection: close\r\n\r\n");
        server.send(&request, b"").assert_problem(400, "bad-host");
    }
}

#[test]
fn a_body_in_disguise_is_told_how_to_come() {
    let server = server();
    let good = picture(40, 40, [5, 5, 9, 9]);
    for coding in ["gzip", "br, gzip", "deflate"] {
        let reply = server.post(ASK, &format!("Content-Encoding: {coding}\r\n"), &good);
        let problem = reply.assert_problem(415, "compressed-body");
        assert!(problem["detail"].as_str().unwrap().contains(coding));
        assert!(problem["action"].as_str().unwrap().contains("uncompressed"));
        assert_eq!(reply.header("accept-encoding"), Some("identity"));
    }
    let plain = server.post(ASK, "Content-Encoding: identity\r\n", &good);
    assert_eq!(plain.status, 200);
    for kind in ["text/plain", "application/json"] {
        let reply = server.post(ASK, &format!("Content-Type: {kind}\r\n"), b"iVBORw0KGgo=");
        let problem = reply.assert_problem(415, "unsupported-media-type");
        assert!(problem["detail"].as_str().unwrap().contains(kind));
        assert!(problem["action"].as_str().unwrap().contains("no base64"));
    }
}

#[test]
fn a_fault_in_a_handler_is_an_answer() {
    let server = server();
    server.fake.break_models(true);
    let problem = server.get("/v1/models").assert_problem(500, "internal");
    assert!(
        !problem.to_string().contains("told to break"),
        "the reason stays in the log"
    );
    server.fake.break_models(false);
    assert_eq!(server.get("/v1/models").status, 200);
    server.assert_serves();
}
