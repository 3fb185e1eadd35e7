//! What a package is, in the words that its list, a store and their errors share.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The form of packages that is written and read here.
pub const FORMAT: u32 = 1;
/// Most bytes of a list.
pub const LIST_BYTES: u64 = 64 * 1024;
/// What a package brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageKind {
    /// A models folder: `manifest.toml` and what it names.
    Models,
    /// The program: one `.deb`.
    Program,
}

/// A package that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldPackage {
    /// Its place in the line.
    pub serial: u64,
    /// For people.
    pub version: String,
}

impl PackageKind {
    /// As in a package, and in messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::Program => "program",
        }
    }
}

impl fmt::Display for HeldPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.serial, self.version)
    }
}
