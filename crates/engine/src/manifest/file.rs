//! Files against the manifest: size first, then SHA-256 in a stream.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use serde::Deserialize;

/// Bytes hashed at a time.
const CHUNK: usize = 64 * 1024;

/// A file, named by content.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    /// Relative to the manifest, inside its folder.
    pub path: String,
    /// Hex digest, lower case.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
}

/// Why a file cannot be used. Each message says what was expected and what was found.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It could not be opened or read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file, relative to the models folder; of the manifest, the whole path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something else than a file lies there. It was not opened: a pipe would wait for ever.
    #[error("{}: not a regular file", path.display())]
    NotAFile {
        /// What it is called, as in [`FileError::Read`].
        path: PathBuf,
    },
    /// It is longer or shorter than the manifest says; it was not hashed.
    #[error("{}: expected {expected} bytes, found {found}", path.display())]
    Size {
        /// The file, relative to the models folder.
        path: PathBuf,
        /// Bytes in the manifest.
        expected: u64,
        /// Bytes on disk.
        found: u64,
    },
    /// Its content is not the one the manifest names.
    #[error("{}: expected SHA-256 {expected}, found {found}", path.display())]
    Hash {
        /// The file, relative to the models folder.
        path: PathBuf,
        /// Hex digest in the manifest.
        expected: String,
        /// Hex digest of the file.
        found: String,
    },
}

impl FileSpec {
    pub(super) fn check(&self) -> Result<(), String> {
        let path = Path::new(&self.path);
        let inside = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        // A backslash is a separator on one system and a name on another: refused, so that the manifest means one thing.
        if self.path.is_empty() || !inside || self.path.contains('\\') {
            return Err(format!(
                "file '{}': expected a relative path inside the manifest's folder",
                self.path
            ));
        }
        if self.sha256.len() != 64
            || !self
                .sha256
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            return Err(format!(
                "file '{}': sha256: expected 64 lower-case hex digits, found '{}'",
                self.path, self.sha256
            ));
        }
        Ok(())
    }
}

/// Checks one file under `dir` without keeping it.
///
/// # Errors
/// [`FileError::Read`], [`FileError::NotAFile`], [`FileError::Size`] or [`FileError::Hash`].
pub fn check(dir: &Path, file: &FileSpec) -> Result<(), FileError> {
    stream(dir, file, |_| ())
}

/// Reads one file under `dir`; the bytes returned are the very bytes that were hashed, so nothing can change
/// between the check and the use.
///
/// # Errors
/// As [`check`].
pub fn read(dir: &Path, file: &FileSpec) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    stream(dir, file, |chunk| bytes.extend_from_slice(chunk))?;
    Ok(bytes)
}

/// Names a set of files by content: SHA-256 over their hex digests, sorted and without repeats, each with a newline,
/// so that `sha256sum FILES | cut -c1-64 | sort -u | sha256sum` gives the same.
#[must_use]
pub fn digest_of_digests<'a>(digests: impl IntoIterator<Item = &'a str>) -> String {
    let mut digests: Vec<&str> = digests.into_iter().collect();
    digests.sort_unstable();
    digests.dedup();
    let mut hasher = Sha256::new();
    for digest in digests {
        hasher.update(digest);
        hasher.update("\n");
    }
    hex(&hasher.finalize())
}

/// Checks only that a file under `dir` is there and as long as it should be.
///
/// # Errors
/// [`FileError::Read`], [`FileError::NotAFile`] or [`FileError::Size`].
pub fn check_size(dir: &Path, file: &FileSpec) -> Result<(), FileError> {
    open(dir, file).map(|_| ())
}

/// Opens a regular file; `name` is what it is called in an error, as errors reach clients, who should not learn where
/// things lie.
///
/// # Errors
/// [`FileError::Read`] or [`FileError::NotAFile`].
pub fn open_regular(path: &Path, name: &Path) -> Result<File, FileError> {
    let failed = |source| FileError::Read {
        path: name.into(),
        source,
    };
    // Asked before it is opened: opening a pipe waits for its other end.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(FileError::NotAFile { path: name.into() });
    }
    File::open(path).map_err(failed)
}

