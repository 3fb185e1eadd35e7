//! The power is cut at each thing that is done to the disk, and at each of those that follow when the device starts again. What was
//! not synced may be lost; whatever is, what is in use is whole, and it is the old or the new.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use update::{
    Installer, ModelStore, PackageList, ProgramStore, Sha256Sum, StoreDisk, StoreState, SystemDisk,
    UpdateError,
};

use crate::workshop::*;

/// Something that is done and not on the disk for sure.
enum Unsynced {
    Made(PathBuf),
    Written(PathBuf),
    /// What was at `to` lies `aside`.
    Renamed {
        from: PathBuf,
        to: PathBuf,
        aside: PathBuf,
    },
    Removed {
        path: PathBuf,
        aside: PathBuf,
    },
}

/// What a power cut takes of what was not synced.
#[derive(Clone, Copy, Debug)]
enum Loss {
    Nothing,
    /// What files hold, but not that they are there.
    Content,
    Everything,
}

struct Current {
    /// Operations until the power is cut.
    left: usize,
    unsynced: Vec<Unsynced>,
    /// What is gone, until that is sure.
    attic: tempfile::TempDir,
    moved: usize,
}

/// A disk whose power can be cut.
#[derive(Clone)]
struct PowerDisk(Rc<RefCell<Current>>);

impl PowerDisk {
    fn with(left: usize) -> Self {
        Self(Rc::new(RefCell::new(Current {
            left,
            unsynced: Vec::new(),
            attic: tempfile::tempdir().unwrap(),
            moved: 0,
        })))
    }

    /// Does it, unless the power is off.
    fn then<T>(&self, work: impl FnOnce(&mut Current) -> io::Result<T>) -> io::Result<T> {
        let mut current = self.0.borrow_mut();
        let rest = current.left.checked_sub(1);
        current.left = rest.ok_or_else(|| io::Error::other("the power is off"))?;
        work(&mut current)
    }

    /// What the disk is like when the power comes back.
    fn lose(&self, loss: Loss) {
        let unsynced = std::mem::take(&mut self.0.borrow_mut().unsynced);
        for done in unsynced.into_iter().rev() {
            match (loss, done) {
                (Loss::Nothing, _) => (),
                (_, Unsynced::Written(path)) => {
                    // Unless it was removed since.
                    if let Ok(file) = File::options().write(true).open(&path) {
                        let length = file.metadata().unwrap().len();
                        file.set_len(length / 2).unwrap();
                    }
                }
                (Loss::Content, _) => (),
                (Loss::Everything, Unsynced::Made(path)) => SystemDisk.remove(&path).unwrap(),
                (Loss::Everything, Unsynced::Renamed { from, to, aside }) => {
                    fs::rename(&to, &from).unwrap();
                    bring_back(&aside, &to);
                }
                (Loss::Everything, Unsynced::Removed { path, aside }) => bring_back(&aside, &path),
            }
        }
    }
}

fn bring_back(aside: &Path, path: &Path) {
    if aside.symlink_metadata().is_ok() {
        fs::rename(aside, path).unwrap();
    }
}

impl Current {
    /// Puts away what is at `path`, if anything is.
    fn put_aside(&mut self, path: &Path) -> io::Result<PathBuf> {
        self.moved += 1;
        let aside = self.attic.path().join(self.moved.to_string());
        if path.symlink_metadata().is_ok() {
            fs::rename(path, &aside)?;
        }
        Ok(aside)
    }
}

impl StoreDisk for PowerDisk {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        self.then(|current| {
            if !folder.exists() {
                SystemDisk.make_folder(folder)?;
                current.unsynced.push(Unsynced::Made(folder.into()));
            }
            Ok(())
        })
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        self.then(|current| {
            let file = SystemDisk.create(path)?;
            current.unsynced.push(Unsynced::Made(path.into()));
            current.unsynced.push(Unsynced::Written(path.into()));
            Ok(file)
        })
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        let whole = self.then(|_| SystemDisk.write(file, bytes));
        if whole.is_err() {
            SystemDisk.write(file, &bytes[..bytes.len() / 2])?;
        }
        whole
    }

    fn sync(&self, _file: &File, path: &Path) -> io::Result<()> {
        self.then(|current| {
            let kept = |done: &Unsynced| !matches!(done, Unsynced::Written(at) if at == path);
            current.unsynced.retain(kept);
            Ok(())
        })
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.then(|current| {
            current.unsynced.retain(|done| match done {
                Unsynced::Written(_) => true,
                Unsynced::Made(path)
                | Unsynced::Renamed { to: path, .. }
                | Unsynced::Removed { path, .. } => path.parent() != Some(folder),
            });
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.then(|current| {
            let aside = current.put_aside(to)?;
            SystemDisk.rename(from, to)?;
            let (from, to) = (from.into(), to.into());
            current.unsynced.push(Unsynced::Renamed { from, to, aside });
            Ok(())
        })
    }

    fn link(&self, target: &Path, at: &Path) -> io::Result<()> {
        self.then(|current| {
            SystemDisk.link(target, at)?;
            current.unsynced.push(Unsynced::Made(at.into()));
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.then(|current| {
            if path.symlink_metadata().is_ok() {
                let aside = current.put_aside(path)?;
                let path = path.into();
                current.unsynced.push(Unsynced::Removed { path, aside });
            }
            Ok(())
        })
    }

    fn free(&self, folder: &Path) -> io::Result<u64> {
        self.then(|_| SystemDisk.free(folder))
    }
}

const NEVER: usize = usize::MAX;
const LOSSES: [Loss; 3] = [Loss::Nothing, Loss::Content, Loss::Everything];

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
