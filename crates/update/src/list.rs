//! `package.toml`, what a package says of itself: the bytes that are signed.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::about::{FORMAT, PackageKind};
use crate::digest::Sha256Sum;
use crate::error::PackageError;
use crate::tar;
use crate::version::ProgramVersion;

/// Most bytes of all files together.
const FILES_BYTES: u64 = 4 << 30;
/// Most bytes of a text in it.
const TEXT: usize = 200;
/// Most pictures that a package is tried with.
const SELF_TESTS: usize = 32;

/// The list's own name.
pub(crate) const LIST: &str = "package.toml";
/// The name of its seal.
pub(crate) const SEAL: &str = "package.sig";
/// What a models folder is known by.
const MANIFEST: &str = "manifest.toml";

/// A package's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageList {
    /// [`FORMAT`].
    pub format: u32,
    /// What this product says with all it gives out.
    pub notice: String,
    /// What it brings.
    pub kind: PackageKind,
    /// The maker's product: a device takes those of its own line alone.
    pub line: String,
    /// Its place in the line, from 1: a device never takes one that is not above all it has accepted.
    pub serial: u64,
    /// For people.
    pub version: String,
    /// When it was made, for people: a device's clock is not trusted with anything.
    pub created: String,
    /// The oldest program that can use it, or be replaced by it.
    pub min_program: ProgramVersion,
    /// Of a program: `arm64`, `amd64`, as `dpkg --print-architecture` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Of models: what must come of pictures, before they are used; at least one.
    #[serde(default, rename = "self_test", skip_serializing_if = "Vec::is_empty")]
    pub self_tests: Vec<SelfTest>,
    /// What follows, in this order.
    #[serde(rename = "file")]
    pub files: Vec<ListedFile>,
}

/// A file of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedFile {
    /// Inside the package: letters, digits, `-`, `_`, `.`, and `/` between folders.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its content.
    pub sha256: Sha256Sum,
}

/// A picture, and the mask that must come of it. Kernels give the same bits on every CPU, so there is one such mask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfTest {
    /// A file of the package.
    pub picture: String,
    /// What kind of picture it is.
    pub modality: String,
    /// Which model, if not the one that the modality goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Of the mask: a byte for each pixel, 0 or 255, row by row, as large as the upright picture.
    pub mask_sha256: Sha256Sum,
}

impl PackageList {
    /// Reads a list whose signature was found good.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, PackageError> {
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let wrong = |reason: String| PackageError::List { reason };
        let text = str::from_utf8(bytes).map_err(|error| wrong(error.to_string()))?;
        // First, as a later form may have what is not known here.
        let Form { format } = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if format > FORMAT {
            return Err(PackageError::NewerFormat { found: format });
        }
        let list: Self = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        list.check().map_err(wrong)?;
        Ok(list)
    }

    /// Whether it holds together; if not, why.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("format {} is none", self.format));
        }
        // As far as TOML's numbers go.
        if self.serial == 0 || i64::try_from(self.serial).is_err() {
            return Err(format!("serial {}: expected 1 or more", self.serial));
        }
        for (name, text) in [
            ("notice", &self.notice),
            ("line", &self.line),
            ("version", &self.version),
            ("created", &self.created),
        ] {
            check_text(name, text)?;
        }
        self.check_files()?;
        match self.kind {
            PackageKind::Models => self.check_models(),
            PackageKind::Program => self.check_program(),
        }
    }

    fn has(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.path == path)
    }

    fn check_files(&self) -> Result<(), String> {
        let mut paths = HashSet::new();
        let mut folders = HashSet::new();
        let mut total = 0_u64;
        for file in &self.files {
            let path = file.path.as_str();
            check_path(path)?;
            if !paths.insert(path) {
                return Err(format!("file '{path}' is listed twice"));
            }
            folders.extend(path.match_indices('/').map(|(at, _)| &path[..at]));
            total = total.saturating_add(file.bytes);
        }
        if let Some(both) = paths.intersection(&folders).next() {
            return Err(format!("'{both}' is a file and a folder"));
        }
        match total <= FILES_BYTES {
            true => Ok(()),
            false => Err(format!(
                "its files have {total} bytes, more than {FILES_BYTES}"
            )),
        }
    }

    fn check_models(&self) -> Result<(), String> {
        if !self.has(MANIFEST) {
            return Err(format!("models without '{MANIFEST}'"));
        }
        if self.architecture.is_some() {
            return Err("models have no architecture".into());
        }
        if !(1..=SELF_TESTS).contains(&self.self_tests.len()) {
            let found = self.self_tests.len();
            return Err(format!("{found} self tests: expected 1 to {SELF_TESTS}"));
        }
        for test in &self.self_tests {
            if !self.has(&test.picture) {
                return Err(format!("self test: '{}' is not listed", test.picture));
            }
            check_text("modality", &test.modality)?;
            if let Some(model) = &test.model {
                check_text("model", model)?;
            }
        }
        Ok(())
    }

    fn check_program(&self) -> Result<(), String> {
        if !self.self_tests.is_empty() {
            return Err("a program has no self test".into());
        }
        let Some(architecture) = &self.architecture else {
            return Err("a program has an architecture".into());
        };
        check_text("architecture", architecture)?;
        match self.files.as_slice() {
            [deb] if deb.path.ends_with(".deb") && !deb.path.contains('/') => Ok(()),
            _ => Err("a program is one .deb".into()),
        }
    }
}

/// One line that a terminal can show.
fn check_text(name: &str, text: &str) -> Result<(), String> {
    if !(1..=TEXT).contains(&text.len()) || text.chars().any(char::is_control) {
        return Err(format!("{name}: expected a line of 1 to {TEXT} bytes"));
    }
    Ok(())
}

fn check_path(path: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    // No part begins with '.' or '-': neither '..' nor what is hidden or looks like an option.
    let good = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
            && part.bytes().all(plain)
    };
    if path.len() > tar::NAME || !path.split('/').all(good) || [LIST, SEAL].contains(&path) {
        return Err(format!(
            "file '{}': expected a path of at most {} letters, digits, '-', '_' and '.', inside the package",
            path.escape_debug(),
            tar::NAME
        ));
    }
    Ok(())
}
