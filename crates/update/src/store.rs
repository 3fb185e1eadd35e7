//! A folder of packages, of which one is in use:
//!
//! ```text
//! state.toml    what is in use, what is kept, what was accepted: replaced as a whole, and so the moment of every switch
//! current       a link to the package in use, for whoever reads it; made anew from the state whenever they differ
//! 12/           a package: its list, its seal, its files
//! staging/      one that is being unpacked, and is never used as it lies there
//! ```
//!
//! What is written is synced before what names it, so that a power cut leaves what was, or what is to be. What no state names is
//! removed when the store is opened.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use durable::{Disk, FOR_ALL};

use crate::about::HeldPackage;
use crate::error::UpdateError;
use crate::list::PackageList;
use crate::read::{FilePiece, PackageReader};
use crate::state::{STATE, StoreState};

/// The link to what is in use.
pub(crate) const CURRENT: &str = "current";
const STAGING: &str = "staging";
/// What is about to take another's name ends so.
const NEW: &str = "new";
/// What a file takes at most beside its bytes, and what is left for the state.
const ASIDE: u64 = 8 * 1024;
const SPARE: u64 = 1 << 20;

/// A store, opened by one process at a time.
pub(crate) struct PackageStore {
    folder: PathBuf,
    disk: Box<dyn Disk>,
    state: StoreState,
    /// Unlocked when it is dropped.
    _lock: File,
}

/// An error of the disk, with what was being done to what.
fn failed<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> UpdateError + 'a {
    move |source| UpdateError::Disk {
        doing,
        path: path.into(),
        source,
    }
}

