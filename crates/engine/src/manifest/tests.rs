use super::*;

const GOOD: &str = r#"
format = 1
notice = "Research use only. Not for clinical use."
[[model]]
name = "live-224"
default = true
side = 224
storage = "float16"
opset = 20
[model.preprocess]
profile = "imagenet"
resize = "bilinear-squash"
mean = [123.675, 116.28, 103.53]
std = [58.395, 57.12, 57.375]
[[model.file]]
path = "a/encoder.onnx"
sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
bytes = 3
[[model.modality]]
name = "ultrasound"
index = 2
label = "fetal head"
controller = true
encoder = "a/encoder.onnx"
self_prompt = "a/encoder.onnx"
decoder = "a/encoder.onnx"
"#;

#[test]
fn a_good_manifest_is_read() {
    let manifest = Manifest::parse(GOOD).unwrap();
    let model = manifest.default_model().unwrap();
    assert_eq!(
        (model.name.as_str(), model.side, model.storage),
        ("live-224", 224, Storage::Float16)
    );
    assert_eq!(model.modalities[0].index, 2);
    // From `echo ba7816bf… | sha256sum`, with the file's whole digest.
    let digest = "620a3df236da0af638c2a61c86951463731998f91dbb3ed629f47b9fe00ad118";
    assert_eq!(model.sha256, digest);
    assert_eq!(model.modalities[0].sha256, digest);
}

#[test]
fn what_is_wrong_is_said() {
    // (what to replace, by what, words the message must hold)
    let cases = [
        ("format = 1", "format = 2", "expected 1, found 2"),
        (
            "opset = 20",
            "opset = 20\nnew_key = 1",
            "unknown field `new_key`",
        ),
        (
            "name = \"ultrasound\"",
            "name = \"auto\"",
            "none can have it",
        ),
        ("side = 224", "side = 225", "multiple of 32"),
        ("side = 224", "side = 0", "multiple of 32"),
        ("side = 224", "side = 320000", "found 320000"),
        ("std = [58.395", "std = [0.0", "preprocess.std"),
        ("std = [58.395", "std = [nan", "preprocess.std"),
        ("mean = [123.675", "mean = [inf", "preprocess.mean"),
        ("bilinear-squash", "nearest", "bilinear-squash"),
        ("\"float16\"", "\"int4\"", "float16"),
        (
            "opset = 20",
            "opset = 20\npreferred_for = [\"x-ray\"]",
            "no modality 'x-ray'",
        ),
        (
            "index = 2",
            "index = 2\nconfidence = { intercept = nan, weights = [0, 0, 0, 0, 0] }",
            "finite numbers",
        ),
        (
            "index = 2",
            "index = 2\npresence = { absent_below = 0.6, present_from = 0.5 }",
            "expected 0 <= absent_below <= present_from <= 1, found 0.6 and 0.5",
        ),
        (
            "index = 2",
            "index = 2\npresence = { absent_below = 0.1, present_from = 1.5 }",
            "found 0.1 and 1.5",
        ),
        (
            "index = 2",
            "index = 2\npresence = { absent_below = nan, present_from = 0.5 }",
            "found NaN and 0.5",
        ),
        (
            "index = 2",
            "index = 2\npresence = { absent_below = 0.1 }",
            "missing field `present_from`",
        ),
        (
            "index = 2",
            "index = 2\nviews = { tiles = 0 }",
            "expected 1..=8, found 0",
        ),
        (
            "index = 2",
            "index = 2\nviews = { tiles = 9 }",
            "expected 1..=8, found 9",
        ),
        (
            "index = 2",
            "index = 2\nviews = { mirrored = \"up\" }",
            "unknown variant `up`",
        ),
        (
            "index = 2",
            "index = 2\nwhite_balance = { usual = [1.3, 0.9, 0.0], strength = 0.5 }",
            "white_balance.usual: expected numbers within 0.01..=3",
        ),
        (
            "index = 2",
            "index = 2\nwhite_balance = { usual = [1.3, 0.9, 0.8], strength = 1.5 }",
            "white_balance.strength: expected 0..=1, found 1.5",
        ),
        (
            "path = \"a/encoder.onnx\"",
            "path = \"../encoder.onnx\"",
            "inside the manifest's folder",
        ),
        (
            "path = \"a/encoder.onnx\"",
            "path = \"/etc/passwd\"",
            "inside the manifest's folder",
        ),
        (
            "path = \"a/encoder.onnx\"",
            "path = \"b.onnx\"",
            "'a/encoder.onnx' is not among",
        ),
        ("sha256 = \"ba", "sha256 = \"BA", "64 lower-case hex digits"),
        ("index = 2", "index = 6", "expected 0..=5, found 6"),
        ("bytes = 3", "bytes = -3", "bytes"),
    ];
    for (from, to, expected) in cases {
        assert!(GOOD.contains(from), "{from}");
        let message = Manifest::parse(&GOOD.replacen(from, to, 1)).unwrap_err();
        assert!(message.contains(expected), "{from} → {to}: {message}");
    }
}

