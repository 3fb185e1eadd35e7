//! The command as its users run it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use testing::toy;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const NOTICE: &str = "Research use only. Not for clinical use.";

fn espmedsam(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_espmedsam"))
        .args(args)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes).unwrap()
}

fn str(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A toy model in `models/` and pictures in `in/`: `left.png` and `right.png`, each bright on its side.
fn workplace() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("models")).unwrap();
    std::fs::create_dir(dir.path().join("in")).unwrap();
    toy::write_model(&dir.path().join("models"));
    std::fs::write(
        dir.path().join("in/left.png"),
        toy::png(64, 32, |x, _| if x < 32 { 255 } else { 0 }),
    )
    .unwrap();
    std::fs::write(
        dir.path().join("in/right.png"),
        toy::png(64, 32, |x, _| if x < 32 { 0 } else { 255 }),
    )
    .unwrap();
    dir
}

fn segment(dir: &Path, more: &[&str]) -> Output {
    let models = dir.join("models");
    let mut args = vec!["segment", "--models", str(&models), "--threads", "1"];
    args.extend(more);
    espmedsam(&args)
}

#[test]
fn a_bad_file_costs_itself_alone() {
    let dir = workplace();
    std::fs::write(dir.path().join("in/bad.png"), b"not a picture").unwrap();
    let (input, out) = (dir.path().join("in"), dir.path().join("out"));
    let output = segment(
        dir.path(),
        &[str(&input), "--modality", "bright", "-o", str(&out)],
    );
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(
        message.contains("bad.png") && message.contains("1 of 3"),
        "{message}"
    );
    let mut names: Vec<_> = out
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["left.mask.png", "right.mask.png"]);
    let mask = image::open(out.join("left.mask.png")).unwrap().to_luma8();
    assert_eq!(
        (
            mask.dimensions(),
            mask.get_pixel(5, 5).0,
            mask.get_pixel(60, 5).0
        ),
        ((64, 32), [255], [0])
    );
}

