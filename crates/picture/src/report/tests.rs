use std::sync::Arc;

use serde_json::{Value, json};

use super::{Essential, Extras, Form, Rendered, render};
use crate::NOTICE;
use crate::frame::{FileInfo, Format, Frame, FrameLimits, decode};
use crate::mask::presence::{Presence, PresenceState};
use crate::mask::{LogitMap, Mask};
use crate::scale::{PixelSize, Scale, ScaledRegion};
use crate::segmenter::{Lease, ModalityCheck, Segmentation, StageTimes};

/// 80 x 50 grey, with a target of 30 x 15 at (10, 20), or none.
fn segmentation(target: bool) -> Segmentation {
    let inside = |i: u32| {
        let (x, y) = (i % 80, i / 80);
        target && (10..40).contains(&x) && (20..35).contains(&y)
    };
    let mask = (0..80 * 50).map(|i| 255 * u8::from(inside(i))).collect();
    let map = || LogitMap::new(2, vec![-1.5, 0.5, 1.0, 2.0]).unwrap();
    Segmentation {
        frame: Arc::new(Frame::new(80, 50, vec![90; 3 * 80 * 50]).unwrap()),
        file: Some(FileInfo {
            page: 2,
            pages: 3,
            ..FileInfo::plain(Format::Tiff, 8)
        }),
        scale: Scale::Unknown,
        region: None,
        mask: Mask::new(80, 50, mask).unwrap(),
        presence: None,
        low_res: map(),
        patch: map(),
        confidence: target.then_some(0.875),
        probability: None,
        signs: None,
        check: None,
        model: "m-64".into(),
        model_sha256: "00ff".into(),
        modality: "ultrasound".into(),
        modality_index: 1,
        label: "bright parts".into(),
        codes: None,
        times: StageTimes {
            encode: 40.0,
            total: 50.0,
            ..StageTimes::default()
        },
        lease: Lease::default(),
    }
}

/// All forms but DICOM's objects, which are made elsewhere.
fn rendered_here() -> impl Iterator<Item = Form> {
    let forms = Form::ALL.iter().copied();
    forms.filter(|form| !form.is_dicom())
}

#[test]
fn dicom_objects_are_not_made_here() {
    for form in Form::ALL.iter().filter(|form| form.is_dicom()) {
        assert!(render(segmentation(true), *form, Extras::default()).is_err());
    }
}

fn rendered(segmentation: Segmentation, form: Form) -> Rendered {
    render(segmentation, form, Extras::default()).unwrap()
}

fn told(segmentation: Segmentation, form: Form) -> Value {
    serde_json::from_slice(&rendered(segmentation, form).bytes).unwrap()
}

fn scaled(scale: Scale) -> Segmentation {
    Segmentation {
        scale,
        ..segmentation(true)
    }
}

fn codes(report: &Value) -> Vec<&str> {
    let warnings = report["warnings"].as_array().unwrap().iter();
    warnings.map(|w| w["code"].as_str().unwrap()).collect()
}

#[test]
fn json_forms_leave_parts_out() {
    for (form, rle, polygons) in [
        (Form::Json, true, true),
        (Form::Rle, true, false),
        (Form::Polygons, false, true),
    ] {
        let report = told(segmentation(true), form);
        assert_eq!(report["notice"], NOTICE);
        assert_eq!(report["area"], json!({"px": 450, "fraction": 0.1125}));
        let has = |part: &str| report.get(part).is_some();
        assert_eq!(
            (has("rle"), has("polygons"), has("patch"), has("ellipse")),
            (rle, polygons, false, false),
            "{form:?}"
        );
    }
    let extras = Extras {
        patch: true,
        ..Extras::default()
    };
    let with_patch = render(segmentation(true), Form::Rle, extras).unwrap();
    let report: Value = serde_json::from_slice(&with_patch.bytes).unwrap();
    assert_eq!(
        report["patch"],
        json!({"side": 2, "logits": [-1.5, 0.5, 1.0, 2.0]})
    );
}

#[test]
fn sizes_are_told_if_asked_for_with_their_units() {
    let size = PixelSize::new([0.5, 2.0]).unwrap();
    let asked = |scale, caliper: Option<&str>| {
        let extras = Extras {
            sizes: true,
            caliper: caliper.map(|line| line.parse().unwrap()),
            ..Extras::default()
        };
        let bytes = render(scaled(scale), Form::Rle, extras).unwrap().bytes;
        serde_json::from_slice::<Value>(&bytes).unwrap()
    };
    let report = asked(Scale::Uniform(size), Some("0,25,80,25"));
    let whole = &report["sizes"]["whole"];
    let of = |key: &str| {
        (
            whole["figures"][key]["value"].as_f64(),
            whole["figures"][key]["unit"].as_str(),
        )
    };
    assert_eq!(of("area"), (Some(450.0), Some("mm2")));
    assert_eq!(of("feret_min"), (Some(15.0), Some("mm")));
    assert_eq!(whole["no_millimetres"], Value::Null);
    let region = &report["sizes"]["regions"][0];
    assert_eq!(region["bbox"], whole["bbox"]);
    assert_eq!(region["figures"]["area"]["value"], 450.0);
    let line = &report["sizes"]["caliper"];
    assert_eq!(
        (&line["length"]["value"], &line["in_mask"]["value"]),
        (&json!(40.0), &json!(15.0))
    );

    let report = asked(Scale::Unknown, Some("0,25,90,25"));
    let area = &report["sizes"]["whole"]["figures"]["area"];
    assert_eq!(
        (&area["value"], &area["unit"]),
        (&json!(450.0), &json!("px2"))
    );
    assert_eq!(
        report["sizes"]["whole"]["no_millimetres"],
        "It is on a picture of unknown scale."
    );
    assert!(codes(&report).contains(&"caliper-beyond-picture"));
    assert!(told(segmentation(true), Form::Json).get("sizes").is_none());
}

