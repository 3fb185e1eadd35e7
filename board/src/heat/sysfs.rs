//! Files of the kernel: a line each.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest file read.
const LONGEST: u64 = 4 << 10;
/// Most devices of a kind.
const MOST: usize = 64;

/// The text of a file; `None` if it cannot be read.
pub fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned())
}

/// A whole number that is alone in its file.
pub fn number(path: &Path) -> Option<f64> {
    let number: i64 = read(path)?.parse().ok()?;
    Some(number as f64)
}

/// The folders of that name and a number: the number, and the folder.
pub fn devices(folder: &Path, name: &str) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let own = entry.file_name();
            let number = own.to_str()?.strip_prefix(name)?.parse().ok()?;
            Some((number, entry.path()))
        })
        .take(MOST)
        .collect();
    found.sort();
    let found = found.into_iter();
    found
        .map(|(number, path)| (number.to_string(), path))
        .collect()
}
