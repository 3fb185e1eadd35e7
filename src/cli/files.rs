//! Output files that are there whole or not at all.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use durable::{Disk, FOR_ALL, FOR_OWNER, SystemDisk};

use super::failure::Failure;

/// Writes a file, naming it if that fails: first beside it, under a name of its own, then in its place, so that a full
/// disk leaves the old file as it was. What is there and is no file (a terminal, a pipe) is written to as it comes.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let output = OutputFile::of(path, false);
    named(path, output.replace(&SystemDisk, bytes))
}

/// The same, and on the disk before it returns: should the power fail, the old file is there, or the new one. Its owner stays,
/// where this user may see to that. One process at a time writes a file so.
pub(super) fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let output = OutputFile::of(path, true);
    named(path, output.replace(&SystemDisk, bytes))
}

/// Whether [`write_durably`] would get as far as a full disk.
pub(super) fn check_writable(path: &Path) -> Result<(), Failure> {
    let tried = OutputFile::of(path, true).beside().and_then(|beside| {
        SystemDisk.remove(&beside)?;
        SystemDisk.create(&beside, FOR_OWNER)?;
        SystemDisk.remove(&beside)
    });
    named(path, tried)
}

fn named(path: &Path, written: io::Result<()>) -> Result<(), Failure> {
    written.map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))
}

/// A file that is to be written.
struct OutputFile {
    /// The file that a link leads to, so that the link stays one.
    path: PathBuf,
    old: Option<Metadata>,
    durably: bool,
}

impl OutputFile {
    fn of(path: &Path, durably: bool) -> Self {
        let path = path.canonicalize().unwrap_or_else(|_| path.into());
        let old = fs::metadata(&path).ok();
        Self { path, old, durably }
    }

    fn replace(&self, disk: &dyn Disk, bytes: &[u8]) -> io::Result<()> {
        let old = self.old.as_ref();
        if old.is_some_and(|old| !old.is_file() && !old.is_dir()) {
            return fs::write(&self.path, bytes);
        }
        let beside = self.beside()?;
        if self.durably {
            // Of one that a power cut has ended.
            disk.remove(&beside)?;
        }
        self.put(disk, &beside, bytes).inspect_err(|_| {
            // If it was not even made, there is nothing to remove.
            let _ = disk.remove(&beside);
        })
    }

    fn put(&self, disk: &dyn Disk, beside: &Path, bytes: &[u8]) -> io::Result<()> {
        // Nobody reads in between what they may not read afterwards: a configuration may hold passwords.
        let mode = if self.old.is_some() {
            FOR_OWNER
        } else {
            FOR_ALL
        };
        let mut file = disk.create(beside, mode)?;
        disk.write(&mut file, bytes)?;
        if let Some(old) = &self.old {
            file.set_permissions(old.permissions())?;
            if self.durably {
                let _ = fchown(&file, Some(old.uid()), Some(old.gid()));
            }
        }
        if !self.durably {
            return disk.rename(beside, &self.path);
        }
        disk.sync(&file, beside)?;
        disk.put(beside, &self.path)
    }

    /// A hidden name in the same folder: this process's own, or, as a power cut may leave it there, always the same.
    fn beside(&self) -> io::Result<PathBuf> {
        let mut hidden = OsString::from(".");
        let name = self.path.file_name();
        hidden.push(name.ok_or(io::ErrorKind::InvalidFilename)?);
        if !self.durably {
            hidden.push(format!(".{}", std::process::id()));
        }
        hidden.push(".part");
        Ok(self.path.with_file_name(hidden))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use testing::power::{LOSSES, PowerDisk};

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = dir.read_dir().unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<String> = entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_and_keeps_its_permissions_and_its_link() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("a"), dir.path().join("b"));
        write(&path, b"old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("a", &link).unwrap();
        write(&link, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(names(dir.path()), ["a", "b"]);
    }

    #[test]
    fn a_durable_file_is_new_or_replaced_and_may_be_asked_about_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        check_writable(&path).unwrap();
        assert_eq!(names(dir.path()), [] as [&str; 0]);
        write_durably(&path, b"old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        check_writable(&path).unwrap();
        write_durably(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!((mode & 0o777, names(dir.path())), (0o640, vec!["a".into()]));
        let missing = check_writable(&dir.path().join("missing/a")).unwrap_err();
        assert!(missing.to_string().contains("missing/a"));
    }

    #[test]
    fn a_power_cut_leaves_the_old_or_the_new() {
        let new = [b'n'; 5000].as_slice();
        for (loss, old) in LOSSES
            .into_iter()
            .flat_map(|loss| [(loss, None), (loss, Some(b"old".as_slice()))])
        {
            for left in 0.. {
                let dir = tempfile::tempdir().unwrap();
                let path = dir.path().join("config.toml");
                if let Some(old) = old {
                    fs::write(&path, old).unwrap();
                }
                let disk = PowerDisk::with(left);
                let written = OutputFile::of(&path, true).replace(&disk, new);
                disk.lose(loss);
                let found = fs::read(&path).ok();
                let is_new = found.as_deref() == Some(new);
                assert!(is_new || found.as_deref() == old, "{left}, {loss:?}");
                assert!(is_new || written.is_err(), "{left}, {loss:?}");
                // What is left over is in nobody's way, and gone the next time.
                check_writable(&path).unwrap();
                write_durably(&path, b"next").unwrap();
                assert_eq!(names(dir.path()), ["config.toml"]);
                if written.is_ok() {
                    assert!(left >= 6, "only {left} places to cut");
                    break;
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_put_in_place_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("taken/full")).unwrap();
        for path in ["taken", "missing/a"] {
            let failure = write(&dir.path().join(path), b"new").unwrap_err();
            assert!(failure.to_string().contains(path), "{failure}");
        }
        assert_eq!(names(dir.path()), ["taken"]);
    }

    #[test]
    fn a_device_is_written_to_and_stays_one() {
        write(Path::new("/dev/null"), b"new").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
