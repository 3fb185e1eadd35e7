//! DICOM, as a machine or an archive sends it.

use super::support::{Reply, Server, picture};
use espmedsam_http::ServerConfig;
use serde_json::{Value, json};
use testing::dicom::DicomSketch;

const TYPE: &str = "Content-Type: application/dicom\r\n";
const SKETCH: DicomSketch<'_> = DicomSketch {
    size: [64, 48],
    frames: 70,
    modality: "US",
    regions: &[([0, 0, 31, 47], 0.2), ([32, 0, 63, 47], 0.4)],
    more: &[(0x0010_0010, "PN", "PLANTED^MARK")],
};

/// A bright square of ten pixels a side, which wanders right by a pixel a frame.
fn cine() -> Vec<u8> {
    let bright = |frame, x, y| (4 + frame..14 + frame).contains(&x) && (5..15).contains(&y);
    SKETCH.write(|frame, x, y| 200 * u8::from(bright(frame, x, y)))
}

fn server() -> Server {
    Server::start(ServerConfig::default(), 8)
}

fn post(server: &Server, wishes: &str, bytes: &[u8]) -> Reply {
    server.post(&format!("/v1/segment?{wishes}"), TYPE, bytes)
}

fn codes(result: &Value) -> Vec<&str> {
    let warnings = result["warnings"].as_array().unwrap();
    warnings
        .iter()
        .map(|warning| warning["code"].as_str().unwrap())
        .collect()
}

#[test]
fn what_the_file_says_is_taken_where_nothing_is_asked() {
    let server = server();
    let reply = post(&server, "", &cine());
    assert_eq!(reply.status, 200, "{reply:?}");
    let result = reply.json();
    assert_eq!(result["modality"]["name"], "ultrasound");
    assert_eq!(
        codes(&result),
        ["pages-left", "modality-from-file", "not-an-ellipse"]
    );
    let image = &result["image"];
    assert_eq!(
        (&image["format"], &image["pages"]),
        (&json!("DICOM"), &json!(70))
    );
    assert_eq!(
        image["dicom"],
        json!({
            "frame": 0, "frames": 70, "modality": "US", "kind": "Ultrasound Multi-frame Image",
            "transfer_syntax": "Explicit VR Little Endian", "photometric": "MONOCHROME2", "shown_as": "bits",
            "burned_in": null, "overlays": 0, "scale": "ultrasound-regions",
        })
    );
    // A square of 10 by 10 pixels of 0.2 mm.
    assert_eq!(
        result["bbox"],
        json!({"x": 4, "y": 5, "width": 10, "height": 10})
    );
    assert!(result["ellipse"]["circumference_mm"].as_f64().unwrap() > 5.0);
    let told = post(&server, "modality=dermoscopy", &cine()).json();
    assert_eq!(
        codes(&told),
        ["pages-left", "modality-differs", "not-an-ellipse"]
    );
    // Sent as anything else, nothing is guessed.
    server
        .post("/v1/segment", "Content-Type: image/png\r\n", &cine())
        .assert_problem(400, "missing-modality");
    let whole = format!("{reply:?}{told}");
    assert!(!whole.contains("PLANTED") && !whole.contains("MARK"));
}

