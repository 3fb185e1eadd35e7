//! Output files that are there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use super::failure::Failure;

/// Writes a file, naming it if that fails: first beside it, under a name of its own, then in its place, so that a full
/// disk leaves the old file as it was. What is there and is no file (a terminal, a pipe) is written to as it comes.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    named(path, replace(path, bytes, false))
}

/// The same, and on the disk before it returns: should the power fail, the old file is there, or the new one. Its owner stays,
/// where this user may see to that.
pub(super) fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    named(path, replace(path, bytes, true))
}

/// Whether [`write_durably`] would get as far as a full disk.
pub(super) fn check_writable(path: &Path) -> Result<(), Failure> {
    let real = path.canonicalize().unwrap_or_else(|_| path.into());
    let tried = beside(&real).and_then(|beside| {
        File::create_new(&beside)?;
        fs::remove_file(&beside)
    });
    named(path, tried)
}

fn named(path: &Path, written: io::Result<()>) -> Result<(), Failure> {
    written.map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))
}

fn replace(path: &Path, bytes: &[u8], durably: bool) -> io::Result<()> {
    // The file that a link leads to, so that the link stays one.
    let path = path.canonicalize().unwrap_or_else(|_| path.into());
    let old = fs::metadata(&path).ok();
    if old
        .as_ref()
        .is_some_and(|old| !old.is_file() && !old.is_dir())
    {
        return fs::write(path, bytes);
    }
    let beside = beside(&path)?;
    let put = || {
        // Nobody reads in between what they may not read afterwards: a configuration may hold passwords.
        let mode = if old.is_some() { 0o600 } else { 0o666 };
        let mut new = OpenOptions::new();
        let mut file = new.write(true).create_new(true).mode(mode).open(&beside)?;
        file.write_all(bytes)?;
        if let Some(old) = old {
            file.set_permissions(old.permissions())?;
            if durably {
                let _ = fchown(&file, Some(old.uid()), Some(old.gid()));
            }
        }
        if durably {
            file.sync_all()?;
        }
        fs::rename(&beside, &path)?;
        match path.parent() {
            Some(folder) if durably => File::open(folder)?.sync_all(),
            _ => Ok(()),
        }
    };
    put().inspect_err(|_| {
        // If it was not even made, there is nothing to remove.
        let _ = fs::remove_file(&beside);
    })
}

/// A hidden name in the same folder, this process's own.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.part", std::process::id()));
    Ok(path.with_file_name(hidden))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

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