fn open(dir: &Path, file: &FileSpec) -> Result<(PathBuf, File), FileError> {
    let name = PathBuf::from(&file.path);
    let opened = open_regular(&dir.join(&name), &name)?;
    let found = opened.metadata().map_err(|source| FileError::Read {
        path: name.clone(),
        source,
    })?;
    let found = found.len();
    if found != file.bytes {
        return Err(FileError::Size {
            path: name,
            expected: file.bytes,
            found,
        });
    }
    Ok((name, opened))
}

fn stream(dir: &Path, file: &FileSpec, mut take: impl FnMut(&[u8])) -> Result<(), FileError> {
    let (path, mut source) = open(dir, file)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    // A file that grows while it is read must not grow our memory: never take more than its stated size.
    let mut left = file.bytes;
    while left > 0 {
        let room = CHUNK.min(usize::try_from(left).unwrap_or(CHUNK));
        let n = source
            .read(&mut chunk[..room])
            .map_err(|source| FileError::Read {
                path: path.clone(),
                source,
            })?;
        if n == 0 {
            break;
        }
        hasher.update(&chunk[..n]);
        take(&chunk[..n]);
        left -= n as u64;
    }
    let found = hex(&hasher.finalize());
    if found != file.sha256 {
        return Err(FileError::Hash {
            path,
            expected: file.sha256.clone(),
            found,
        });
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of "abc": FIPS 180-4, example of appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn spec(sha256: &str, bytes: u64) -> FileSpec {
        FileSpec {
            path: "abc.bin".into(),
            sha256: sha256.into(),
            bytes,
        }
    }

    fn folder(content: &[u8]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("abc.bin"), content).unwrap();
        dir
    }

    #[test]
    fn the_bytes_read_are_the_bytes_hashed() {
        let dir = folder(b"abc");
        assert_eq!(read(dir.path(), &spec(ABC, 3)).unwrap(), b"abc");
        check(dir.path(), &spec(ABC, 3)).unwrap();
    }

    #[test]
    fn a_changed_file_is_refused_with_both_digests() {
        let dir = folder(b"abd");
        let message = read(dir.path(), &spec(ABC, 3)).unwrap_err().to_string();
        // From `printf abd | sha256sum`.
        let found = "a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9";
        assert!(
            message.contains(&format!("expected SHA-256 {ABC}")),
            "{message}"
        );
        assert!(message.contains(&format!("found {found}")), "{message}");
    }

    #[test]
    fn another_size_is_refused_before_hashing() {
        let dir = folder(b"abcd");
        let message = check(dir.path(), &spec(ABC, 3)).unwrap_err().to_string();
        assert!(message.contains("expected 3 bytes, found 4"), "{message}");
    }

    #[test]
    fn a_missing_file_is_named_and_its_folder_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let message = check(dir.path(), &spec(ABC, 3)).unwrap_err().to_string();
        assert!(message.starts_with("abc.bin: "), "{message}");
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("abc.bin");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let error = check(dir.path(), &spec(ABC, 3)).unwrap_err();
        assert!(matches!(error, FileError::NotAFile { .. }), "{error}");
        std::fs::remove_file(&pipe).unwrap();
        std::fs::create_dir(&pipe).unwrap();
        let error = check_size(dir.path(), &spec(ABC, 3)).unwrap_err();
        assert_eq!(error.to_string(), "abc.bin: not a regular file");
    }

    #[test]
    fn the_digest_of_digests_ignores_order_and_repeats() {
        // From `printf 'a\nb\n' | sha256sum`.
        let expected = "911169ddaaf146aff539f58c26c489af3b892dff0fe283c1c264c65ae5aa59a2";
        assert_eq!(digest_of_digests(["b", "a", "b"]), expected);
        assert_ne!(digest_of_digests(["a", "b"]), digest_of_digests(["a", "c"]));
    }
}