#[test]
fn annotations_of_other_programs_are_of_the_mask_and_carry_the_notice() {
    let square = json!([[10, 20], [10, 35], [40, 35], [40, 20]]);
    let coco = told(segmentation(true), Form::Coco);
    let one = &coco["annotations"][0];
    assert_eq!(
        one["segmentation"],
        json!([[10, 20, 10, 35, 40, 35, 40, 20]])
    );
    assert_eq!(
        (&one["area"], &one["bbox"]),
        (&json!(450), &json!([10, 20, 30, 15]))
    );
    assert_eq!(coco["info"]["description"], NOTICE);
    let labelme = told(segmentation(true), Form::Labelme);
    assert_eq!(labelme["shapes"][0]["points"], square);
    assert_eq!(labelme["notice"], NOTICE);
    let geojson = told(segmentation(true), Form::GeoJson);
    let ring = &geojson["features"][0]["geometry"]["coordinates"][0];
    assert_eq!(
        *ring,
        json!([[40, 20], [40, 35], [10, 35], [10, 20], [40, 20]])
    );
    assert_eq!(geojson["notice"], NOTICE);
    let svg = String::from_utf8(rendered(segmentation(true), Form::Svg).bytes).unwrap();
    assert!(svg.contains("<path d=\"M10 20V35H40V20Z\"/>"), "{svg}");
    assert!(svg.contains(NOTICE) && svg.contains("viewBox=\"0 0 80 50\""));
    for form in [Form::Coco, Form::Labelme, Form::GeoJson] {
        let nothing = told(segmentation(false), form).to_string();
        assert!(nothing.contains("nothing-found") && nothing.contains(NOTICE));
    }
}

#[test]
fn presence_is_told_as_it_is_known() {
    let with = |presence| Segmentation {
        presence,
        ..segmentation(true)
    };
    let essential = |rendered: &Rendered, name| {
        let mut all = rendered.essentials.iter();
        all.find(|e| e.name == name).map(|e| e.value.clone())
    };
    let unknown = rendered(with(None), Form::Json);
    let report: Value = serde_json::from_slice(&unknown.bytes).unwrap();
    assert_eq!(report.get("presence"), Some(&Value::Null));
    assert_eq!(essential(&unknown, "presence"), None);
    for (score, state, word, doubted) in [
        (0.96875, PresenceState::Present, "present", false),
        (0.5, PresenceState::Unsure, "unsure", true),
        (0.03125, PresenceState::Absent, "absent", false),
    ] {
        let rendered = rendered(with(Some(Presence { score, state })), Form::Json);
        let report: Value = serde_json::from_slice(&rendered.bytes).unwrap();
        assert_eq!(report["presence"], json!({"score": score, "state": word}));
        assert_eq!(essential(&rendered, "presence").as_deref(), Some(word));
        let told = essential(&rendered, "presence-score").unwrap();
        assert_eq!(told, format!("{score:.4}"));
        assert_eq!(codes(&report).contains(&"presence-unsure"), doubted);
        for form in [Form::Overlay, Form::Patch] {
            let drawn = |presence| self::rendered(with(presence), form).bytes;
            let said = drawn(Some(Presence { score, state })) != drawn(None);
            let certain = state == PresenceState::Present;
            assert_eq!(said, !certain, "{}: a picture says so itself", form.name());
        }
    }
}

#[test]
fn every_form_is_of_its_media_type() {
    for form in rendered_here() {
        let bytes = rendered(segmentation(true), form).bytes;
        let found = image::guess_format(&bytes).map(|format| format.to_mime_type());
        match form.is_text() {
            true if form == Form::Svg => assert!(bytes.starts_with(b"<svg "), "{form:?}"),
            true => assert!(serde_json::from_slice::<Value>(&bytes).is_ok(), "{form:?}"),
            false => assert_eq!(found.ok(), Some(form.media_type()), "{form:?}"),
        }
    }
    let mask = rendered(segmentation(true), Form::Png).bytes;
    let mask = decode(&mask, &FrameLimits::default()).unwrap();
    let marked = mask.rgb().iter().filter(|value| **value == 255).count();
    assert_eq!((mask.size(), marked), ([80, 50], 3 * 450));
}

