//! The few things that a store does to a disk, so that a test can cut the power at each of them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::symlink;
use std::path::Path;

/// A disk. Nothing that is written is there for sure before its file and the folder that it lies in are synced.
pub trait StoreDisk {
    /// Makes a folder, and those that it lies in; if it is there, that is well.
    ///
    /// # Errors
    /// The system's; so with all others.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;
    /// Makes a file that was not there.
    fn create(&self, path: &Path) -> io::Result<File>;
    /// Writes at the file's end.
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()>;
    /// Sees to it that what was written to a file is on the disk.
    fn sync(&self, file: &File, path: &Path) -> io::Result<()>;
    /// Sees to it that what is in a folder, by name, is on the disk.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Gives a file, link or folder another name, in place of the file or link that had it, in one step.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes a link at `at` to `target`.
    fn link(&self, target: &Path, at: &Path) -> io::Result<()>;
    /// Removes a file, a link (not what it leads to), or a folder with all in it; if it is not there, that is well.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Bytes that can still be written in a folder.
    fn free(&self, folder: &Path) -> io::Result<u64>;
}

/// The system's.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl StoreDisk for SystemDisk {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(path)
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync(&self, file: &File, _path: &Path) -> io::Result<()> {
        file.sync_all()
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn link(&self, target: &Path, at: &Path) -> io::Result<()> {
        symlink(target, at)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let removed = match fs::symlink_metadata(path) {
            Ok(about) if about.is_dir() => fs::remove_dir_all(path),
            Ok(_) => fs::remove_file(path),
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    fn free(&self, folder: &Path) -> io::Result<u64> {
        let about = rustix::fs::statvfs(folder)?;
        Ok(about.f_bavail.saturating_mul(about.f_frsize))
    }
}
