//! The program, installed, gone back from and gone on with.

use std::path::Path;

use update::{Afterwards, Installer, ProgramStore, UpdateError};

use crate::workshop::*;

/// What was installed, one after the other; what cannot be.
#[derive(Default)]
struct Fake {
    installed: Vec<String>,
    refused: Option<&'static str>,
}

impl Installer for Fake {
    fn install(&mut self, deb: &Path) -> Result<(), String> {
        let deb = std::fs::read_to_string(deb).map_err(|error| error.to_string())?;
        if self.refused == Some(deb.as_str()) {
            return Err("dpkg failed".into());
        }
        self.installed.push(deb);
        Ok(())
    }
}

struct Bench {
    folder: tempfile::TempDir,
    fake: Fake,
}

impl Bench {
    /// A device on which program 1 came in a package.
    fn new() -> Self {
        let mut bench = Self {
            folder: tempfile::tempdir().unwrap(),
            fake: Fake::default(),
        };
        bench.add(1, &mut || Ok(())).unwrap();
        bench
    }

    fn add(
        &mut self,
        serial: u64,
        healthy: &mut dyn FnMut() -> Result<(), String>,
    ) -> Result<(), UpdateError> {
        let stick = Stick::with(&program(serial));
        let mut store = ProgramStore::open(self.folder.path()).unwrap();
        let added = store.add(&stick.package(), &recipient(), &mut self.fake, healthy);
        added.map(drop)
    }

    fn store(&self) -> ProgramStore {
        ProgramStore::open(self.folder.path()).unwrap()
    }
}

/// Ill the first time it is asked, then well.
fn ill_once() -> impl FnMut() -> Result<(), String> {
    let mut asked = 0;
    move || {
        asked += 1;
        if asked == 1 {
            Err("no answer in 60 s".into())
        } else {
            Ok(())
        }
    }
}

#[test]
fn a_program_is_installed_and_the_one_before_is_let_go_of() {
    let mut bench = Bench::new();
    bench.add(2, &mut || Ok(())).unwrap();
    assert_eq!(bench.fake.installed, ["program 1", "program 2"]);
    assert_eq!(bench.store().state().current, Some(held(2)));
    assert_eq!(names(bench.folder.path()), ["2", "current", "state.toml"]);
    let error = message(bench.add(1, &mut || Ok(())));
    assert!(error.contains("package 1 is older than 2"), "{error}");
}

#[test]
fn a_program_that_does_badly_is_gone_back_from() {
    let mut bench = Bench::new();
    let error = bench.add(2, &mut ill_once()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("no answer in 60 s")
            && text.ends_with("program 1 (2026.1) is installed again"),
        "{text}"
    );
    assert_eq!(
        bench.fake.installed,
        ["program 1", "program 2", "program 1"]
    );
    let state = bench.store().state().clone();
    assert_eq!((state.current, state.under_way), (Some(held(1)), None));
    assert_eq!(state.rolled_back.unwrap().from, Some(held(2)));
    // It may be tried again: nothing newer was ever accepted.
    bench.add(2, &mut || Ok(())).unwrap();
}

#[test]
fn a_program_that_cannot_be_installed_is_gone_back_from() {
    let mut bench = Bench::new();
    bench.fake.refused = Some("program 2");
    let error = bench.add(2, &mut || Ok(()));
    assert!(matches!(
        error,
        Err(UpdateError::Program { afterwards: Afterwards::WentBack(before), .. }) if before == held(1)
    ));
    assert_eq!(bench.fake.installed, ["program 1", "program 1"]);
}

#[test]
fn what_cannot_be_gone_back_to_is_said() {
    let mut bench = Bench {
        folder: tempfile::tempdir().unwrap(),
        fake: Fake::default(),
    };
    let text = message(bench.add(1, &mut ill_once()));
    assert!(text.contains("no earlier package"), "{text}");
    let state = bench.store().state().clone();
    assert_eq!((state.current, state.under_way), (None, Some(held(1))));

    // Neither does the one before.
    let mut bench = Bench::new();
    let text = message(bench.add(2, &mut || Err("hot".into())));
    assert!(
        text.contains("going back to program 1 (2026.1) failed too (hot)"),
        "{text}"
    );
    let line = bench.store().state().to_string();
    assert_eq!(line, "1 (2026.1); 2 (2026.2) was not installed to its end");
    // When it is well again, it is gone on with.
    let resumed = bench
        .store()
        .resume(&mut bench.fake, &mut || Ok(()))
        .unwrap();
    assert_eq!(resumed, Some(held(2)));
    assert_eq!(bench.store().state().current, Some(held(2)));
}

#[test]
fn a_kept_program_that_was_changed_is_not_installed() {
    let mut bench = Bench::new();
    std::fs::write(bench.folder.path().join("1/espmedsam.deb"), "program X").unwrap();
    let text = message(bench.add(2, &mut ill_once()));
    assert!(
        text.contains("going back to program 1") && text.contains("is damaged"),
        "{text}"
    );
    assert_eq!(bench.fake.installed, ["program 1", "program 2"]);
}

#[test]
fn a_program_for_another_processor_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let stick = Stick::with(&program(1));
    let mut device = recipient();
    device.architecture = "amd64".into();
    let mut store = ProgramStore::open(folder.path()).unwrap();
    let mut fake = Fake::default();
    let text = message(store.add(&stick.package(), &device, &mut fake, &mut || Ok(())));
    assert!(
        text.contains("is for arm64, and this device is amd64"),
        "{text}"
    );
    let text = message(store.add(
        &Stick::with(&models(1)).package(),
        &recipient(),
        &mut fake,
        &mut || Ok(()),
    ));
    assert!(text.contains("use 'espmedsam models add'"), "{text}");
    assert_eq!(fake.installed, [""; 0]);
}