#[test]
fn the_same_essentials_go_with_every_form() {
    let expected = |result, area, fraction, regions, confidence: Option<&str>| {
        let known = [
            ("notice", Some(NOTICE)),
            ("result", Some(result)),
            ("model", Some("m-64")),
            ("model-sha256", Some("00ff")),
            ("modality", Some("ultrasound")),
            ("area-px", Some(area)),
            ("area-fraction", Some(fraction)),
            ("regions", Some(regions)),
            ("modality-check", Some("unchecked")),
            ("confidence", confidence),
            ("pages", Some("2/3")),
            ("warnings", Some("pages-left")),
        ];
        let essential = |(name, value): (_, Option<&str>)| {
            let value = value?.to_owned();
            Some(Essential { name, value })
        };
        known.into_iter().filter_map(essential).collect::<Vec<_>>()
    };
    let found = expected("target", "450", "0.112500", "1", Some("0.8750"));
    let nothing = expected("nothing-found", "0", "0.000000", "0", None);
    for form in rendered_here() {
        let of = |target| rendered(segmentation(target), form).essentials;
        assert_eq!(of(true), found, "{form:?}");
        assert_eq!(of(false), nothing, "{form:?}");
    }
}

#[test]
fn a_mismatch_is_said_beside_and_upon_the_picture() {
    let check = ModalityCheck {
        score: 0.01,
        threshold: 0.5,
        likeliest: "x-ray".into(),
        likeliest_score: 0.9,
        inverted: None,
    };
    let mismatch = Segmentation {
        check: Some(check),
        ..segmentation(true)
    };
    let marked = rendered(mismatch, Form::Overlay);
    let essential = Essential {
        name: "modality-check",
        value: "modality-mismatch".into(),
    };
    assert!(marked.essentials.contains(&essential));
    let plain = rendered(segmentation(true), Form::Overlay);
    assert!(marked.bytes != plain.bytes);
}

#[test]
fn times_are_told_stage_by_stage() {
    let Rendered { bytes, times, .. } = rendered(segmentation(true), Form::Json);
    let report: Value = serde_json::from_slice(&bytes).unwrap();
    let told = &report["times_ms"];
    assert_eq!(told.as_object().unwrap().len(), times.rows().count());
    // The parser may miss the last bit of a number (serde_json without `float_roundtrip`), so both sides go through it.
    let read =
        |ms: f64| serde_json::from_str::<Value>(&serde_json::to_string(&ms).unwrap()).unwrap();
    for time in times.rows() {
        assert_eq!(told[time.key], read(time.ms), "{time:?}");
    }
    assert_eq!(
        (told["encode"].as_f64(), told["queue"].as_f64()),
        (Some(40.0), Some(0.0))
    );
    assert!(times.render > 0.0);
    assert_eq!(told["total"], read(50.0 + times.render));
}

#[test]
fn millimetres_are_those_of_the_scale_that_travelled_with_the_picture() {
    let size = PixelSize::new([0.5, 2.0]).unwrap();
    let uniform = told(scaled(Scale::Uniform(size)), Form::Rle);
    // 15 x 30 mm: a rectangle's spread along a side is its square / 12, a semi-axis twice the root of that.
    let longer = uniform["ellipse"]["semi_axes_mm"][0].as_f64().unwrap();
    assert!((longer - 30.0 / 3_f64.sqrt()).abs() < 1e-9, "{longer}");

    let around = |place, pixel| Scale::Regions(vec![ScaledRegion { place, pixel }]);
    let within = told(scaled(around([5, 5, 60, 40], Some(size))), Form::Rle);
    assert_eq!(within["ellipse"], uniform["ellipse"]);
    assert_eq!(codes(&within), ["pages-left", "not-an-ellipse"]);

    for (scale, reason) in [
        (around([12, 5, 60, 40], Some(size)), "reaches beyond"),
        (around([60, 5, 10, 10], Some(size)), "lies in none"),
        (around([5, 5, 60, 40], None), "units are no lengths"),
    ] {
        for form in [Form::Json, Form::Rle, Form::Polygons] {
            let report = told(scaled(scale.clone()), form);
            assert!(report.get("ellipse").is_none());
            assert_eq!(codes(&report), ["pages-left", "no-millimetres"]);
            let message = report["warnings"][1]["message"].as_str().unwrap();
            assert!(message.contains(reason), "{message}");
        }
    }
    // Nothing is missed where nothing is known, or nothing found.
    assert_eq!(
        codes(&told(scaled(Scale::Unknown), Form::Json)),
        ["pages-left"]
    );
    let nothing = Segmentation {
        scale: around([60, 5, 10, 10], Some(size)),
        ..segmentation(false)
    };
    assert_eq!(codes(&told(nothing, Form::Json)), ["pages-left"]);
}
