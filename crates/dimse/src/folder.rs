//! A folder in which files are there whole or not at all, and no more of them than it may hold.
//!
//! A file is written beside, brought to the disk, renamed, and then the folder is brought to the disk: whatever the moment at which
//! the process or the power ends, what was said to be kept is there, and what was not is swept away at the next opening.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use durable::{Disk, FOR_OWNER, SystemDisk};
use picture::sync::lock;

/// What is not whole yet ends so.
const PART: &str = "part";

/// How much a folder may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderBounds {
    /// Files.
    pub entries: usize,
    /// Bytes of all of them.
    pub bytes: u64,
}

/// Why a folder does not take or give a file.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// As many files or bytes as it may hold.
    #[error("{} is full: it holds {entries} files and {bytes} bytes", folder.display())]
    Full {
        /// Which.
        folder: PathBuf,
        /// Files in it.
        entries: usize,
        /// Bytes of them.
        bytes: u64,
    },
    /// Another process has it.
    #[error("{} is in use by another process", .0.display())]
    Busy(PathBuf),
    /// The system.
    #[error("{doing} {}: {source}", path.display())]
    Disk {
        /// "writing"
        doing: &'static str,
        /// What.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// What a folder holds, with what is on its way in.
#[derive(Debug, Default)]
struct HeldFiles {
    /// Bytes by name.
    files: BTreeMap<String, u64>,
    /// On their way in.
    parts: usize,
    part_bytes: u64,
}

/// An open folder; one process has it at a time.
#[derive(Debug)]
pub(crate) struct DurableFolder {
    path: PathBuf,
    disk: Box<dyn Disk>,
    bounds: FolderBounds,
    held: Mutex<HeldFiles>,
    parts: AtomicU64,
    /// Unlocked when it is dropped.
    _lock: File,
}

/// A file on its way in; gone if it is dropped.
#[derive(Debug)]
pub(crate) struct ArrivingFile<'a> {
    folder: &'a DurableFolder,
    path: PathBuf,
    file: File,
    bytes: u64,
}

fn failed<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> FolderError + 'a {
    move |source| FolderError::Disk {
        doing,
        path: path.into(),
        source,
    }
}

impl DurableFolder {
    /// Makes it, if need be, and sweeps away what was cut off on its way in.
    pub fn open(path: &Path, bounds: FolderBounds) -> Result<Self, FolderError> {
        Self::open_on(path, bounds, Box::new(SystemDisk))
    }