#[test]
fn several_modalities_are_told_apart_by_name() {
    let dir = workplace();
    let (left, out) = (dir.path().join("in/left.png"), dir.path().join("out"));
    let to = ["-o", str(&out)];
    let both = ["--modality", "bright,all", "--modality", "dark"];
    let output = segment(dir.path(), &[&[str(&left)], &both[..], &to].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for modality in ["bright", "all", "dark"] {
        let alone = ["--modality", modality, "-o", "-"];
        let output = segment(dir.path(), &[&[str(&left)], &alone[..]].concat());
        let found = std::fs::read(out.join(format!("left.{modality}.mask.png"))).unwrap();
        assert!(found == output.stdout, "{modality}");
    }
    for (args, said) in [
        (["--modality", "bright,bright"], "'bright' twice"),
        (["--modality", "bright,x"], "no modality 'x'"),
        (["--modality", "bright,all"], "say which folder"),
    ] {
        let output = segment(dir.path(), &[&[str(&left)], &args[..]].concat());
        assert_eq!(output.status.code(), Some(2));
        let message = text(&output.stderr);
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn every_format_is_written() {
    let dir = workplace();
    let left = dir.path().join("in/left.png");
    let run = |format, out: Option<&Path>| {
        let mut args = vec![str(&left), "--modality", "bright", "--format", format];
        args.extend(out.map(|_| "-o"));
        args.extend(out.map(str));
        let output = segment(dir.path(), &args);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{format}: {}",
            text(&output.stderr)
        );
        output.stdout
    };
    let reply = json(&run("json", None));
    assert_eq!(reply["notice"], NOTICE);
    assert_eq!(
        (&reply["modality"]["name"], &reply["model"]["name"]),
        (&"bright".into(), &"toy".into())
    );
    let area = reply["area"]["px"].as_u64().unwrap();
    assert!(area.abs_diff(64 * 32 / 2) <= 32, "{area}");
    assert!(json(&run("rle", None))["rle"]["counts"].is_string());
    assert!(json(&run("polygons", None))["polygons"][0]["outer"].is_array());
    let overlay = dir.path().join("o.png");
    run("overlay", Some(&overlay));
    assert_eq!(
        image::open(&overlay).unwrap().to_rgb8().dimensions(),
        (64, 32)
    );
    let mask = image::load_from_memory(&run("png", None)).unwrap();
    assert_eq!(mask.color(), image::ColorType::L8);
    run("npy", Some(&dir.path().join("maps.npy")));
    for (part, side) in [("low_res", 16), ("patch", 2)] {
        let bytes = std::fs::read(dir.path().join(format!("maps.{part}.npy"))).unwrap();
        let head = String::from_utf8_lossy(&bytes[..128]).into_owned();
        assert!(
            head.contains("'<f4'") && head.contains(&format!("({side}, {side})")),
            "{head}"
        );
        // NPY format 1.0: the header's length lies at byte 8, the data follows it.
        let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        assert_eq!(bytes.len() - start, 4 * side * side);
        let first = f32::from_le_bytes(bytes[start..start + 4].try_into().unwrap());
        assert!((first - 127.0).abs() < 1e-3, "{first}");
    }
}

#[test]
fn wrong_usage_is_told_and_is_exit_code_2() {
    let dir = workplace();
    let (left, input) = (dir.path().join("in/left.png"), dir.path().join("in"));
    for (args, expected) in [
        (
            vec![str(&left), "--modality", "x-ray"],
            "it has: bright, all, dark",
        ),
        (
            vec![str(&left), "--modality", "bright", "--model", "big"],
            "there are: toy",
        ),
        (vec![str(&input), "--modality", "bright"], "-o"),
        (
            vec![str(&left), "--modality", "bright", "--format", "npy"],
            "-o",
        ),
        (vec![str(&left)], "--modality"),
        (
            vec![str(&left), "--modality", "bright", "--format", "gif"],
            "possible values",
        ),
    ] {
        let output = segment(dir.path(), &args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(
            text(&output.stderr).contains(expected),
            "{args:?}: {}",
            text(&output.stderr)
        );
        assert!(output.stdout.is_empty());
    }
    let output = espmedsam(&["models", "--models", str(&input)]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains(str(&input)));
}

#[test]
fn a_picture_is_never_overwritten() {
    let dir = workplace();
    let left = dir.path().join("in/left.png");
    let before = std::fs::read(&left).unwrap();
    let output = segment(
        dir.path(),
        &[str(&left), "--modality", "bright", "-o", str(&left)],
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("would overwrite"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(std::fs::read(&left).unwrap(), before);
}

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
    let models = dir.path().join("models");
    let run = || {
        let paths = [
            str(dir.path()),
            "--split",
            str(&split_path),
            "--json",
            str(&report),
            "--models",
            str(&models),
        ];
        espmedsam(&[&["eval", "--data"], &paths[..]].concat())
    };
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

#[test]
fn serve_becomes_ready_answers_and_ends_in_order() {
    let dir = workplace();
    let config = dir.path().join("service.toml");
    std::fs::write(
        &config,
        "[server]\nlisten = \"127.0.0.1:0\"\n[engine]\nmodels = \"models\"\nthreads = 1\n",
    )
    .unwrap();
    let mut service = Command::new(env!("CARGO_BIN_EXE_espmedsam"))
        .args(["serve", "--config", str(&config)])
        .env("NO_COLOR", "1")
        .env_remove("RUST_LOG")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(service.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let address = log
        .find_map(|line| Some(line.split_once("http://")?.1.split(' ').next()?.to_string()))
        .unwrap();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let get = |path: &str| {
        agent
            .get(format!("http://{address}{path}"))
            .call()
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(get("/health/live"), 200);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while get("/health/ready") != 200 {
        assert!(std::time::Instant::now() < deadline, "never ready");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let picture = std::fs::read(dir.path().join("in/left.png")).unwrap();
    let mut reply = agent
        .post(format!(
            "http://{address}/v1/segment?modality=bright&format=json"
        ))
        .content_type("image/png")
        .send(&picture[..])
        .unwrap();
    let reply = json(&reply.body_mut().read_to_vec().unwrap());
    assert_eq!(reply["notice"], NOTICE);
    assert_eq!(reply["modality"]["name"], "bright");

    assert!(
        Command::new("kill")
            .arg(service.id().to_string())
            .status()
            .unwrap()
            .success()
    );
    assert!(log.any(|line| line.contains("stopping")) && log.any(|line| line.contains("stopped")));
    assert_eq!(service.wait().unwrap().code(), Some(0));
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let dir = workplace();
    let config = dir.path().join("service.toml");
    std::fs::write(&config, "[engine]\nthread = 1\n").unwrap();
    let output = espmedsam(&["serve", "--config", str(&config)]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("thread"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn modalities_of_two_models_are_wrong_usage() {
    let dir = workplace();
    let left = dir.path().join("in/left.png");
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let output = espmedsam(&[
        "segment",
        "--models",
        str(&models),
        "--modality",
        "ultrasound,fundus",
        "-o",
        str(dir.path()),
        str(&left),
    ]);
    assert_eq!(output.status.code(), Some(2));
    let message = text(&output.stderr);
    assert!(message.contains("two models"), "{message}");
}

#[test]
fn what_a_folder_run_skips_is_named() {
    let dir = workplace();
    let (input, out) = (dir.path().join("in"), dir.path().join("out"));
    std::fs::write(input.join("notes.txt"), "x").unwrap();
    std::fs::write(input.join("._left.png"), "x").unwrap();
    std::fs::create_dir(input.join("more")).unwrap();
    let to = ["--modality", "bright", "-o", str(&out)];
    let output = segment(dir.path(), &[&[str(&input)], &to[..]].concat());
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{message}");
    assert!(
        message.contains("3 in all: ._left.png, more/, notes.txt"),
        "{message}"
    );
    assert_eq!(out.read_dir().unwrap().count(), 2);
    std::fs::remove_file(input.join("notes.txt")).unwrap();
    std::fs::remove_file(input.join("._left.png")).unwrap();
    std::fs::remove_dir(input.join("more")).unwrap();
    let output = segment(dir.path(), &[&[str(&input)], &to[..]].concat());
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn pages_count_from_one() {
    let dir = workplace();
    let left = dir.path().join("in/left.png");
    let run = |page| {
        segment(
            dir.path(),
            &[str(&left), "--modality", "bright", "--page", page],
        )
    };
    assert_eq!(run("0").status.code(), Some(2));
    let first = run("1");
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
}

/// Runs the command where no file may grow beyond half a KiB, which is as a full disk.
#[test]
fn a_full_disk_leaves_old_outputs_as_they_were() {
    let dir = workplace();
    let picture = dir.path().join("in/left.png");
    std::fs::write(&picture, toy::png(300, 200, |x, y| (x * y % 251) as u8)).unwrap();
    let (models, out) = (dir.path().join("models"), dir.path().join("out"));
    std::fs::create_dir(&out).unwrap();
    let old = out.join("left.overlay.png");
    std::fs::write(&old, "the old one").unwrap();
    let run = |limit: &str| {
        let script = format!("trap '' XFSZ; ulimit -f {limit} && exec \"$@\"");
        Command::new("sh")
            .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_espmedsam")])
            .args(["segment", "--models", str(&models), "--threads", "1"])
            .args(["--modality", "bright", "--format", "overlay"])
            .args(["-o", str(&out), str(&picture)])
            .output()
            .unwrap()
    };
    let output = run("1");
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("left.overlay.png"), "{message}");
    assert_eq!(std::fs::read(&old).unwrap(), b"the old one");
    assert_eq!(out.read_dir().unwrap().count(), 1, "half a file was left");
    let output = run("unlimited");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(std::fs::metadata(&old).unwrap().len() > 1024);
    assert_eq!(out.read_dir().unwrap().count(), 1);
}

/// A service, the address it listens at, and what it logs from there on.
fn listening(
    models: &Path,
    more: &str,
) -> (std::process::Child, String, impl Iterator<Item = String>) {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("service.toml");
    let models = str(models);
    let text =
        format!("[server]\nlisten = \"127.0.0.1:0\"\n[engine]\nmodels = \"{models}\"\n{more}");
    std::fs::write(&config, text).unwrap();
    let mut service = Command::new(env!("CARGO_BIN_EXE_espmedsam"))
        .args(["serve", "--config", str(&config)])
        .env("NO_COLOR", "1")
        .env_remove("RUST_LOG")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(service.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let address = log
        .find_map(|line| Some(line.split_once("http://")?.1.split(' ').next()?.to_string()))
        .unwrap();
    (service, address, log)
}

/// Sends the signal and waits; returns the exit code and how long it took.
fn ended_by(signal: &str, mut service: std::process::Child) -> (Option<i32>, Duration) {
    let started = Instant::now();
    let process = service.id().to_string();
    let kill = Command::new("kill").args([signal, &process]).status();
    assert!(kill.unwrap().success());
    while started.elapsed() < Duration::from_secs(20) {
        if let Some(status) = service.try_wait().unwrap() {
            return (status.code(), started.elapsed());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    service.kill().unwrap();
    panic!("it did not end within 20 s of {signal}");
}

#[test]
fn a_stop_ends_the_service_at_any_moment() {
    // Six modalities to load, one after the other.
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let preload = "preload = [\"ultrasound\", \"colonoscopy\", \"dermoscopy\", \"x-ray\", \"microscopy\", \"fundus\"]\n";
    for delay in [0, 30, 100, 300, 1000] {
        let (service, _, log) = listening(&shipped, preload);
        std::thread::sleep(Duration::from_millis(delay));
        let (code, took) = ended_by("-TERM", service);
        assert!(took < Duration::from_secs(5), "{delay} ms: {took:?}");
        assert_eq!(code, Some(0), "{delay} ms: {:?}", log.collect::<Vec<_>>());
    }
}

#[test]
fn a_hang_up_is_a_stop_and_a_pipe_for_weights_hangs_nothing() {
    let dir = workplace();
    let models = dir.path().join("models");
    let (service, _, mut log) = listening(&models, "");
    assert_eq!(ended_by("-HUP", service).0, Some(0));
    assert!(log.any(|line| line.contains("stopped")));
    std::fs::remove_file(models.join("base.bin")).unwrap();
    let made = Command::new("mkfifo").arg(models.join("base.bin")).status();
    assert!(made.unwrap().success());
    let (service, address, _log) = listening(&models, "");
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let deadline = Instant::now() + Duration::from_secs(60);
    let reason = loop {
        let mut reply = agent
            .get(format!("http://{address}/health/ready"))
            .call()
            .unwrap();
        let problem = json(&reply.body_mut().read_to_vec().unwrap());
        if problem["type"] != "/problems/not-ready" {
            break problem;
        }
        assert!(Instant::now() < deadline, "loading hangs");
    };
    assert_eq!(reason["type"], "/problems/model-unusable");
    let detail = reason["detail"].as_str().unwrap();
    assert!(detail.contains("base.bin: not a regular file"), "{detail}");
    let (code, took) = ended_by("-TERM", service);
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
}
