//! The command as its users run it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod doctor;
mod figures;
mod segment;
mod serve;
mod service;
mod stage;
mod updates;

use std::path::Path;
use std::process::{Command, Output};

use testing::toy;

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
