//! What is there, and how good and how fast it is.

use std::path::Path;
use std::process::Output;

use super::{NOTICE, espmedsam, json, str, text, workplace};
use testing::toy;

#[test]
fn every_help_says_what_it_is_not_for() {
    for args in [
        vec!["--help"],
        vec!["segment", "--help"],
        vec!["serve", "--help"],
        vec!["models", "-h"],
        vec!["eval", "--help"],
        vec!["bench", "--help"],
    ] {
        let output = espmedsam(&args);
        assert!(
            output.status.success() && text(&output.stdout).contains(NOTICE),
            "{args:?}"
        );
    }
}

#[test]
fn models_are_listed_and_checked() {
    let dir = workplace();
    let models = dir.path().join("models");
    let output = espmedsam(&["models", "--models", str(&models)]);
    let table = text(&output.stdout);
    assert!(
        output.status.success() && table.contains("bright") && table.contains(NOTICE),
        "{table}"
    );
    std::fs::write(models.join("dark.bin"), vec![0; 786_432]).unwrap();
    let output = espmedsam(&["--models", str(&models), "models"]);
    assert_eq!(output.status.code(), Some(1));
    let table = text(&output.stdout);
    for line in table.lines().filter(|line| line.contains("toy")) {
        assert_eq!(line.contains("corrupt"), line.contains(" dark "), "{line}");
    }
    assert!(text(&output.stderr).contains("expected SHA-256"));
}

/// `eval` over a folder's pictures by its split, with its models; to its `report.json`.
fn evaluate(dir: &Path) -> Output {
    let [split, report, models] = ["split.csv", "report.json", "models"].map(|name| dir.join(name));
    espmedsam(&[
        "eval",
        "--data",
        str(dir),
        "--split",
        str(&split),
        "--json",
        str(&report),
        "--models",
        str(&models),
    ])
}

#[test]
fn eval_measures_against_ground_truth() {
    let dir = workplace();
    let half = |x: u32| if x < 32 { 255 } else { 0 };
    // On `left` the model is right; on `right` the truth says left, so nothing overlaps; `none` has no target.
    std::fs::write(
        dir.path().join("truth.png"),
        toy::png(64, 32, |x, _| half(x)),
    )
    .unwrap();
    std::fs::write(dir.path().join("none.png"), toy::png(64, 32, |_, _| 0)).unwrap();
    let index = "dataset,modality,stem,image,mask,width,height,source_split,patient_or_group,empty\n\
                 a,bright,1,in/left.png,truth.png,64,32,,,0\n\
                 a,bright,2,in/right.png,truth.png,64,32,,,0\n\
                 a,bright,3,in/right.png,none.png,64,32,,,1\n\
                 a,bright,4,in/missing.png,none.png,64,32,,,1\n";
    std::fs::write(dir.path().join("index.csv"), index).unwrap();
    let split = |last: &str| format!("dataset,stem,split\na,1,val\na,2,val\na,3,val\na,4,{last}\n");
    let (split_path, report) = (dir.path().join("split.csv"), dir.path().join("report.json"));
    let run = || evaluate(dir.path());
    std::fs::write(&split_path, split("train")).unwrap();
    let output = run();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("| a ") && text(&output.stdout).contains(NOTICE));
    let report_json = json(&std::fs::read(&report).unwrap());
    let row = &report_json["datasets"][0];
    assert_eq!(
        (&row["images"], &row["empty"], &row["falsely_marked"]),
        (&2.into(), &1.into(), &1.into())
    );
    let told = &report_json["presence"][0];
    assert_eq!(
        (&told["sensitivity"], &told["empty_marked"]),
        (&1.0.into(), &1.0.into())
    );
    assert_eq!(
        told["roc_area"],
        serde_json::Value::Null,
        "no word of presence"
    );
    assert_eq!(
        report_json["pictures"][0]["presence"],
        serde_json::Value::Null
    );
    // Dice is near 1 on one picture and near 0 on the other.
    let dice = row["dice_mean"].as_f64().unwrap();
    assert!((dice - 0.5).abs() < 0.02, "{dice}");
    assert_eq!(report_json["notice"], NOTICE);
    // A picture that cannot be read is named, the others are still measured.
    std::fs::write(&split_path, split("val")).unwrap();
    let output = run();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("a/4"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(
        json(&std::fs::read(&report).unwrap())["failed"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

/// A model that marks everything, but says of dark pictures that nothing is there.
#[test]
fn eval_tells_how_far_empty_pictures_are_told() {
    let dir = workplace();
    let models = dir.path().join("models");
    toy::add_presence(&models, 0.25, 0.75);
    for (name, grey) in [("light", 255), ("dark", 0), ("truth", 255), ("none", 0)] {
        let path = dir.path().join(format!("{name}.png"));
        std::fs::write(path, toy::png(64, 64, |_, _| grey)).unwrap();
    }
    let index = "dataset,modality,stem,image,mask,width,height,source_split,patient_or_group,empty\n\
                 a,all,1,light.png,truth.png,64,64,,,0\n\
                 a,all,2,dark.png,none.png,64,64,,,1\n\
                 b,all,3,dark.png,truth.png,64,64,,,0\n";
    std::fs::write(dir.path().join("index.csv"), index).unwrap();
    let split = "dataset,stem,split\na,1,val\na,2,val\nb,3,val\n";
    let (split_path, report) = (dir.path().join("split.csv"), dir.path().join("report.json"));
    std::fs::write(&split_path, split).unwrap();
    let output = evaluate(dir.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("presence, ROC area"));
    let report = json(&std::fs::read(&report).unwrap());
    let told = &report["presence"][0];
    let figures = |of: &serde_json::Value| {
        ["sensitivity", "empty_marked", "roc_area"].map(|key| of[key].as_f64())
    };
    assert_eq!(figures(told), [Some(0.5), Some(0.0), Some(0.75)]);
    assert_eq!(
        figures(&told["sources"]["a"]),
        [Some(1.0), Some(0.0), Some(1.0)]
    );
    assert_eq!(figures(&told["sources"]["b"]), [Some(0.0), None, Some(0.5)]);
    let states: Vec<_> = (0..3)
        .map(|at| &report["pictures"][at]["presence"]["state"])
        .collect();
    assert_eq!(states, ["present", "absent", "absent"]);
}

#[test]
fn bench_reports_every_stage() {
    let dir = workplace();
    let (models, report) = (dir.path().join("models"), dir.path().join("bench.json"));
    let left = dir.path().join("in/left.png");
    let output = espmedsam(&[
        "bench",
        "--models",
        str(&models),
        "--runs",
        "3",
        "--threads",
        "2",
        "--image",
        str(&left),
        "--json",
        str(&report),
    ]);
    assert!(
        output.status.success() && text(&output.stdout).contains(NOTICE),
        "{}",
        text(&output.stderr)
    );
    let report = json(&std::fs::read(&report).unwrap());
    assert_eq!(
        (&report["runs"], &report["modality"]),
        (&3.into(), &"bright".into())
    );
    let stages = report["stages"].as_array().unwrap();
    let names: Vec<_> = stages
        .iter()
        .map(|stage| stage["stage"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "frame",
            "preprocess",
            "encode",
            "self-prompt",
            "decode",
            "mask",
            "total"
        ]
    );
    for stage in stages {
        let [p50, p95, max] =
            ["p50_ms", "p95_ms", "max_ms"].map(|key| stage[key].as_f64().unwrap());
        assert!(0.0 < p50 && p50 <= p95 && p95 <= max, "{stage}");
    }
}