#[test]
fn frames_are_answered_each_with_its_own_mask_and_scale() {
    let server = server();
    let reply = post(&server, "frames=0,40,24-25", &cine());
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let result = reply.json();
    let frames = result["frames"].as_array().unwrap();
    assert_eq!(frames.len(), 4);
    for (result, frame) in frames.iter().zip([0, 40, 24, 25]) {
        assert_eq!(result["image"]["dicom"]["frame"], frame);
        assert_eq!(result["bbox"]["x"], 4 + frame);
        // At 24 and 25 it reaches from one region into the other, and has no millimetres.
        let lies_within = frame == 0 || frame == 40;
        assert_eq!(result["ellipse"].is_object(), lies_within, "{result}");
        assert_eq!(codes(result).contains(&"no-millimetres"), !lies_within);
    }
    let mm = |at: usize| frames[at]["ellipse"]["circumference_mm"].as_f64().unwrap();
    assert!((mm(1) / mm(0) - 2.0).abs() < 1e-9, "{} {}", mm(0), mm(1));
    let one = post(&server, "frames=40&format=png", &cine());
    assert_eq!(one.header("x-espmedsam-pages"), Some("41/70"));
    post(&server, "frames=70", &cine()).assert_problem(422, "no-such-page");
    post(&server, "frames=all", &cine()).assert_problem(400, "bad-query");
    post(&server, "frames=0,1&format=png", &cine()).assert_problem(400, "bad-query");
    post(&server, "frames=1&page=2", &cine()).assert_problem(400, "bad-query");
    server.assert_serves();
}

#[test]
fn a_region_is_looked_at_alone_and_the_mask_is_of_the_whole() {
    let server = server();
    // Frame 24's square has its left four columns in the first region, the others in the second.
    for (wish, x, width) in [
        ("region=1", 28, 4),
        ("region=2", 32, 6),
        ("region=30,6,4,6", 30, 4),
    ] {
        let result = post(&server, &format!("frames=24&{wish}"), &cine()).json();
        assert_eq!(
            (&result["image"]["width"], &result["image"]["height"]),
            (&json!(64), &json!(48))
        );
        assert_eq!(
            (&result["bbox"]["x"], &result["bbox"]["width"]),
            (&json!(x), &json!(width)),
            "{wish}"
        );
        assert_eq!(result["rle"]["size"], json!([48, 64]));
    }
    let asked = post(&server, "region=2", &cine()).json();
    assert_eq!(
        asked["image"]["region"],
        json!({"x": 32, "y": 0, "width": 32, "height": 48})
    );
    assert_eq!(asked["result"], "nothing-found");
    let patch = post(&server, "region=2&format=patch", &cine());
    assert_eq!(patch.status, 200);
    post(&server, "region=3", &cine()).assert_problem(400, "bad-query");
    post(&server, "region=60,0,5,5", &cine()).assert_problem(422, "bad-region");
    let png = picture(40, 40, [5, 5, 9, 9]);
    let part = server
        .post("/v1/segment?modality=ultrasound&region=8,8,20,20", "", &png)
        .json();
    assert_eq!(
        part["bbox"],
        json!({"x": 8, "y": 8, "width": 6, "height": 6})
    );
    server
        .post("/v1/segment?modality=ultrasound&region=1", "", &png)
        .assert_problem(400, "bad-query");
    server
        .post("/v1/segment?modality=ultrasound&frames=0", "", &png)
        .assert_problem(400, "bad-query");
    server
        .post("/v1/segment?modality=ultrasound&window=40,400", "", &png)
        .assert_problem(400, "bad-query");
}

#[test]
fn bad_files_are_refused_and_nothing_of_them_is_said() {
    let server = server();
    let good = cine();
    post(&server, "", &good[..good.len() - 100]).assert_problem(422, "damaged-picture");
    post(&server, "", &good[..400]).assert_problem(422, "damaged-picture");
    post(&server, "modality=ultrasound", b"DICM").assert_problem(415, "not-a-picture");
    post(&server, "", b"").assert_problem(400, "empty-picture");
    // What may be anything is not taken for one of them.
    let other = DicomSketch {
        modality: "OT",
        ..SKETCH
    };
    let reply = post(&server, "", &other.write(|_, _, _| 0));
    reply.assert_problem(400, "missing-modality");
    assert!(!format!("{reply:?}").contains("PLANTED"));
    let window = post(&server, "window=40,400&frames=3", &cine()).json();
    assert_eq!(window["image"]["dicom"]["shown_as"], "asked-window");
    server.assert_serves();
}
