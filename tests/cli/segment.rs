//! Pictures in, masks out.

use std::path::Path;
use std::process::{Command, Output};

use super::{NOTICE, espmedsam, json, str, text, workplace};
use testing::dicom::{DicomSketch, dicomdir};
use testing::toy;

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
    for (format, kind) in [
        ("overlay-jpeg", image::ImageFormat::Jpeg),
        ("patch", image::ImageFormat::Png),
    ] {
        let drawn = image::load_from_memory_with_format(&run(format, None), kind);
        assert_eq!(drawn.unwrap().to_rgb8().dimensions(), (64, 32), "{format}");
    }
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
fn pixels_of_known_size_give_an_ellipse() {
    let dir = workplace();
    let left = dir.path().join("in/left.png");
    let ask = [str(&left), "--modality", "bright", "--format", "rle"];
    let run = |more: &[&str]| {
        let output = segment(dir.path(), &[&ask[..], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        json(&output.stdout)
    };
    assert!(run(&[]).get("ellipse").is_none());
    let [fine, coarse] = ["0.5", "1"].map(|mm| {
        let report = run(&["--pixel-mm", mm]);
        report["ellipse"]["circumference_mm"].as_f64().unwrap()
    });
    assert!((coarse / fine - 2.0).abs() < 1e-9, "{fine} {coarse}");
}

/// What has no words of its own is doubted on the terminal.
#[test]
fn doubts_are_said_where_the_output_cannot() {
    let dir = workplace();
    toy::add_presence(&dir.path().join("models"), 0.25, 1.0);
    let left = dir.path().join("in/left.png");
    for (format, said) in [("png", true), ("overlay", true), ("json", false)] {
        let ask = [str(&left), "--modality", "bright", "--format", format];
        let output = segment(dir.path(), &[&ask[..], &["-o", "-"]].concat());
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{message}");
        assert_eq!(message.contains("Unsure whether"), said, "{message}");
    }
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

/// Ten frames, bright on the left for the first five, then on the right.
fn cine(dir: &Path, name: &str) {
    let sketch = DicomSketch {
        size: [64, 32],
        frames: 10,
        modality: "US",
        regions: &[],
        more: &[],
    };
    let bright = |frame, x| (frame < 5) == (x < 32);
    let file = sketch.write(|frame, x, _| 255 * u8::from(bright(frame, x)));
    std::fs::write(dir.join("in").join(name), file).unwrap();
}

#[test]
fn frames_of_a_cine_loop_have_each_a_file() {
    let dir = workplace();
    cine(dir.path(), "IM_0001");
    let (file, out) = (dir.path().join("in/IM_0001"), dir.path().join("out"));
    let frames = ["--modality", "bright", "--frames", "4-5", "-o", str(&out)];
    let output = segment(dir.path(), &[&[str(&file)], &frames[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for (frame, left) in [(4, 255), (5, 0)] {
        let path = out.join(format!("IM_0001.frame-{frame:04}.mask.png"));
        let mask = image::open(path).unwrap().to_luma8();
        assert_eq!(
            (mask.get_pixel(5, 5).0, mask.get_pixel(60, 5).0),
            ([left], [255 - left])
        );
    }
    let part = [
        "--modality",
        "bright",
        "--region",
        "32,0,32,32",
        "--format",
        "json",
    ];
    let output = segment(dir.path(), &[&[str(&file)], &part[..]].concat());
    let report = json(&output.stdout);
    assert_eq!(
        (&report["result"], &report["image"]["frames"]),
        (&"nothing-found".into(), &serde_json::Value::Null)
    );
    assert_eq!(report["image"]["region"]["x"], 32);
    // The toy model has no modality of the name that the file's own is known by.
    let output = segment(dir.path(), &[str(&file), "--format", "json"]);
    let message = text(&output.stderr);
    assert!(
        output.status.code() == Some(1) && message.contains("ultrasound"),
        "{message}"
    );
    let output = segment(dir.path(), &[str(&dir.path().join("in/left.png"))]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("say --modality"));
}

#[test]
fn a_folder_and_a_directory_give_files_without_an_ending() {
    let dir = workplace();
    let input = dir.path().join("in");
    cine(dir.path(), "IM_0001");
    cine(dir.path(), "B.dcm");
    std::fs::write(input.join("README"), "no picture").unwrap();
    std::fs::write(input.join("DICOMDIR"), dicomdir(&[&["IM_0001"]])).unwrap();
    let run = |input: &Path, out: &str| {
        let out = dir.path().join(out);
        let to = ["--modality", "bright", "-o", str(&out)];
        let output = segment(dir.path(), &[&[str(input)], &to[..]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let mut names: Vec<_> = (out.read_dir().unwrap())
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let all = [
        "B.mask.png",
        "IM_0001.mask.png",
        "left.mask.png",
        "right.mask.png",
    ];
    assert_eq!(run(&input, "a"), all);
    assert_eq!(run(&input.join("DICOMDIR"), "b"), ["IM_0001.mask.png"]);
}

#[test]
fn objects_of_a_cine_loop_are_written_for_all_of_its_frames() {
    let dir = workplace();
    cine(dir.path(), "IM_0001");
    let (file, out) = (dir.path().join("in/IM_0001"), dir.path().join("out"));
    let folder = format!("{}/", out.display());
    let run = |more: &[&str]| {
        let ask = ["--modality", "bright", "-o", &folder];
        segment(dir.path(), &[&[str(&file)], &ask[..], more].concat())
    };
    let output = run(&["--frames", "all", "--format", "sr"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let seg = std::fs::read(out.join("IM_0001.seg.dcm")).unwrap();
    assert_eq!(&seg[128..132], b"DICM");
    // Ten frames of 64 by 32 pixels, half of each bright, a bit a pixel.
    let marked = |bytes: &[u8]| bytes.iter().map(|byte| byte.count_ones()).sum::<u32>();
    assert_eq!(
        marked(&seg[seg.len() - 10 * 64 * 32 / 8..]),
        10 * 64 * 32 / 2
    );
    let report = std::fs::read(out.join("IM_0001.sr.dcm")).unwrap();
    assert!(
        report
            .windows(17)
            .any(|bytes| bytes == b"Research use only")
    );
    // Nobody said that the picture shows no name.
    let output = run(&["--frames", "0-1", "--format", "capture"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("identity"));
    let here = ["--modality", "bright", "--format", "sr"];
    let output = segment(dir.path(), &[&[str(&file)], &here[..]].concat());
    assert_eq!(output.status.code(), Some(2), "two files");
}