#[test]
fn views_are_bounded_by_what_a_frame_may_cost() {
    let views = "index = 2\nviews = { tiles = 2, mirrored = \"across\" }";
    let of_side = |side: usize| {
        let text = GOOD.replacen("index = 2", views, 1);
        Manifest::parse(&text.replacen("side = 224", &format!("side = {side}"), 1))
    };
    let manifest = of_side(448).unwrap();
    let found = manifest.models[0].modalities[0].views;
    assert_eq!((found.passes(), found.canvas(448)), (8, 448 + 384));
    assert_eq!(ViewsSpec::default().passes(), 1);
    assert!(of_side(64).unwrap_err().contains("too small for tiles"));
    let message = of_side(1088).unwrap_err();
    assert!(
        message.contains("2 tiles of 1088 span 2112 pixels, more than 2048"),
        "{message}"
    );
}

#[test]
fn nothing_is_listed_twice() {
    let model = &GOOD[GOOD.find("[[model]]").unwrap()..];
    let modality = &GOOD[GOOD.find("[[model.modality]]").unwrap()..];
    let file =
        &GOOD[GOOD.find("[[model.file]]").unwrap()..GOOD.find("[[model.modality]]").unwrap()];
    for (extra, expected) in [
        (model.to_string(), "model 'live-224' is listed twice"),
        (
            model.replace("live-224", "b"),
            "more than one model is marked",
        ),
        (
            model
                .replace("live-224", "b")
                .replace("default = true", "")
                .replace("ba7816", "000000"),
            "two different SHA-256",
        ),
        (
            modality.to_string(),
            "modality 'ultrasound' is listed twice",
        ),
        (
            modality.replace("ultrasound", "b"),
            "modality index '2' is listed twice",
        ),
        (file.to_string(), "file 'a/encoder.onnx' is listed twice"),
    ] {
        let message = Manifest::parse(&format!("{GOOD}{extra}")).unwrap_err();
        assert!(message.contains(expected), "{expected}: {message}");
    }
    assert!(
        Manifest::parse("format = 1\nnotice = \"\"")
            .unwrap_err()
            .contains("at least one [[model]]")
    );
}

const GUARD: &str = r#"
[guard]
side = 64
[guard.preprocess]
profile = "imagenet-antialias"
resize = "triangle-squash"
mean = [123.675, 116.28, 103.53]
std = [58.395, 57.12, 57.375]
[guard.file]
path = "guard/guard.onnx"
sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
bytes = 3
"#;

fn guarded(classes: &[(&str, &str)]) -> Result<Manifest, String> {
    let class = |(name, threshold): &(&str, &str)| {
        format!("[[guard.class]]\nname = \"{name}\"\n{threshold}\n")
    };
    let classes: String = classes.iter().map(class).collect();
    Manifest::parse(&format!("{GOOD}{GUARD}{classes}"))
}

#[test]
fn a_guard_knows_seven_different_classes_and_thresholds_within_bounds() {
    let mut classes = ["a", "b", "c", "d", "e", "f", "other"].map(|name| (name, ""));
    classes[0].1 = "threshold = 0.25";
    let guard = guarded(&classes).unwrap().guard.unwrap();
    assert_eq!(guard.classes[0].threshold, Some(0.25));
    assert_eq!(guard.classes[6].threshold, None);
    assert_eq!(guard.inverted, None, "as earlier guards were listed");
    let wrong = |classes: &[(&str, &str)]| guarded(classes).unwrap_err();
    assert!(wrong(&classes[..6]).contains("expected 7 classes, found 6"));
    let mut twice = classes;
    twice[1].0 = "a";
    assert!(wrong(&twice).contains("different names"));
    twice[1].0 = "auto";
    assert!(wrong(&twice).contains("none 'auto'"));
    classes[0].1 = "threshold = 1.5";
    assert!(wrong(&classes).contains("found 1.5"));
}
