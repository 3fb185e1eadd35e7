//! A store of models in its daily life.

use std::path::Path;

use durable::{Disk, SystemDisk};
use update::{ModelStore, Rollback, SelfTest, Sha256Sum, StoreState, UpdateError};

use crate::workshop::*;

fn add(store: &mut ModelStore, serial: u64) -> Result<u64, UpdateError> {
    let stick = Stick::with(&models(serial));
    let held = store.add(&stick.package(), &recipient(), &mut trial)?;
    Ok(held.serial)
}

fn serials(state: &StoreState) -> [Option<u64>; 2] {
    [&state.current, &state.previous].map(|held| held.as_ref().map(|held| held.serial))
}

#[test]
fn packages_follow_each_other_and_one_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("models");
    assert_eq!(ModelStore::current(&folder), None);
    assert_eq!(StoreState::read(&folder).unwrap(), StoreState::default());
    let mut store = ModelStore::open(&folder).unwrap();
    for (serial, previous) in [(3, None), (4, Some(3)), (9, Some(4))] {
        assert_eq!(add(&mut store, serial).unwrap(), serial);
        assert_eq!(serials(store.state()), [Some(serial), previous]);
        assert_eq!(StoreState::read(&folder).unwrap(), *store.state());
    }
    assert_eq!(names(&folder), ["4", "9", "current", "state.toml"]);
    let current = ModelStore::current(&folder).unwrap();
    let manifest = std::fs::read_to_string(current.join("manifest.toml")).unwrap();
    assert_eq!(manifest, "format = 1 # 9");
    assert_eq!(store.state().to_string(), "9 (2026.9); kept: 4 (2026.4)");
}

#[test]
fn old_and_replayed_packages_are_refused_also_after_going_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ModelStore::open(folder.path()).unwrap();
    for serial in [3, 5] {
        add(&mut store, serial).unwrap();
    }
    let refused = |store: &mut ModelStore| {
        let same = message(add(store, 5));
        assert!(same.contains("package 5 was installed already"), "{same}");
        for serial in [1, 3, 4] {
            let old = message(add(store, serial));
            assert!(
                old.contains(&format!("package {serial} is older than 5")),
                "{old}"
            );
        }
    };
    refused(&mut store);
    store.rollback().unwrap();
    refused(&mut store);
    drop(store);
    let mut store = ModelStore::open(folder.path()).unwrap();
    refused(&mut store);
    assert_eq!(serials(store.state()), [Some(3), Some(5)]);
    // What works is what is kept.
    add(&mut store, 6).unwrap();
    assert_eq!(serials(store.state()), [Some(6), Some(3)]);
    assert_eq!(store.state().rolled_back, None);
}

#[test]
fn a_person_goes_back_and_forth() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ModelStore::open(folder.path()).unwrap();
    assert!(matches!(store.rollback(), Err(UpdateError::NothingEarlier)));
    add(&mut store, 3).unwrap();
    // To what the device came with, and to the package again.
    let back = store.rollback().unwrap();
    assert_eq!((&back.from, &back.to), (&Some(held(3)), &None));
    assert_eq!(ModelStore::current(folder.path()), None);
    assert_eq!(
        store.state().to_string(),
        "what the device came with; kept: 3 (2026.3); rolled back from 3 (2026.3) to what the device came with: asked for"
    );
    assert_eq!(store.rollback().unwrap().to, Some(held(3)));
    assert!(ModelStore::current(folder.path()).is_some());
}

#[test]
fn what_fails_is_fallen_back_from_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ModelStore::open(folder.path()).unwrap();
    for serial in [11, 12] {
        add(&mut store, serial).unwrap();
    }
    let back = store.fall_back("encoder.onnx:\nhash differs").unwrap();
    let expected = Rollback {
        reason: "encoder.onnx: hash differs".into(),
        failed: true,
        from: Some(held(12)),
        to: Some(held(11)),
    };
    assert_eq!(back, expected);
    assert_eq!(
        StoreState::read(folder.path()).unwrap().to_string(),
        "11 (2026.11); kept: 12 (2026.12); rolled back from 12 (2026.12) to 11 (2026.11): encoder.onnx: hash differs"
    );
    // Never to and fro between two that fail.
    let error = store.fall_back("fails as well");
    assert!(matches!(error, Err(UpdateError::NothingEarlier)));
    assert_eq!(serials(store.state()), [Some(11), Some(12)]);
    // A person may try once more, and then it goes back again.
    assert_eq!(store.rollback().unwrap().to, Some(held(12)));
    assert_eq!(store.fall_back("still").unwrap().to, Some(held(11)));
}

#[test]
fn the_first_package_is_fallen_back_from_to_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ModelStore::open(folder.path()).unwrap();
    add(&mut store, 1).unwrap();
    assert_eq!(store.fall_back("fails").unwrap().to, None);
    assert_eq!(ModelStore::current(folder.path()), None);
    assert!(matches!(
        store.fall_back("so does that"),
        Err(UpdateError::NothingEarlier)
    ));
}

