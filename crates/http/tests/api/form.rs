//! Wishes and picture as a form, and wishes that are none.

use super::support::{ASK, Server, picture};
use espmedsam_http::ServerConfig;

fn server() -> Server {
    Server::start(ServerConfig::default(), 8)
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
        ("model", b""),
        ("modality", b"colonoscopy"),
        ("format", b"rle"),
        ("patch", b"True"),
        ("page", b""),
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
    let misnamed = server.post(ASK, FORM, &form(&[("file", &[7; 5000])]));
    let problem = misnamed.assert_problem(400, "bad-multipart");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .ends_with("field `file`: send it as field `image`."),
        "{problem}"
    );
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
fn an_empty_wish_and_a_slash_at_the_end_change_nothing() {
    let (server, png) = (server(), picture(40, 40, [5, 5, 9, 9]));
    let ask = format!("{ASK}&model=&format=&patch=&on_mismatch=&pixel_mm=&sizes=&caliper=&page=");
    assert_eq!(server.post(&ask, "", &png).json()["area"]["px"], 81);
    let slash = server.post("/v1/segment/?modality=ultrasound", "", &png);
    assert_eq!(slash.json()["area"]["px"], 81);
    assert_eq!(server.get("/v1/models/").status, 200);
    assert_eq!(server.get("/").status, 200);
}
