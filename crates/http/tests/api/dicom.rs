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

/// A text of an object's own data set, by its tag: explicit VR little endian, a length of two bytes.
fn said(object: &[u8], tag: u32) -> String {
    let [group, number] = [(tag >> 16) as u16, tag as u16].map(u16::to_le_bytes);
    let tag = [group, number].concat();
    let at = object.windows(4).position(|bytes| bytes == tag).unwrap();
    let length = usize::from(u16::from_le_bytes([object[at + 6], object[at + 7]]));
    let text = &object[at + 8..at + 8 + length];
    String::from_utf8(text.to_vec())
        .unwrap()
        .trim_end_matches(['\0', ' '])
        .to_owned()
}

fn holds(object: &[u8], text: &str) -> bool {
    object
        .windows(text.len())
        .any(|bytes| bytes == text.as_bytes())
}

const SEG: &str = "1.2.840.10008.5.1.4.1.1.66.4";
const SR: &str = "1.2.840.10008.5.1.4.1.1.88.33";

#[test]
fn masks_and_measurements_come_as_dicom_objects_that_fit_together() {
    let server = server();
    let ask = |form: &str| {
        let reply = post(&server, &format!("frames=0,40&{form}"), &cine());
        assert_eq!(reply.status, 200, "{form}: {reply:?}");
        assert_eq!(reply.header("content-type"), Some("application/dicom"));
        assert_eq!(reply.header("x-espmedsam-notice"), Some(picture::NOTICE));
        assert_eq!(&reply.body[128..132], b"DICM");
        reply.body
    };
    let seg = ask("format=seg");
    assert_eq!(said(&seg, 0x0008_0016), SEG);
    assert_eq!(said(&seg, 0x0028_0008), "2", "frames");
    // Pixels come last: a bit each.
    let pixels = &seg[seg.len() - 2 * 64 * 48 / 8..];
    let marked = |half: &[u8]| half.iter().map(|byte| byte.count_ones()).sum::<u32>();
    let (first, second) = pixels.split_at(64 * 48 / 8);
    assert_eq!((marked(first), marked(second)), (100, 100));
    assert_ne!(first, second, "the square has moved");
    // What is said of one answer fits together, whenever it is asked for.
    let sr = ask("format=sr");
    assert_eq!(said(&sr, 0x0008_0016), SR);
    assert!(
        holds(&sr, &said(&seg, 0x0008_0018)),
        "the report names the segmentation"
    );
    assert_eq!(
        said(&seg, 0x0008_0018),
        said(&ask("format=seg"), 0x0008_0018)
    );
    assert_eq!(said(&seg, 0x0020_000d), said(&sr, 0x0020_000d), "one study");
    let other = post(&server, "format=seg", &cine()).body;
    assert_ne!(
        said(&seg, 0x0008_0018),
        said(&other, 0x0008_0018),
        "other frames"
    );
    assert!(holds(&sr, "mm2") && holds(&sr, "Circumference"));
    let fractional = ask("format=seg-fractional");
    let probable = |byte: &&u8| **byte >= 128;
    let pixels = &fractional[fractional.len() - 2 * 64 * 48..];
    assert_eq!(pixels.iter().filter(probable).count(), 200);
    // By what a client accepts; a picture that is no DICOM file has a study of its own.
    let png = picture(40, 40, [5, 5, 9, 9]);
    let accepts = "Accept: application/dicom\r\nContent-Type: image/png\r\n";
    let reply = server.post("/v1/segment?modality=ultrasound", accepts, &png);
    assert_eq!(
        (reply.status, said(&reply.body, 0x0008_0016)),
        (200, SEG.into())
    );
    for object in [&seg, &sr, &fractional, &reply.body] {
        assert!(holds(object, "Research use only"));
        assert!(!holds(object, "PLANTED"));
    }
}

#[test]
fn who_it_is_of_is_said_where_that_is_asked_for_alone() {
    let server = server();
    let more = [
        (0x0010_0010, "PN", "PLANTED^MARK"),
        (0x0020_000d, "UI", "1.2.3"),
        (0x0020_000e, "UI", "1.2.3.1"),
        (0x0028_0301, "CS", "NO"),
    ];
    let sketch = DicomSketch {
        more: &more,
        ..SKETCH
    };
    let file = sketch.write(|_, x, y| 200 * u8::from((4..14).contains(&x) && y < 10));
    for form in ["seg", "seg-fractional", "sr", "capture"] {
        let removed = post(&server, &format!("format={form}"), &file);
        assert_eq!(removed.status, 200, "{form}: {removed:?}");
        for name in ["PLANTED", "1.2.3.1", "1.2.3.4"] {
            assert!(!holds(&removed.body, name), "{form}: {name}");
        }
        let kept = post(&server, &format!("format={form}&identity=kept"), &file).body;
        assert_eq!(said(&kept, 0x0010_0010), "PLANTED^MARK");
        assert_eq!(said(&kept, 0x0020_000d), "1.2.3");
        assert!(holds(&kept, "1.2.3.4"), "its source");
    }
    // A picture that may have a name drawn into it is not given out as nobody's.
    let unsaid = post(&server, "format=capture", &cine());
    let detail = unsaid.assert_problem(400, "bad-query")["detail"].to_string();
    assert!(detail.contains("identity"), "{detail}");
    post(&server, "format=capture&frames=0,1", &file).assert_problem(400, "bad-query");
    // Without numbers of its own it cannot be referred to.
    post(&server, "format=seg&identity=kept", &cine()).assert_problem(422, "damaged-picture");
    server.assert_serves();
}
