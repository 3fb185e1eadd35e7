//! The library as C and C++ see it: its header, its symbols, its examples, and whether it keeps its promises to whoever lies.
//!
//! Programs are built with all warnings as errors, under AddressSanitizer, by each of the compilers that are here.
//!
//! Research use only. Not for clinical use.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use engine::flow::Pipeline;
use engine::model::store::Store;
use picture::frame::{FrameLimits, decode};
use picture::segmenter::Ask;
use tempfile::TempDir;
use testing::{repository, toy};

const SAMPLE: &str = "tests/samples/kvasir_cju84hibuktj80871u519o71q.jpg";
const MODALITY: &str = "colonoscopy";

/// The crate's own file.
fn own(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Where cargo leaves the library that this test is built with.
fn built() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().to_path_buf()
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output
}

fn text(command: &mut Command) -> String {
    String::from_utf8(run(command).stdout).unwrap()
}

fn is_here(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// The library installed as `make capi` does it.
fn installed() -> TempDir {
    let prefix = tempfile::tempdir().unwrap();
    run(Command::new(own("install.sh"))
        .arg(built())
        .arg(prefix.path()));
    prefix
}

/// Builds a program with each of the compilers for its language.
fn programs(prefix: &Path, source: &str) -> Vec<PathBuf> {
    let (compilers, standard) = match source.ends_with(".cpp") {
        true => (["g++", "clang++"], "-std=c++17"),
        false => (["gcc", "clang"], "-std=c11"),
    };
    let compilers: Vec<_> = compilers.into_iter().filter(|name| is_here(name)).collect();
    assert!(!compilers.is_empty(), "no compiler for {source}");
    let lib = prefix.join("lib");
    let programs = compilers.into_iter().map(|compiler| {
        let program = prefix.join(format!(
            "{}-{compiler}",
            Path::new(source).file_stem().unwrap().display()
        ));
        run(Command::new(compiler)
            .args([
                standard,
                "-Wall",
                "-Wextra",
                "-Wpedantic",
                "-Wshadow",
                "-Werror",
                "-g",
                "-O1",
            ])
            .args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"])
            .arg("-I")
            .arg(prefix.join("include"))
            .arg(own(source))
            .arg("-L")
            .arg(&lib)
            .args(["-lespmedsam", "-pthread", "-o"])
            .arg(&program)
            .arg(format!("-Wl,-rpath,{}", lib.display())));
        program
    });
    programs.collect()
}

/// The mask that the program's own flow makes of the sample.
fn expected() -> Vec<u8> {
    let store = Store::open(&repository("models"), None).unwrap();
    let pipeline = Pipeline::new(Arc::new(store), 1, FrameLimits::default()).unwrap();
    let file = std::fs::read(repository(SAMPLE)).unwrap();
    let found = pipeline.segment_file(&file, &Ask::new(MODALITY)).unwrap();
    found.mask.into_pixels()
}

#[test]
fn the_header_is_current() {
    let config = cbindgen::Config::from_file(own("cbindgen.toml")).unwrap();
    let builder = cbindgen::Builder::new().with_config(config);
    let bindings = builder.with_crate(env!("CARGO_MANIFEST_DIR")).generate();
    let mut header = Vec::new();
    bindings.unwrap().write(&mut header);
    let header = String::from_utf8(header).unwrap();
    let path = own("include/espmedsam.h");
    if std::env::var_os("ESPMEDSAM_WRITE_HEADER").is_some() {
        std::fs::write(&path, &header).unwrap();
    }
    let checked_in = std::fs::read_to_string(path).unwrap();
    assert_eq!(checked_in, header, "run make capi-header");
}

#[test]
fn the_library_exports_what_is_listed_and_nothing_else() {
    let library = built().join("libespmedsam_capi.so");
    let names = text(
        Command::new("nm")
            .args(["-D", "--defined-only", "--format=just-symbols"])
            .arg(&library),
    );
    let names: BTreeSet<&str> = names.lines().collect();
    let listed = std::fs::read_to_string(own("symbols.txt")).unwrap();
    let listed: BTreeSet<&str> = listed
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(names, listed);
    let header = std::fs::read_to_string(own("include/espmedsam.h")).unwrap();
    for name in listed {
        assert!(header.contains(&format!("{name}(")), "{name}");
    }
    let dynamic = text(Command::new("readelf").arg("-d").arg(&library));
    let major = env!("CARGO_PKG_VERSION_MAJOR");
    assert!(
        dynamic.contains(&format!("[libespmedsam.so.{major}]")),
        "{dynamic}"
    );
    assert!(
        !dynamic.contains("libssl") && !dynamic.contains("libstdc++"),
        "{dynamic}"
    );
}

#[test]
fn an_installed_library_is_found_by_its_names() {
    let prefix = installed();
    let lib = prefix.path().join("lib");
    let whole = std::fs::canonicalize(lib.join("libespmedsam.so")).unwrap();
    let major = concat!("libespmedsam.so.", env!("CARGO_PKG_VERSION_MAJOR"));
    assert_eq!(std::fs::canonicalize(lib.join(major)).unwrap(), whole);
    let pc = std::fs::read_to_string(lib.join("pkgconfig/espmedsam.pc")).unwrap();
    assert!(
        pc.contains(&format!("prefix={}\n", prefix.path().display())) && !pc.contains('@'),
        "{pc}"
    );
    assert!(
        pc.contains(concat!("Version: ", env!("CARGO_PKG_VERSION"), "\n")),
        "{pc}"
    );
    if !is_here("pkg-config") {
        eprintln!("NOT RUN: the library's flags by pkg-config (it is not here)");
        return;
    }
    let mut flags = Command::new("pkg-config");
    flags
        .args(["--cflags", "--libs", "espmedsam"])
        .env("PKG_CONFIG_PATH", lib.join("pkgconfig"));
    assert!(text(&mut flags).contains("-lespmedsam"));
}

#[test]
fn the_header_keeps_its_promises_to_whoever_lies() {
    let (prefix, models) = (installed(), toy::model());
    toy::add_guard(models.path(), 0.5);
    for program in programs(prefix.path(), "tests/border.c") {
        let said = text(Command::new(program).arg(models.path()));
        assert!(
            said.ends_with("Research use only. Not for clinical use.\n"),
            "{said}"
        );
    }
}

#[test]
fn the_example_in_c_gives_the_programs_mask_bit_for_bit() {
    let prefix = installed();
    let expected = expected();
    for program in programs(prefix.path(), "examples/segment.c") {
        let mask = prefix.path().join("mask.pgm");
        let said = text(
            Command::new(&program)
                .arg(repository("models"))
                .arg(MODALITY)
                .arg(repository(SAMPLE))
                .arg(&mask),
        );
        assert!(
            said.contains("polyp") && said.contains("Research use only."),
            "{said}"
        );
        let mask = std::fs::read(mask).unwrap();
        assert!(mask.ends_with(&expected) && mask.starts_with(b"P5 "));
        let failed = Command::new(&program)
            .args(["/nowhere", MODALITY])
            .arg(repository(SAMPLE))
            .arg(prefix.path().join("none.pgm"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&failed.stderr);
        assert!(
            !failed.status.success() && said.starts_with("model-unusable: "),
            "{said}"
        );
    }
}

/// The page's commands, word for word, but for where things are put and that the library is installed already.
#[test]
fn a_strangers_ten_minutes_are_as_the_page_says() {
    if !is_here("pkg-config") {
        eprintln!("NOT RUN: the commands of docs/embed.md (pkg-config is not here)");
        return;
    }
    let page = std::fs::read_to_string(repository("docs/embed.md")).unwrap();
    let (_, block) = page.split_once("```sh\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let (make, rest) = block.split_once('\n').unwrap();
    assert_eq!(make, "make capi PREFIX=$PWD/out/usr");
    let prefix = installed();
    let out = prefix.path().display().to_string();
    let script = rest
        .replace("$PWD/out/usr", &out)
        .replace("out/", &format!("{out}/"));
    let said = text(
        Command::new("sh")
            .args(["-euc", &script])
            .current_dir(repository("")),
    );
    assert!(
        said.contains("polyp") && said.contains("Research use only."),
        "{said}"
    );
    assert!(prefix.path().join("mask.pgm").is_file());
}

#[test]
fn the_live_example_in_cpp_ends_with_the_newest_frame() {
    let prefix = installed();
    let file = std::fs::read(repository(SAMPLE)).unwrap();
    let frame = decode(&file, &FrameLimits::default()).unwrap();
    let mut ppm = format!("P6 {} {} 255\n", frame.width(), frame.height()).into_bytes();
    ppm.extend(frame.rgb());
    let picture = prefix.path().join("picture.ppm");
    std::fs::write(&picture, ppm).unwrap();
    for program in programs(prefix.path(), "examples/live.cpp") {
        let mut live = Command::new(program);
        let said = text(live.arg(repository("models")).arg(MODALITY).arg(&picture));
        assert!(said.contains("frame 60, "), "{said}");
    }
}

#[test]
fn examples_are_short() {
    for example in ["examples/segment.c", "examples/live.cpp"] {
        let lines = std::fs::read_to_string(own(example))
            .unwrap()
            .lines()
            .count();
        assert!(lines <= 40, "{example}: {lines} lines");
    }
}