    fn open_on(
        path: &Path,
        bounds: FolderBounds,
        disk: Box<dyn Disk>,
    ) -> Result<Self, FolderError> {
        // What lies here shows patients: nobody else on the machine looks at it.
        disk.make_folder(path, FOR_OWNER)
            .map_err(failed("making", path))?;
        let handle = File::open(path).map_err(failed("opening", path))?;
        handle.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => FolderError::Busy(path.into()),
            TryLockError::Error(source) => failed("locking", path)(source),
        })?;
        let mut held = HeldFiles::default();
        for entry in fs::read_dir(path).map_err(failed("reading", path))? {
            let entry = entry.map_err(failed("reading", path))?;
            let about = entry.metadata().map_err(failed("reading", path))?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            match Path::new(&name).extension().is_some_and(|end| end == PART) {
                true => disk
                    .remove(&entry.path())
                    .map_err(failed("removing", &entry.path()))?,
                false if about.is_file() => _ = held.files.insert(name, about.len()),
                false => {}
            }
        }
        Ok(Self {
            path: path.into(),
            disk,
            bounds,
            held: held.into(),
            parts: AtomicU64::default(),
            _lock: handle,
        })
    }

    /// Where a file of it is.
    pub fn place(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub fn has(&self, name: &str) -> bool {
        lock(&self.held).files.contains_key(name)
    }

    /// By name.
    pub fn files(&self) -> Vec<(String, u64)> {
        let held = lock(&self.held);
        held.files
            .iter()
            .map(|(name, bytes)| (name.clone(), *bytes))
            .collect()
    }

    /// Takes a place for a file that is to come.
    pub fn begin(&self) -> Result<ArrivingFile<'_>, FolderError> {
        {
            let mut held = lock(&self.held);
            if held.files.len() + held.parts >= self.bounds.entries {
                return Err(self.full(&held));
            }
            held.parts += 1;
        }
        let number = self.parts.fetch_add(1, Ordering::Relaxed);
        let path = self.place(&format!("{number}.{PART}"));
        match self.disk.create(&path, FOR_OWNER) {
            Ok(file) => Ok(ArrivingFile {
                folder: self,
                path,
                file,
                bytes: 0,
            }),
            Err(error) => {
                lock(&self.held).parts -= 1;
                Err(failed("making", &path)(error))
            }
        }
    }

    fn full(&self, held: &HeldFiles) -> FolderError {
        FolderError::Full {
            folder: self.path.clone(),
            entries: held.files.len() + held.parts,
            bytes: held.files.values().sum::<u64>() + held.part_bytes,
        }
    }

    /// Gives a file another name, in one step and on the disk.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), FolderError> {
        let place = self.place(from);
        self.disk
            .rename(&place, &self.place(to))
            .map_err(failed("renaming", &place))?;
        {
            let mut held = lock(&self.held);
            let bytes = held.files.remove(from).unwrap_or_default();
            held.files.insert(to.into(), bytes);
        }
        self.sync()
    }

    /// Leaves a file's name there, and nothing of what it held. What it held is of no use any more: that it takes no room is
    /// seen to again at the next opening, if need be.
    pub fn empty(&self, name: &str) -> Result<(), FolderError> {
        let place = self.place(name);
        let opened = OpenOptions::new().write(true).open(&place);
        let emptied = opened.and_then(|file| file.set_len(0));
        emptied.map_err(failed("emptying", &place))?;
        lock(&self.held).files.insert(name.into(), 0);
        Ok(())
    }

    /// Removes a file; if it is not there, that is well.
    pub fn remove(&self, name: &str) -> Result<(), FolderError> {
        let place = self.place(name);
        self.disk
            .remove(&place)
            .map_err(failed("removing", &place))?;
        lock(&self.held).files.remove(name);
        self.sync()
    }

    fn sync(&self) -> Result<(), FolderError> {
        let synced = self.disk.sync_folder(&self.path);
        synced.map_err(failed("writing", &self.path))
    }
}

impl ArrivingFile<'_> {
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FolderError> {
        {
            let mut held = lock(&self.folder.held);
            let all = held.files.values().sum::<u64>() + held.part_bytes;
            let count = bytes.len() as u64;
            if all.saturating_add(count) > self.folder.bounds.bytes {
                return Err(self.folder.full(&held));
            }
            held.part_bytes += count;
            self.bytes += count;
        }
        self.folder
            .disk
            .write(&mut self.file, bytes)
            .map_err(failed("writing", &self.path))
    }

    /// Where it lies for now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// From here on it is there, whatever happens. One of that name that is there already stays, and this one goes.
    pub fn keep(self, name: &str) -> Result<(), FolderError> {
        let disk = &self.folder.disk;
        disk.sync(&self.file, &self.path)
            .map_err(failed("writing", &self.path))?;
        let kept = self.folder.place(name);
        {
            let mut held = lock(&self.folder.held);
            if !held.files.contains_key(name) {
                disk.rename(&self.path, &kept)
                    .map_err(failed("renaming", &self.path))?;
                held.files.insert(name.into(), self.bytes);
            }
        }
        // Also what another has put there just now may not be on the disk yet.
        self.folder.sync()
    }
}

