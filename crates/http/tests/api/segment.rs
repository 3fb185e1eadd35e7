//! The API as a well-behaved client sees it, over real sockets.

use super::support::{ASK, Reply, Server, picture, png};
use espmedsam_http::ServerConfig;
use picture::NOTICE;
use picture::frame::{self, FileInfo};
use picture::mask::presence::{Presence, PresenceState};
use picture::mask::rle::Rle;
use picture::report::Form;
use serde_json::{Value, json};

fn server() -> Server {
    Server::start(ServerConfig::default(), 8)
}

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
        json!({"name": "fake-64", "sha256": testing::fake::SHA256})
    );
    assert_eq!(
        result["modality"],
        json!({"name": "ultrasound", "index": 1, "label": "bright parts of ultrasound"})
    );
    let image = &result["image"];
    assert_eq!(
        (&image["width"], &image["height"]),
        (&json!(80), &json!(50))
    );
    assert_eq!(result["regions"], json!({"count": 1, "areas_px": [150]}));
    assert_eq!(result["warnings"], json!([]));
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
    assert_eq!(mask.pixels(), decoded.into_raw());
    // The patch prompt: 8 x 8 cells of 10 x 6.25 px, those that the rectangle touches are targets.
    let logits: Vec<f64> = serde_json::from_value(result["patch"]["logits"].clone()).unwrap();
    assert_eq!(
        (result["patch"]["side"].as_u64(), logits.len()),
        (Some(8), 64)
    );
    let targets: Vec<usize> = (0..64).filter(|cell| logits[*cell] >= 0.0).collect();
    assert_eq!(
        targets,
        [25, 26, 27],
        "row 3 (from 18.75 to 25), columns 1 to 3 (from 10 to 40)"
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
fn an_ellipse_is_measured_where_pixels_have_a_size() {
    let (server, png) = (server(), picture(80, 50, [10, 20, 30, 5]));
    let reply = server.post(&format!("{ASK}&pixel_mm=0.5,2&format=rle"), "", &png);
    let ellipse = &reply.json()["ellipse"];
    assert_eq!(ellipse["centre_px"], json!([25.0, 22.5]));
    // 15 x 10 mm: a rectangle's spread along a side is its square / 12, a semi-axis twice the root of that.
    let near = |field: &serde_json::Value, want: f64| (field.as_f64().unwrap() - want).abs() < 1e-9;
    assert!(
        near(&ellipse["semi_axes_mm"][0], 15.0 / 3_f64.sqrt()),
        "{ellipse}"
    );
    assert!(
        near(&ellipse["semi_axes_mm"][1], 10.0 / 3_f64.sqrt()),
        "{ellipse}"
    );
    assert!(near(&ellipse["angle_deg"], 0.0), "{ellipse}");
    assert!(
        near(&ellipse["likeness"], 3.0 / std::f64::consts::PI),
        "{ellipse}"
    );
    // The arc length summed over 200,000 chords.
    let circumference = ellipse["circumference_mm"].as_f64().unwrap();
    assert!((circumference - 45.799_579_1).abs() < 1e-4, "{ellipse}");
    assert!(server.post(ASK, "", &png).json().get("ellipse").is_none());
    let empty = server.post(
        &format!("{ASK}&pixel_mm=1"),
        "",
        &picture(40, 40, [0, 0, 0, 0]),
    );
    assert!(empty.json().get("ellipse").is_none());
}

#[test]
fn of_several_regions_it_says_which_was_measured() {
    let server = server();
    let picture = image::GrayImage::from_fn(80, 50, |x, y| {
        let large = (10..40).contains(&x) && (20..35).contains(&y);
        let small = (50..60).contains(&x) && (5..10).contains(&y);
        image::Luma([if large || small { 255 } else { 0 }])
    });
    let png = png(&picture);
    let reply = server.post(&format!("{ASK}&pixel_mm=1&format=rle"), "", &png);
    let result = reply.json();
    assert_eq!(
        result["regions"],
        json!({"count": 2, "areas_px": [450, 50]})
    );
    assert_eq!(
        result["ellipse"]["region"],
        json!({"area_px": 450, "share": 0.9, "bbox": {"x": 10, "y": 20, "width": 30, "height": 15}})
    );
    // A rectangle is no ellipse either.
    let codes: Vec<&str> = result["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| warning["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["several-regions", "not-an-ellipse"]);
    assert_eq!(
        result["warnings"][0]["message"],
        "The ellipse is of the largest of 2 regions, which has 90.0 % of the mask."
    );
    assert_eq!(
        reply.header("x-espmedsam-warnings"),
        Some("several-regions, not-an-ellipse")
    );
    // A picture carries the number too; nothing was measured, so there is nothing to doubt.
    let mask = server.post(&format!("{ASK}&format=png"), "", &png);
    assert_eq!(mask.header("x-espmedsam-regions"), Some("2"));
    assert_eq!(mask.header("x-espmedsam-warnings"), None);
}

#[test]
fn a_pixel_size_out_of_proportion_is_doubted() {
    let (server, png) = (server(), picture(800, 540, [200, 100, 400, 300]));
    let warnings = |mm: &str, format: &str| {
        let reply = server.post(&format!("{ASK}&pixel_mm={mm}&format={format}"), "", &png);
        assert_eq!(reply.status, 200);
        reply.header("x-espmedsam-warnings").map(str::to_owned)
    };
    // 148 mm across; the same in centimetres by mistake, also where a picture is asked for.
    assert_eq!(warnings("0.1847", "overlay"), None);
    assert_eq!(
        warnings("0.01847", "overlay"),
        Some("pixel-size-doubtful".into())
    );
    assert_eq!(
        warnings("0.01847", "json"),
        Some("pixel-size-doubtful, not-an-ellipse".into())
    );
}

#[test]
fn what_the_file_said_of_itself_is_told() {
    let (server, png) = (server(), picture(40, 40, [5, 5, 9, 9]));
    server.fake.files_say(FileInfo {
        pages: 4,
        transparent: true,
        ..FileInfo::plain(frame::Format::Tiff, 12)
    });
    let reply = server.post(ASK, "", &png);
    let result = reply.json();
    assert_eq!(
        result["image"],
        json!({"width": 40, "height": 40, "format": "TIFF", "page": 1, "pages": 4, "bits": 12, "transparent": true})
    );
    assert_eq!(
        result["warnings"][0],
        json!({"code": "pages-left", "message": "Page 1 of 4 was read, 3 left out; ask for another with page=."})
    );
    let mask = server.post(&format!("{ASK}&format=png"), "", &png);
    for reply in [&reply, &mask] {
        assert_eq!(reply.header("x-espmedsam-pages"), Some("1/4"));
        assert_eq!(
            reply.header("x-espmedsam-warnings"),
            Some("pages-left, range-from-picture, transparent-on-black")
        );
    }
}

#[test]
fn a_side_that_no_jpeg_holds_is_refused_as_jpeg_alone() {
    let (server, png) = (server(), picture(16, 70_000, [2, 2, 9, 900]));
    let jpeg = server.post(&format!("{ASK}&format=overlay-jpeg"), "", &png);
    let problem = jpeg.assert_problem(422, "too-long-for-jpeg");
    assert!(problem["detail"].as_str().unwrap().contains("16x70000"));
    assert!(problem["action"].as_str().unwrap().contains("PNG"));
    let png = server.post(&format!("{ASK}&format=overlay"), "", &png);
    assert_eq!(png.status, 200);
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
fn presence_goes_with_every_form_and_empties_the_mask_where_it_is_absent() {
    let (server, png) = (server(), picture(40, 40, [10, 10, 20, 20]));
    let plain = server.post(ASK, "", &png);
    assert_eq!(plain.json().get("presence"), Some(&Value::Null));
    let header = |reply: &Reply, name: &str| {
        let value = reply.header(&format!("x-espmedsam-{name}"));
        value.map(str::to_owned)
    };
    assert_eq!(header(&plain, "presence"), None);
    let plain = plain.json();
    for (score, state, word, result, doubt) in [
        (
            0.03125,
            PresenceState::Absent,
            "absent",
            "nothing-found",
            None,
        ),
        (
            0.5,
            PresenceState::Unsure,
            "unsure",
            "target",
            Some("presence-unsure"),
        ),
        (0.9375, PresenceState::Present, "present", "target", None),
    ] {
        server.fake.says_presence(Some(Presence { score, state }));
        let told = server.post(ASK, "", &png).json();
        assert_eq!(told["presence"], json!({"score": score, "state": word}));
        assert_eq!(told["result"], result);
        assert_eq!(told["area"]["px"], if result == "target" { 400 } else { 0 });
        assert_eq!(told["confidence"].is_null(), result != "target");
        assert_eq!(told["warnings"][0]["code"].as_str(), doubt);
        if result == "target" {
            assert_eq!(told["polygons"], plain["polygons"]);
        } else {
            assert_eq!(told["polygons"], json!([]));
        }
        for form in Form::ALL {
            let reply = server.post(&format!("{ASK}&format={}", form.name()), "", &png);
            assert_eq!(reply.status, 200, "{form:?}");
            assert_eq!(header(&reply, "presence").as_deref(), Some(word));
            assert_eq!(
                header(&reply, "presence-score"),
                Some(format!("{score:.4}"))
            );
            assert_eq!(header(&reply, "result").as_deref(), Some(result));
            assert_eq!(header(&reply, "warnings").as_deref(), doubt);
        }
        let mask = server.post(&format!("{ASK}&format=png"), "", &png);
        let mask = image::load_from_memory(&mask.body).unwrap().into_luma8();
        let marked = mask.pixels().filter(|pixel| pixel[0] == 255).count();
        assert_eq!(marked, if result == "target" { 400 } else { 0 });
        let rle = server.post(&format!("{ASK}&format=rle"), "", &png).json();
        assert_eq!(rle["area"]["px"], marked);
    }
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
        ("model-sha256", testing::fake::SHA256),
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
    let (server, png) = (server(), picture(320, 240, [80, 60, 160, 120]));
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
        assert_eq!(overlay.dimensions(), (320, 240));
        let spread = |x, y| {
            let rgb = overlay.get_pixel(x, y).0;
            rgb.iter().max().unwrap() - rgb.iter().min().unwrap()
        };
        assert!(
            spread(100, 80) > 40,
            "grey picture, tinted where the mask is: {kind}"
        );
        assert!(spread(20, 20) < 10, "and left alone elsewhere: {kind}");
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