impl PackageStore {
    pub fn open(folder: &Path, disk: Box<dyn Disk>) -> Result<Self, UpdateError> {
        disk.make_folder(folder, FOR_ALL)
            .map_err(failed("making", folder))?;
        let lock = File::open(folder).map_err(failed("opening", folder))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => UpdateError::Busy,
            TryLockError::Error(source) => failed("locking", folder)(source),
        })?;
        let store = Self {
            folder: folder.into(),
            disk,
            state: StoreState::read(folder)?,
            _lock: lock,
        };
        store.settle()?;
        Ok(store)
    }

    pub fn state(&self) -> &StoreState {
        &self.state
    }

    /// Where a package that is kept lies.
    pub fn place(&self, held: &HeldPackage) -> PathBuf {
        self.folder.join(held.serial.to_string())
    }

    /// Unpacks a package aside, if its serial has not been accepted yet and there is room. It lies there whole, and on the disk;
    /// nothing has changed.
    pub fn stage(&self, package: PackageReader<File>) -> Result<PathBuf, UpdateError> {
        self.admit(package.list())?;
        let staging = self.folder.join(STAGING);
        self.remove(&staging)?;
        let staged = self.unpack(package, &staging);
        if staged.is_err() {
            self.discard();
        }
        staged.map(|()| staging)
    }

    /// Removes what was staged, if it can; otherwise that is done when it is opened next, or staged next.
    pub fn discard(&self) {
        let _ = self.disk.remove(&self.folder.join(STAGING));
    }

    /// Gives what was staged its own folder. The state does not name it yet.
    pub fn keep(&self, list: &PackageList) -> Result<HeldPackage, UpdateError> {
        let held = HeldPackage {
            serial: list.serial,
            version: list.version.clone(),
        };
        let place = self.place(&held);
        // Of an update that was cut off.
        self.remove(&place)?;
        self.rename(&self.folder.join(STAGING), &place)?;
        Ok(held)
    }

    /// From here on, this is what is. Everything that it names is on the disk.
    pub fn commit(&mut self, state: StoreState) -> Result<(), UpdateError> {
        let path = self.folder.join(STATE);
        let text = toml::to_string(&state).map_err(|error| UpdateError::State {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        let new = path.with_extension(NEW);
        self.remove(&new)?;
        self.write_file(&new, text.as_bytes())?;
        self.rename(&new, &path)?;
        self.state = state;
        self.settle()
    }

    /// Makes link and folders fit the state.
    fn settle(&self) -> Result<(), UpdateError> {
        let link = self.folder.join(CURRENT);
        let current = self.state.current.as_ref();
        let target = current.map(|held| PathBuf::from(held.serial.to_string()));
        if fs::read_link(&link).ok() != target {
            match target {
                None => {
                    self.remove(&link)?;
                    self.sync(&self.folder)?;
                }
                Some(target) => {
                    let new = link.with_extension(NEW);
                    self.remove(&new)?;
                    self.disk
                        .link(&target, &new)
                        .map_err(failed("making", &new))?;
                    self.rename(&new, &link)?;
                }
            }
        }
        let entries = fs::read_dir(&self.folder).map_err(failed("reading", &self.folder))?;
        for entry in entries.flatten() {
            if self.is_left_over(&entry.file_name()) {
                // It takes room and does no harm: a disk that will not let go of it keeps nobody from using the rest.
                let _ = self.disk.remove(&entry.path());
            }
        }
        Ok(())
    }

    fn is_left_over(&self, name: &OsStr) -> bool {
        let Some(name) = name.to_str() else {
            return false;
        };
        let serial = name.parse::<u64>().ok();
        let dropped = serial.is_some_and(|serial| !self.state.keeps(serial));
        let new = Path::new(name)
            .extension()
            .is_some_and(|ending| ending == NEW);
        dropped || new || name == STAGING
    }

    fn admit(&self, list: &PackageList) -> Result<(), UpdateError> {
        let (serial, accepted) = (list.serial, self.state.accepted);
        if serial == accepted {
            return Err(UpdateError::Same { serial });
        }
        if serial < accepted {
            return Err(UpdateError::Old { serial, accepted });
        }
        let free = self.disk.free(&self.folder);
        let free = free.map_err(failed("looking at", &self.folder))?;
        let bytes = list.files.iter().map(|file| file.bytes + ASIDE);
        let needed = bytes.fold(SPARE, u64::saturating_add);
        match needed <= free {
            true => Ok(()),
            false => Err(UpdateError::Space {
                needed,
                free,
                folder: self.folder.clone(),
            }),
        }
    }

    fn unpack(&self, package: PackageReader<File>, staging: &Path) -> Result<(), UpdateError> {
        self.disk
            .make_folder(staging, FOR_ALL)
            .map_err(failed("making", staging))?;
        for (name, bytes) in package.signed() {
            self.write_file(&staging.join(name), &bytes)?;
        }
        let mut folders = BTreeSet::from([staging.to_path_buf()]);
        let mut open: Option<File> = None;
        package.unpack(|listed, piece| {
            let path = staging.join(&listed.path);
            match (piece, &mut open) {
                (FilePiece::Begin, open) => {
                    let inside = path.ancestors().skip(1);
                    let inside = inside.take_while(|folder| *folder != staging);
                    folders.extend(inside.map(Path::to_path_buf));
                    *open = Some(self.create(&path)?);
                }
                (FilePiece::Bytes(bytes), Some(file)) => {
                    let written = self.disk.write(file, bytes);
                    written.map_err(failed("writing", &path))?;
                }
                (FilePiece::Whole, Some(file)) => {
                    let synced = self.disk.sync(file, &path);
                    synced.map_err(failed("writing", &path))?;
                    open = None;
                }
                (FilePiece::Bytes(_) | FilePiece::Whole, None) => (),
            }
            Ok::<_, UpdateError>(())
        })?;
        folders.iter().try_for_each(|folder| self.sync(folder))
    }

    /// Makes the folder of a file that is to be.
    fn make_room(&self, path: &Path) -> Result<(), UpdateError> {
        match path.parent() {
            Some(folder) => self
                .disk
                .make_folder(folder, FOR_ALL)
                .map_err(failed("making", folder)),
            None => Ok(()),
        }
    }

    fn create(&self, path: &Path) -> Result<File, UpdateError> {
        self.make_room(path)?;
        self.disk
            .create(path, FOR_ALL)
            .map_err(failed("making", path))
    }

    fn write_file(&self, path: &Path, bytes: &[u8]) -> Result<(), UpdateError> {
        self.make_room(path)?;
        let written = self.disk.write_new(path, bytes);
        written.map_err(failed("writing", path))
    }

    fn remove(&self, path: &Path) -> Result<(), UpdateError> {
        self.disk.remove(path).map_err(failed("removing", path))
    }

    /// Both lie in the store's own folder.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), UpdateError> {
        self.disk.put(from, to).map_err(failed("renaming", from))
    }

    fn sync(&self, folder: &Path) -> Result<(), UpdateError> {
        self.disk
            .sync_folder(folder)
            .map_err(failed("writing", folder))
    }
}
