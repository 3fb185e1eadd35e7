use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use dicom::{is_dicom, listed_files};
use picture::frame::Format;

/// Most names of skipped files that are said.
const NAMED: usize = 8;
/// Longest picture file read.
const MAX_FILE_BYTES: u64 = 512 << 20;

/// The pictures a command works on.
#[derive(Debug)]
pub(super) struct Inputs {
    /// Each picture, and the name its outputs begin with; no two are the same.
    pub pictures: Vec<(PathBuf, String)>,
    /// Whether exactly one file was named, so that its output may be one file too.
    pub single: bool,
    /// What lay in the folders and was not taken.
    skipped: Vec<String>,
}

impl Inputs {
    /// Files as they are named, folders as the pictures directly in them, sorted; not hidden ones.
    pub(super) fn collect(named: &[PathBuf]) -> Result<Self, Failure> {
        let (mut paths, mut skipped) = (Vec::new(), Vec::new());
        for path in named {
            if path.is_dir() {
                let found = pictures_in(path, &mut skipped)
                    .map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
                if found.is_empty() {
                    return Err(Failure::Usage(format!(
                        "{}: no pictures in this folder",
                        path.display()
                    )));
                }
                paths.extend(found);
            } else if let Some(listed) = listed_by(path)? {
                paths.extend(listed);
            } else {
                paths.push(path.clone());
            }
        }
        let single = matches!((named, &paths[..]), ([named], [only]) if named == only);
        Ok(Self {
            pictures: named_apart(paths)?,
            single,
            skipped,
        })
    }

    /// The first that is not DICOM, and so does not say what it is of.
    pub(super) fn not_dicom(&self) -> Option<&Path> {
        let mut paths = self.pictures.iter().map(|(path, _)| path.as_path());
        paths.find(|path| !(path.is_file() && begins_like_dicom(path)))
    }

    /// A line that says what lay in the folders and was not taken; `None` if all was.
    pub(super) fn skipped(&self) -> Option<String> {
        let named = self.skipped.iter().take(NAMED).cloned();
        let mut named = named.collect::<Vec<_>>().join(", ");
        match self.skipped.len() {
            0 => return None,
            count if count > NAMED => named += &format!(" and {} more", count - NAMED),
            _ => (),
        }
        Some(format!(
            "skipped in folders, {} in all: {named} (taken are files that are not hidden and end in {}, and DICOM without an ending)",
            self.skipped.len(),
            endings().collect::<Vec<_>>().join(", ")
        ))
    }
}

/// The files that a DICOMDIR lists, where that is what this is. One that is not there is found out when it is read.
fn listed_by(path: &Path) -> Result<Option<Vec<PathBuf>>, Failure> {
    let named = text(path.file_name()).eq_ignore_ascii_case("DICOMDIR");
    if !named {
        return Ok(None);
    }
    let failed = |error: String| Failure::Failed(format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let listed = listed_files(file).map_err(|error| failed(error.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(listed.map(|files| files.iter().map(|file| folder.join(file)).collect()))
}

/// The pictures directly in a folder, sorted; what else lies there goes to `skipped`, sub-folders with a slash.
fn pictures_in(dir: &Path, skipped: &mut Vec<String>) -> std::io::Result<Vec<PathBuf>> {
    let entries = dir.read_dir()?.map(|entry| Ok(entry?.path()));
    let mut entries = entries.collect::<std::io::Result<Vec<PathBuf>>>()?;
    entries.sort();
    let (found, others) = entries.into_iter().partition(|path| is_picture(path));
    let others: Vec<PathBuf> = others;
    skipped.extend(others.iter().map(|path| {
        let name = text(path.file_name());
        let slash = if path.is_dir() { "/" } else { "" };
        format!("{name}{slash}")
    }));
    Ok(found)
}

/// Endings of the files taken from a folder. A file named outright is taken whatever its ending.
fn endings() -> impl Iterator<Item = &'static str> {
    Format::ALL
        .iter()
        .flat_map(|format| format.endings())
        .copied()
}

fn is_picture(path: &Path) -> bool {
    let ending = text(path.extension()).to_lowercase();
    let hidden = text(path.file_name()).starts_with('.');
    let known = endings().any(|known| known == ending);
    // A pipe is not waited for.
    !hidden && path.is_file() && (known || ending.is_empty() && begins_like_dicom(path))
}

/// Files of DICOM often have no ending.
fn begins_like_dicom(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(132).read_to_end(&mut start));
    let listing = text(path.file_name()).eq_ignore_ascii_case("DICOMDIR");
    read.is_ok() && is_dicom(&start) && !listing
}

/// A part of a path, for people.
fn text(part: Option<&OsStr>) -> String {
    part.unwrap_or_default().to_string_lossy().into_owned()
}

/// Names outputs by the stem; where two pictures share it, by the whole file name.
fn named_apart(paths: Vec<PathBuf>) -> Result<Vec<(PathBuf, String)>, Failure> {
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
        for name in ["b.PNG", "a.png", "a.jpg", "notes.txt", ".hidden.png"] {
            std::fs::write(dir.path().join(name), b"x").unwrap();
        }
        std::fs::create_dir(dir.path().join("sub.png")).unwrap();
        let inputs = Inputs::collect(&[dir.path().to_path_buf()]).unwrap();
        let names: Vec<&str> = inputs
            .pictures
            .iter()
            .map(|(_, name)| name.as_str())
            .collect();
        assert_eq!(names, ["a.jpg", "a.png", "b"]);
        assert!(!inputs.single);
        let skipped = inputs.skipped().unwrap();
        assert!(
            skipped.contains("3 in all: .hidden.png, notes.txt, sub.png/ ("),
            "{skipped}"
        );
        for number in 0..NAMED {
            std::fs::write(dir.path().join(format!("{number}.txt")), b"x").unwrap();
        }
        let inputs = Inputs::collect(&[dir.path().to_path_buf()]).unwrap();
        let skipped = inputs.skipped().unwrap();
        assert!(
            skipped.contains("11 in all: ") && skipped.contains("6.txt and 3 more"),
            "{skipped}"
        );
        let file = Inputs::collect(&[dir.path().join("notes.txt")]).unwrap();
        assert_eq!(file.skipped(), None);
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
