//! Versions of the program.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `MAJOR.MINOR.PATCH`, in their order. What may follow in `SemVer` (`-rc.1`, `+build`) is not used by this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProgramVersion([u32; 3]);

/// A text that is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a version such as 1.2.3, found '{0}'")]
pub struct VersionError(String);

impl FromStr for ProgramVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let wrong = || VersionError(text.into());
        let mut parts = text.split('.');
        let mut version = [0; 3];
        for number in &mut version {
            let part = parts.next().ok_or_else(wrong)?;
            *number = part.parse().map_err(|_| wrong())?;
        }
        let version = Self(version);
        // One way to write it: no sign, no leading zero, nothing after it.
        (version.to_string() == text)
            .then_some(version)
            .ok_or_else(wrong)
    }
}

impl TryFrom<String> for ProgramVersion {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<ProgramVersion> for String {
    fn from(version: ProgramVersion) -> Self {
        version.to_string()
    }
}

impl fmt::Display for ProgramVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_numbers() {
        let version = |text: &str| text.parse::<ProgramVersion>().unwrap();
        assert!(version("0.9.0") < version("0.10.0"));
        assert!(version("1.0.0") > version("0.99.99"));
        for wrong in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "1.2.3-rc.1",
            "01.2.3",
            "+1.2.3",
            "1.2.x",
            "1..3",
        ] {
            assert!(wrong.parse::<ProgramVersion>().is_err(), "{wrong}");
        }
    }
}
