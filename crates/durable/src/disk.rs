//! The few things that are done to a disk.

use std::fmt::Debug;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::Path;

/// Who may read and write a new file, or look into a new folder: all whom the process's umask lets.
pub const FOR_ALL: u32 = 0o666;
/// Its owner alone.
pub const FOR_OWNER: u32 = 0o600;

/// A disk. Nothing that is written is there for sure before its file and the folder that it lies in are synced.
pub trait Disk: Debug + Send + Sync {
    /// Makes a folder, and those that it lies in, for sure, for those who may; if it is there, that is well.
    ///
    /// # Errors
    /// The system's; so with all others.
    fn make_folder(&self, folder: &Path, mode: u32) -> io::Result<()>;
    /// Makes a file that was not there, for those who may.
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
    fn make_folder(&self, folder: &Path, mode: u32) -> io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        self.make_folder(above(folder), mode)?;
        // Whoever may read a folder looks for what is in it too.
        let mode = mode | (mode & 0o444) >> 2;
        match DirBuilder::new().mode(mode).create(folder) {
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_its_owner_s_alone_is_so_all_the_way() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        for _ in 0..2 {
            SystemDisk.make_folder(&inner, FOR_OWNER).unwrap();
        }
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!([mode(&inner), mode(&dir.path().join("a"))], [0o700; 2]);
        let file = inner.join("file");
        drop(SystemDisk.create(&file, FOR_OWNER).unwrap());
        assert_eq!(mode(&file), 0o600);
        assert!(SystemDisk.create(&file, FOR_OWNER).is_err());
        assert!(SystemDisk.make_folder(&file, FOR_OWNER).is_err());
    }

    #[test]
    fn a_new_file_takes_the_old_one_s_place() {
        let dir = tempfile::tempdir().unwrap();
        let [new, old] = ["new", "old"].map(|name| dir.path().join(name));
        fs::write(&old, "before").unwrap();
        SystemDisk.write_new(&new, b"after").unwrap();
        SystemDisk.put(&new, &old).unwrap();
        assert_eq!(fs::read(&old).unwrap(), b"after");
        assert!(!new.exists());
    }
}
