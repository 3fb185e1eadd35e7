//! What a caller may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One thing that a token may be good for. None holds another: a token has those that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// To look: pages, live pictures and masks, what there is, how it does.
    Read,
    /// To have pictures segmented.
    Segment,
    /// To steer live sources: begin and end them, freeze, crop, save clips.
    Control,
    /// To change which models are loaded.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Segment, Self::Control, Self::Admin];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Segment => "segment",
            Self::Control => "control",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No scope is written so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scope '{0}': read, segment, control and admin are")]
pub struct NoSuchScope(String);

impl FromStr for Scope {
    type Err = NoSuchScope;

    fn from_str(text: &str) -> Result<Self, NoSuchScope> {
        let found = Self::ALL.into_iter().find(|scope| scope.name() == text);
        found.ok_or_else(|| NoSuchScope(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_written_as_it_is_read_and_as_it_is_kept() {
        for scope in Scope::ALL {
            assert_eq!(scope.name().parse(), Ok(scope));
            let kept = serde_json::to_string(&scope).unwrap();
            assert_eq!(kept, format!("\"{scope}\""));
        }
        let error = "Admin".parse::<Scope>().unwrap_err();
        assert!(
            Scope::ALL
                .iter()
                .all(|scope| error.to_string().contains(scope.name()))
        );
    }
}