#[test]
fn models_that_do_not_prove_themselves_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ModelStore::open(folder.path()).unwrap();
    add(&mut store, 1).unwrap();
    let before = (store.state().clone(), names(folder.path()));
    let stick = Stick::with(&models(2));
    let mut broken = |_: &Path, _: &SelfTest| Err("graph: unknown node".to_owned());
    let error = message(store.add(&stick.package(), &recipient(), &mut broken));
    assert!(
        error.contains("(ultrasound: graph: unknown node)"),
        "{error}"
    );
    let mut other = |_: &Path, _: &SelfTest| Ok(Sha256Sum::of(b"another mask"));
    let error = store.add(&stick.package(), &recipient(), &mut other);
    assert!(matches!(error, Err(UpdateError::OtherMask { .. })));
    assert_eq!((store.state().clone(), names(folder.path())), before);
    // The same package is welcome once it works: it was the device's fault, perhaps.
    add(&mut store, 2).unwrap();
}

#[test]
fn the_trial_sees_all_files_and_each_picture() {
    let folder = folder(&FILES);
    let mut list = models_list(folder.path(), 1);
    let mut second = list.self_tests[0].clone();
    second.modality = "fundus".into();
    second.model = Some("fine-448".into());
    list.self_tests.push(second);
    let stick = Stick::with(&packed(folder.path(), &list, &secret()));
    let store = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    let mut trial = |models: &Path, test: &SelfTest| {
        for (path, text) in FILES {
            assert_eq!(std::fs::read_to_string(models.join(path)).unwrap(), text);
        }
        seen.push((test.modality.clone(), test.model.clone()));
        Ok(mask(models, &test.picture))
    };
    let mut models = ModelStore::open(store.path()).unwrap();
    models
        .add(&stick.package(), &recipient(), &mut trial)
        .unwrap();
    let expected = [("ultrasound", None), ("fundus", Some("fine-448"))];
    let expected = expected.map(|(name, model)| (name.to_owned(), model.map(str::to_owned)));
    assert_eq!(seen, expected);
}

/// A disk that is all but full.
#[derive(Debug)]
struct FullDisk;

impl Disk for FullDisk {
    fn free(&self, _folder: &Path) -> std::io::Result<u64> {
        Ok(1 << 20)
    }
    fn make_folder(&self, folder: &Path, mode: u32) -> std::io::Result<()> {
        SystemDisk.make_folder(folder, mode)
    }
    fn create(&self, path: &Path, _mode: u32) -> std::io::Result<std::fs::File> {
        panic!("{} is written", path.display())
    }
    fn write(&self, _file: &mut std::fs::File, _bytes: &[u8]) -> std::io::Result<()> {
        panic!("something is written")
    }
    fn sync(&self, file: &std::fs::File, path: &Path) -> std::io::Result<()> {
        SystemDisk.sync(file, path)
    }
    fn sync_folder(&self, folder: &Path) -> std::io::Result<()> {
        SystemDisk.sync_folder(folder)
    }
    fn rename(&self, from: &Path, to: &Path) -> std::io::Result<()> {
        SystemDisk.rename(from, to)
    }
    fn link(&self, target: &Path, at: &Path) -> std::io::Result<()> {
        SystemDisk.link(target, at)
    }
    fn remove(&self, path: &Path) -> std::io::Result<()> {
        SystemDisk.remove(path)
    }
}

#[test]
fn nothing_is_written_where_there_is_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ModelStore::open_on(folder.path(), Box::new(FullDisk)).unwrap();
    let error = add(&mut store, 1);
    assert!(matches!(&error, Err(UpdateError::Space { free, .. }) if *free == 1 << 20));
    assert!(message(error).contains("1 MiB are free"));
}

#[test]
fn a_store_is_held_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ModelStore::open(folder.path()).unwrap();
    add(&mut store, 1).unwrap();
    assert!(matches!(
        ModelStore::open(folder.path()),
        Err(UpdateError::Busy)
    ));
    // Whoever only looks is not kept out.
    assert_eq!(StoreState::read(folder.path()).unwrap(), *store.state());
    drop(store);
    assert!(ModelStore::open(folder.path()).is_ok());
}

#[test]
fn a_state_that_cannot_be_read_forgets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ModelStore::open(folder.path()).unwrap();
    add(&mut store, 1).unwrap();
    drop(store);
    let current = ModelStore::current(folder.path()).unwrap();
    std::fs::write(folder.path().join("state.toml"), "accepted = ").unwrap();
    let error = message(ModelStore::open(folder.path()));
    assert!(error.contains("state.toml"), "{error}");
    assert!(current.join("manifest.toml").is_file());
}

#[test]
fn what_is_not_the_stores_own_stays() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("notes")).unwrap();
    for left in ["staging", "7", "8"] {
        std::fs::create_dir(folder.path().join(left)).unwrap();
    }
    std::fs::write(folder.path().join("state.toml.new"), "half").unwrap();
    drop(ModelStore::open(folder.path()).unwrap());
    assert_eq!(names(folder.path()), ["notes"]);
}
