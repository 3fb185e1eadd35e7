//! Packages made, taken, refused and gone back from, by commands alone.

use std::path::Path;
use std::process::Output;

use super::{espmedsam, str, text, workplace};

/// A key, models with a picture in them, and a device that trusts the key.
fn maker(dir: &Path) -> String {
    let key = dir.join("maker.key");
    let output = espmedsam(&["package", "keygen", "maker-1", "--out", str(&key)]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let public = text(&output.stdout).trim().to_owned();
    assert!(public.starts_with("maker-1 "), "{public}");
    let again = espmedsam(&["package", "keygen", "maker-1", "--out", str(&key)]);
    assert_eq!(
        again.status.code(),
        Some(1),
        "a secret is never written over"
    );
    std::fs::copy(dir.join("in/left.png"), dir.join("models/left.png")).unwrap();
    let config = format!("[update]\nline = \"scope\"\nkeys = [\"{public}\"]\n");
    std::fs::write(dir.join("config.toml"), config).unwrap();
    public
}

fn pack(dir: &Path, serial: &str, line: &str) -> Output {
    let [key, out, models] =
        ["maker.key", &format!("{serial}.esp"), "models"].map(|name| dir.join(name));
    espmedsam(&[
        "package",
        "models",
        "--line",
        line,
        "--serial",
        serial,
        "--version",
        "2026.1",
        "--created",
        "2026-11-28",
        "--min-program",
        "0.1.0",
        "--key",
        str(&key),
        "--self-test",
        "bright=left.png",
        "--out",
        str(&out),
        str(&models),
    ])
}

fn add(dir: &Path, package: &str) -> Output {
    let [package, config, store] = [package, "config.toml", "store"].map(|name| dir.join(name));
    espmedsam(&[
        "models",
        "add",
        str(&package),
        "--config",
        str(&config),
        "--store",
        str(&store),
    ])
}

fn refused(output: &Output, said: &str) {
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let message = text(&output.stderr);
    assert!(message.contains(said), "{message}");
}

#[test]
fn models_come_in_a_package_and_are_gone_back_from() {
    let dir = workplace();
    let dir = dir.path();
    maker(dir);
    for serial in ["1", "2"] {
        let packed = pack(dir, serial, "scope");
        assert!(packed.status.success(), "{}", text(&packed.stderr));
    }
    assert!(add(dir, "1.esp").status.success());
    let added = add(dir, "2.esp");
    assert!(added.status.success(), "{}", text(&added.stderr));
    let current = dir.join("store/current");
    let listed = espmedsam(&["models", "--models", str(&current)]);
    assert!(listed.status.success(), "{}", text(&listed.stderr));
    let left = dir.join("in/left.png");
    let mask = |models: &Path| {
        let output = espmedsam(&[
            "segment",
            "--models",
            str(models),
            str(&left),
            "--modality",
            "bright",
            "-o",
            "-",
        ]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        output.stdout
    };
    assert_eq!(mask(&current), mask(&dir.join("models")));
    refused(&add(dir, "1.esp"), "1");
    refused(&add(dir, "2.esp"), "2");
    let store = dir.join("store");
    assert_eq!(std::fs::read_link(&current).unwrap(), Path::new("2"));
    let back = espmedsam(&["models", "rollback", "--store", str(&store)]);
    assert!(back.status.success(), "{}", text(&back.stderr));
    assert_eq!(std::fs::read_link(&current).unwrap(), Path::new("1"));
}

#[test]
fn what_is_not_the_makers_whole_and_for_this_device_changes_nothing() {
    let dir = workplace();
    let dir = dir.path();
    maker(dir);
    assert!(pack(dir, "1", "scope").status.success());
    assert!(pack(dir, "2", "another").status.success());
    refused(&add(dir, "2.esp"), "another");
    let whole = std::fs::read(dir.join("1.esp")).unwrap();
    std::fs::write(dir.join("cut.esp"), &whole[..whole.len() - 2000]).unwrap();
    refused(&add(dir, "cut.esp"), "");
    let mut turned = whole.clone();
    let middle = turned.len() / 2;
    turned[middle] ^= 1;
    std::fs::write(dir.join("turned.esp"), &turned).unwrap();
    refused(&add(dir, "turned.esp"), "");
    assert!(!dir.join("store/current").exists());
    std::fs::write(dir.join("config.toml"), "").unwrap();
    let output = add(dir, "1.esp");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("[update]"));
}

#[test]
fn a_picture_that_gives_no_mask_makes_no_package() {
    let dir = workplace();
    maker(dir.path());
    std::fs::write(dir.path().join("models/left.png"), b"not a picture").unwrap();
    let packed = pack(dir.path(), "1", "scope");
    refused(&packed, "bright=left.png");
    assert!(!dir.path().join("1.esp").exists());
}
