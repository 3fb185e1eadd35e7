//! A folder → a package: the maker's side.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::about::LIST_BYTES;
use crate::digest::{CHUNK, Sha256Sum};
use crate::key::SigningSecret;
use crate::list::{LIST, ListedFile, PackageList, SEAL};
use crate::tar;

/// Why no package was made.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The list does not hold together.
    #[error("no such package can be: {0}")]
    List(String),
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Neither a file nor a folder: packages have no links.
    #[error("{}: neither a file nor a folder", path.display())]
    NotPlain {
        /// Which.
        path: PathBuf,
    },
    /// A file is not what it was when it was listed.
    #[error("{}: changed since it was listed", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// The package cannot be written.
    #[error("the package cannot be written: {0}")]
    Write(io::Error),
}

/// All files in a folder and the folders in it, sorted by path.
///
/// # Errors
/// [`PackError::File`], [`PackError::NotPlain`].
pub fn list_files(folder: &Path) -> Result<Vec<ListedFile>, PackError> {
    let mut files = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(inside) = folders.pop() {
        let place = folder.join(&inside);
        let failed = |source| PackError::File {
            path: place.clone(),
            source,
        };
        for entry in std::fs::read_dir(&place).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = match inside.as_str() {
                "" => name,
                inside => format!("{inside}/{name}"),
            };
            let kind = entry.file_type().map_err(failed)?;
            match (kind.is_dir(), kind.is_file()) {
                (true, _) => folders.push(path),
                (_, true) => files.push(list_file(folder, path)?),
                _ => return Err(PackError::NotPlain { path: entry.path() }),
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// One file of a folder.
///
/// # Errors
/// [`PackError::File`].
pub fn list_file(folder: &Path, path: String) -> Result<ListedFile, PackError> {
    let mut bytes = 0;
    let sha256 = each_chunk(&folder.join(&path), |chunk| {
        bytes += chunk.len() as u64;
        Ok(())
    })?;
    Ok(ListedFile {
        path,
        bytes,
        sha256,
    })
}

/// Writes the package with this list, whose files lie in `folder`. The same list, files and key give the same bytes.
///
/// # Errors
/// [`PackError`].
pub fn pack(
    folder: &Path,
    list: &PackageList,
    secret: &SigningSecret,
    out: &mut dyn Write,
) -> Result<(), PackError> {
    list.check().map_err(PackError::List)?;
    let text = toml::to_string(list).map_err(|error| PackError::List(error.to_string()))?;
    if text.len() as u64 > LIST_BYTES {
        let message = format!("the list has {} bytes, more than {LIST_BYTES}", text.len());
        return Err(PackError::List(message));
    }
    let seal = secret.seal(text.as_bytes()).to_string();
    let mut write = |bytes: &[u8]| out.write_all(bytes).map_err(PackError::Write);
    for (name, bytes) in [(LIST, text.as_bytes()), (SEAL, seal.as_bytes())] {
        let size = bytes.len() as u64;
        write(&tar::header(name, size))?;
        write(bytes)?;
        write(&vec![0; tar::padding(size)])?;
    }
    for file in &list.files {
        let path = folder.join(&file.path);
        write(&tar::header(&file.path, file.bytes))?;
        let mut left = file.bytes;
        let sha256 = each_chunk(&path, |chunk| {
            let rest = left.checked_sub(chunk.len() as u64);
            left = rest.ok_or_else(|| PackError::Changed { path: path.clone() })?;
            write(chunk)
        })?;
        if left != 0 || sha256 != file.sha256 {
            return Err(PackError::Changed { path });
        }
        write(&vec![0; tar::padding(file.bytes)])?;
    }
    write(&[0; tar::END])
}

fn each_chunk(
    path: &Path,
    mut take: impl FnMut(&[u8]) -> Result<(), PackError>,
) -> Result<Sha256Sum, PackError> {
    let failed = |source| PackError::File {
        path: path.into(),
        source,
    };
    let mut file = File::open(path).map_err(failed)?;
    let mut chunk = vec![0; CHUNK];
    let mut hasher = Sha256::new();
    loop {
        match file.read(&mut chunk).map_err(failed)? {
            0 => return Ok(hasher.into()),
            count => {
                hasher.update(&chunk[..count]);
                take(&chunk[..count])?;
            }
        }
    }
}
