//! A disk whose power can be cut at each thing that is done to it; what was not synced by then may be lost.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use durable::{Disk, SystemDisk};
use picture::sync::lock;

/// Operations before the power is cut, where it is not.
pub const NEVER: usize = usize::MAX;
/// Whatever a power cut may take.
pub const LOSSES: [Loss; 3] = [Loss::Nothing, Loss::Content, Loss::Everything];

/// Something that is done and not on the disk for sure.
#[derive(Debug)]
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
pub enum Loss {
    /// Nothing: all had got there by itself.
    Nothing,
    /// What files hold, but not that they are there.
    Content,
    /// All of it.
    Everything,
}

#[derive(Debug)]
struct Current {
    /// Operations until the power is cut.
    left: usize,
    unsynced: Vec<Unsynced>,
    /// What is gone, until that is sure.
    attic: tempfile::TempDir,
    moved: usize,
}

/// A disk whose power can be cut.
#[derive(Clone, Debug)]
pub struct PowerDisk(Arc<Mutex<Current>>);

impl PowerDisk {
    /// One that does that many things before its power is cut.
    ///
    /// # Panics
    /// There are no temporary folders.
    #[must_use]
    pub fn with(left: usize) -> Self {
        Self(Arc::new(Mutex::new(Current {
            left,
            unsynced: Vec::new(),
            attic: tempfile::tempdir().unwrap(),
            moved: 0,
        })))
    }

    /// Does it, unless the power is off.
    fn then<T>(&self, work: impl FnOnce(&mut Current) -> io::Result<T>) -> io::Result<T> {
        let mut current = lock(&self.0);
        let rest = current.left.checked_sub(1);
        current.left = rest.ok_or_else(|| io::Error::other("the power is off"))?;
        work(&mut current)
    }

    /// Makes the disk what it is like when the power comes back.
    ///
    /// # Panics
    /// The disk beneath it fails.
    pub fn lose(&self, loss: Loss) {
        let unsynced = std::mem::take(&mut lock(&self.0).unsynced);
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

impl Disk for PowerDisk {
    fn make_folder(&self, folder: &Path, mode: u32) -> io::Result<()> {
        self.then(|_| SystemDisk.make_folder(folder, mode))
    }

    fn create(&self, path: &Path, mode: u32) -> io::Result<File> {
        self.then(|current| {
            let file = SystemDisk.create(path, mode)?;
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
