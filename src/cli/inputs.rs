use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Failure;

/// Endings of the files taken from a folder. A file named outright is taken whatever its ending.
const ENDINGS: [&str; 8] = ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "webp", "jpe"];
/// Longest picture file read.
const MAX_FILE_BYTES: u64 = 512 << 20;

/// The pictures a command works on.
#[derive(Debug)]
pub(super) struct Inputs {
    /// Each picture, and the name its outputs begin with; no two are the same.
    pub pictures: Vec<(PathBuf, String)>,
    /// Whether exactly one file was named, so that its output may be one file too.
    pub single: bool,
}

impl Inputs {
    /// Files as they are named, folders as the pictures directly in them, sorted.
    pub(super) fn collect(named: &[PathBuf]) -> Result<Self, Failure> {
        let mut paths = Vec::new();
        for path in named {
            if path.is_dir() {
                let found = pictures_in(path)
                    .map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
                if found.is_empty() {
                    return Err(Failure::Usage(format!(
                        "{}: no pictures in this folder",
                        path.display()
                    )));
                }
                paths.extend(found);
            } else {
                paths.push(path.clone());
            }
        }
        let single = matches!(named, [one] if !one.is_dir());
        Ok(Self {
            pictures: named_apart(paths)?,
            single,
        })
    }
}

fn pictures_in(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in dir.read_dir()? {
        let path = entry?.path();
        let ending = path
            .extension()
            .map(|ending| ending.to_string_lossy().to_lowercase());
        if path.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Names outputs by the stem; where two pictures share it, by the whole file name.
fn named_apart(paths: Vec<PathBuf>) -> Result<Vec<(PathBuf, String)>, Failure> {
    let text =
        |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let mut stems = HashMap::new();
    for path in &paths {
        *stems.entry(text(path.file_stem())).or_insert(0) += 1;
    }
    let mut taken = HashMap::new();
    let mut named = Vec::new();
    for path in paths {
        let stem = text(path.file_stem());
        let name = if stems.get(&stem) == Some(&1) {
            stem
        } else {
            text(path.file_name())
        };
        if let Some(other) = taken.insert(name.clone(), path.clone()) {
            return Err(Failure::Usage(format!(
                "{} and {} have one name, so their outputs would overwrite each other",
                other.display(),
                path.display()
            )));
        }
        named.push((path, name));
    }
    Ok(named)
}

/// Reads a picture file of bearable size.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("longer than {} MiB", MAX_FILE_BYTES >> 20));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_pictures_in_order_with_names_apart() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.PNG", "a.png", "a.jpg", "notes.txt"] {
            std::fs::write(dir.path().join(name), b"x").unwrap();
        }
        let inputs = Inputs::collect(&[dir.path().to_path_buf()]).unwrap();
        let names: Vec<&str> = inputs
            .pictures
            .iter()
            .map(|(_, name)| name.as_str())
            .collect();
        assert_eq!(names, ["a.jpg", "a.png", "b"]);
        assert!(!inputs.single);
    }

    #[test]
    fn outputs_never_overwrite_each_other() {
        let message = Inputs::collect(&["x/a.png".into(), "y/a.png".into()])
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("x/a.png") && message.contains("y/a.png"),
            "{message}"
        );
        assert!(Inputs::collect(&["x/a.png".into()]).unwrap().single);
    }
}