impl Drop for ArrivingFile<'_> {
    fn drop(&mut self) {
        {
            let mut held = lock(&self.folder.held);
            held.parts -= 1;
            held.part_bytes -= self.bytes;
        }
        // Renamed, it is not there; left over, it is swept away at the next opening.
        let _ = self.folder.disk.remove(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use testing::power::{LOSSES, PowerDisk};

    use super::*;

    const SMALL: FolderBounds = FolderBounds {
        entries: 2,
        bytes: 10,
    };

    fn put(folder: &DurableFolder, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        let mut part = folder.begin()?;
        part.write(bytes)?;
        part.keep(name)
    }

    #[test]
    fn what_is_kept_is_there_and_what_was_cut_off_is_not() {
        let here = tempfile::tempdir().unwrap();
        let folder = DurableFolder::open(here.path(), SMALL).unwrap();
        put(&folder, "a", b"first").unwrap();
        put(&folder, "a", b"other").unwrap();
        std::mem::forget(folder.begin().unwrap());
        drop(folder.begin());
        assert!(matches!(
            DurableFolder::open(here.path(), SMALL),
            Err(FolderError::Busy(_))
        ));
        drop(folder);
        assert!(here.path().join("0.part").exists() || here.path().join("2.part").exists());
        let folder = DurableFolder::open(here.path(), SMALL).unwrap();
        assert_eq!(folder.files(), [("a".into(), 5)]);
        assert_eq!(fs::read(folder.place("a")).unwrap(), b"first");
        assert_eq!(fs::read_dir(here.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_said_to_be_kept_outlives_a_power_cut() {
        let bounds = FolderBounds {
            bytes: 100,
            ..SMALL
        };
        for loss in LOSSES {
            for left in 0.. {
                let here = tempfile::tempdir().unwrap();
                let disk = PowerDisk::with(left);
                let mut said = Vec::new();
                let work = |said: &mut Vec<&str>| {
                    let folder =
                        DurableFolder::open_on(here.path(), bounds, Box::new(disk.clone()))?;
                    put(&folder, "a", b"first")?;
                    said.push("a");
                    put(&folder, "b", b"second")?;
                    said.push("b");
                    // From here on it may be there or not, until it is said to be gone.
                    said.remove(0);
                    folder.remove("a")
                };
                let done = work(&mut said).is_ok();
                disk.lose(loss);
                let folder = DurableFolder::open(here.path(), bounds).unwrap();
                for name in said {
                    assert!(folder.has(name), "{name} is lost after {left}, {loss:?}");
                }
                assert!(
                    !(done && folder.has("a")),
                    "a is back after {left}, {loss:?}"
                );
                for (name, _) in folder.files() {
                    let whole: &[u8] = if name == "a" { b"first" } else { b"second" };
                    assert_eq!(fs::read(folder.place(&name)).unwrap(), whole);
                }
                let there = fs::read_dir(here.path()).unwrap().count();
                assert_eq!(there, folder.files().len(), "parts are left");
                if done {
                    assert!(left > 10, "only {left} places to cut");
                    break;
                }
            }
        }
    }

    #[test]
    fn it_holds_no_more_than_it_may() {
        let here = tempfile::tempdir().unwrap();
        let folder = DurableFolder::open(here.path(), SMALL).unwrap();
        put(&folder, "a", b"12345678").unwrap();
        let long = put(&folder, "b", b"901");
        assert!(
            matches!(long, Err(FolderError::Full { bytes: 8, .. })),
            "{long:?}"
        );
        put(&folder, "b", b"90").unwrap();
        let many = folder.begin();
        assert!(
            matches!(many, Err(FolderError::Full { entries: 2, .. })),
            "{many:?}"
        );
        folder.empty("b").unwrap();
        folder.remove("a").unwrap();
        put(&folder, "c", b"1234567890").unwrap();
        folder.rename("c", "d").unwrap();
        assert_eq!(folder.files(), [("b".into(), 0), ("d".into(), 10)]);
    }
}
