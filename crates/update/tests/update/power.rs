//! The power is cut at each thing that is done to the disk, and at each of those that follow when the device starts again. What was
//! not synced may be lost; whatever is, what is in use is whole, and it is the old or the new.

use std::fs;
use std::path::Path;

use durable::{Disk, SystemDisk};
use testing::power::{LOSSES, Loss, NEVER, PowerDisk};
use update::{
    Installer, ModelStore, PackageList, ProgramStore, Sha256Sum, StoreState, UpdateError,
};

use crate::workshop::*;

fn open(folder: &Path, disk: &PowerDisk) -> Result<ModelStore, UpdateError> {
    ModelStore::open_on(folder, Box::new(disk.clone()))
}

fn add(store: &mut ModelStore, package: &[u8]) -> Result<u64, UpdateError> {
    let stick = Stick::with(package);
    let held = store.add(&stick.package(), &recipient(), &mut trial)?;
    Ok(held.serial)
}

/// A store in which 1 and then 2 were added.
fn two() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), &PowerDisk::with(NEVER)).unwrap();
    for serial in [1, 2] {
        add(&mut store, &models(serial)).unwrap();
    }
    folder
}

fn copy(from: &Path, to: &Path) {
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if let Ok(target) = fs::read_link(&from) {
            SystemDisk.link(&target, &to).unwrap();
        } else if from.is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// Every file of a package is what its list says.
fn assert_whole(place: &Path) -> u64 {
    let text = fs::read_to_string(place.join("package.toml")).unwrap();
    let list: PackageList = toml::from_str(&text).unwrap();
    for file in &list.files {
        let bytes = fs::read(place.join(&file.path)).unwrap();
        assert_eq!(Sha256Sum::of(&bytes), file.sha256, "{}", file.path);
    }
    list.serial
}

/// What the service would start with; nobody has opened the store yet.
fn assert_usable(store: &Path) -> u64 {
    assert_whole(&ModelStore::current(store).expect("models in use"))
}

/// Does something with the store, the power cut after `first` operations, and once more after `second` of those that the next
/// start does. The store's state then, and whether it came through.
fn cut(
    folder: &Path,
    [first, second]: [usize; 2],
    loss: Loss,
    work: &dyn Fn(&mut ModelStore) -> Result<(), UpdateError>,
) -> (StoreState, bool, bool) {
    let disk = PowerDisk::with(first);
    let done = open(folder, &disk).and_then(|mut store| work(&mut store));
    disk.lose(loss);
    assert_usable(folder);
    let disk = PowerDisk::with(second);
    let opened = open(folder, &disk).is_ok();
    disk.lose(loss);
    assert_usable(folder);
    let store = open(folder, &PowerDisk::with(NEVER)).unwrap();
    let state = store.state().clone();
    let current = state.current.as_ref().map(|held| held.serial);
    assert_eq!(
        Some(assert_usable(folder)),
        current,
        "the link is the state's"
    );
    for held in [&state.current, &state.previous].into_iter().flatten() {
        assert_eq!(
            assert_whole(&folder.join(held.serial.to_string())),
            held.serial
        );
    }
    // Nothing is left over.
    let mut expected = vec!["current".to_owned(), "state.toml".into()];
    let kept = [&state.current, &state.previous].into_iter().flatten();
    expected.extend(kept.map(|held| held.serial.to_string()));
    expected.sort();
    assert_eq!(names(folder), expected);
    (state, done.is_ok(), opened)
}

/// Every place for the first cut, and for each every place for the second. How many there were.
fn at_every_place(
    work: &dyn Fn(&mut ModelStore) -> Result<(), UpdateError>,
    check: &dyn Fn(&Path, &StoreState, bool),
) -> usize {
    let before = two();
    let mut cuts = 0;
    for loss in LOSSES {
        for first in 0.. {
            let mut came_through = false;
            for second in 0.. {
                let folder = tempfile::tempdir().unwrap();
                copy(before.path(), folder.path());
                let (state, done, opened) = cut(folder.path(), [first, second], loss, work);
                check(folder.path(), &state, done);
                cuts += 1;
                came_through = done;
                if opened {
                    break;
                }
            }
            if came_through {
                break;
            }
        }
    }
    cuts
}

#[test]
fn models_being_added_are_the_old_or_the_new() {
    let third = models(3);
    let cuts = at_every_place(
        &|store| add(store, &third).map(drop),
        &|folder, state, done| {
            let current = state.current.as_ref().unwrap().serial;
            assert!(current == 3 || (current == 2 && !done), "{state}");
            let (previous, accepted) = if current == 3 { (2, 3) } else { (1, 2) };
            assert_eq!(state.previous, Some(held(previous)));
            assert_eq!(state.accepted, accepted);
            // It goes on from there.
            let mut store = open(folder, &PowerDisk::with(NEVER)).unwrap();
            match add(&mut store, &third) {
                Ok(serial) => assert_eq!((serial, current), (3, 2)),
                Err(error) => assert!(
                    matches!(error, UpdateError::Same { serial: 3 }) && current == 3,
                    "{error}"
                ),
            }
            assert_eq!(assert_usable(folder), 3);
        },
    );
    assert!(cuts > 300, "{cuts} cuts");
}

#[test]
fn models_being_gone_back_from_are_the_old_or_the_new() {
    let second = models(2);
    let cuts = at_every_place(
        &|store| store.fall_back("does not load").map(drop),
        &|folder, state, done| {
            let current = state.current.as_ref().unwrap().serial;
            assert!(current == 1 || (current == 2 && !done), "{state}");
            assert_eq!(state.rolled_back.is_some(), current == 1);
            assert_eq!(state.accepted, 2);
            let mut store = open(folder, &PowerDisk::with(NEVER)).unwrap();
            let again = add(&mut store, &second);
            assert!(matches!(again, Err(UpdateError::Same { serial: 2 })));
        },
    );
    assert!(cuts > 60, "{cuts} cuts");
}

/// What dpkg has installed; the cut of a disk is not a cut of dpkg, so it counts its own.
#[derive(Default)]
struct Root(Option<String>);

impl Installer for Root {
    fn install(&mut self, deb: &Path) -> Result<(), String> {
        self.0 = Some(fs::read_to_string(deb).unwrap());
        Ok(())
    }
}

#[test]
fn a_program_being_installed_can_be_gone_on_with() {
    let [old, new] = [1, 2].map(|serial| Stick::with(&program(serial)));
    let mut cuts = 0;
    for (loss, well) in LOSSES
        .into_iter()
        .flat_map(|loss| [(loss, true), (loss, false)])
    {
        for left in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let mut root = Root::default();
            let add = |disk: &PowerDisk, stick: &Stick, root: &mut Root, well: bool| {
                let mut store = ProgramStore::open_on(folder.path(), Box::new(disk.clone()))?;
                let mut asked = 0;
                // The new one does badly, and the old one well.
                let mut healthy = || {
                    asked += 1;
                    if well || asked > 1 {
                        Ok(())
                    } else {
                        Err("no answer".into())
                    }
                };
                store.add(&stick.package(), &recipient(), root, &mut healthy)
            };
            add(&PowerDisk::with(NEVER), &old, &mut root, true).unwrap();
            let disk = PowerDisk::with(left);
            let added = add(&disk, &new, &mut root, well);
            disk.lose(loss);
            cuts += 1;

            let disk = Box::new(PowerDisk::with(NEVER));
            let mut store = ProgramStore::open_on(folder.path(), disk).unwrap();
            let resumed = store.resume(&mut root, &mut || Ok(())).unwrap();
            let state = store.state();
            assert_eq!(state.under_way, None);
            let current = state.current.as_ref().unwrap();
            // What is said to be installed is, and is kept to go back to.
            assert_eq!(root.0, Some(format!("program {}", current.serial)));
            assert_eq!(assert_usable(folder.path()), current.serial);
            assert!(resumed.is_none() || resumed == Some(held(2)));
            let ended = match &added {
                Ok(_) => true,
                Err(UpdateError::Program { .. }) => true,
                Err(_) => false,
            };
            if ended {
                assert_eq!(current.serial, if well { 2 } else { 1 });
                break;
            }
        }
    }
    assert!(cuts > 100, "{cuts} cuts");
}
