//! The few things that are done to a disk.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::Path;

/// Who may read and write a new file: all whom the process's umask lets.
pub const FOR_ALL: u32 = 0o666;
/// Its owner alone.
pub const FOR_OWNER: u32 = 0o600;

/// A disk. Nothing that is written is there for sure before its file and the folder that it lies in are synced.
pub trait Disk: Debug + Send + Sync {
    /// Makes a folder, and those that it lies in, for sure; if it is there, that is well.
    ///
    /// # Errors
    /// The system's; so with all others.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;
    /// Makes a file that was not there, with these permissions, less the umask.
    fn create(&self, path: &Path, mode: u32) -> io::Result<File>;
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

    /// Makes a file that was not there and holds these bytes. Its name is there for sure once its folder is synced.
    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.create(path, FOR_ALL)?;
        self.write(&mut file, bytes)?;
        self.sync(&file, path)
    }

    /// Renames within a folder, for sure: with a synced file, whoever looks finds the old or the new, whenever the power fails.
    fn put(&self, new: &Path, path: &Path) -> io::Result<()> {
        self.rename(new, path)?;
        self.sync_folder(above(path))
    }
}

/// The folder that it lies in.
fn above(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    folder.unwrap_or(Path::new(if path.has_root() { "/" } else { "." }))
}

/// The system's.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        self.make_folder(above(folder))?;
        match fs::create_dir(folder) {
            // By another.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
            made => made,
        }?;
        self.sync_folder(above(folder))
    }

    fn create(&self, path: &Path, mode: u32) -> io::Result<File> {
        let mut new = OpenOptions::new();
        new.write(true).create_new(true).mode(mode).open(path)
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
