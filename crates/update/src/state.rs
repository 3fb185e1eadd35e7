//! What a store knows of itself, in one small file that is replaced as a whole: the truth of what is in use.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::about::HeldPackage;
use crate::error::UpdateError;

/// Its file.
pub(crate) const STATE: &str = "state.toml";
/// Most bytes of it.
const STATE_BYTES: u64 = 16 * 1024;
/// Most letters of a reason that is kept.
const REASON: usize = 500;

/// What a store holds, and how that came about. By [`fmt::Display`] a line for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoreState {
    /// The highest serial that was ever accepted; none up to it is taken again.
    pub accepted: u64,
    /// In use; `None`: what was there before any package came.
    pub current: Option<HeldPackage>,
    /// Kept, to go back to.
    pub previous: Option<HeldPackage>,
    /// Being installed, or given up by a power cut.
    pub under_way: Option<HeldPackage>,
    /// The last time it was gone back, unless a package was added since.
    pub rolled_back: Option<Rollback>,
}

/// A step back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// Why.
    pub reason: String,
    /// Whether nobody asked for it: what it went from does not work.
    pub failed: bool,
    /// What was in use; `None`: what was there before any package came. So with `to`.
    pub from: Option<HeldPackage>,
    /// What is in use since.
    pub to: Option<HeldPackage>,
}

impl StoreState {
    /// Reads a store's, and touches nothing. Of a store that is not there, or never had a package, it is empty.
    ///
    /// # Errors
    /// [`UpdateError::Disk`], [`UpdateError::State`].
    pub fn read(store: &Path) -> Result<Self, UpdateError> {
        let path = store.join(STATE);
        let mut text = String::new();
        let read =
            File::open(&path).and_then(|file| file.take(STATE_BYTES).read_to_string(&mut text));
        match read {
            Ok(_) => toml::from_str(&text).map_err(|error| UpdateError::State {
                path,
                reason: error.message().into(),
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(UpdateError::Disk {
                doing: "reading",
                path,
                source,
            }),
        }
    }

    /// Whether a package's folder is to stay.
    pub(crate) fn keeps(&self, serial: u64) -> bool {
        let kept = [&self.current, &self.previous, &self.under_way];
        kept.into_iter().flatten().any(|held| held.serial == serial)
    }
}

impl Rollback {
    pub(crate) fn new(
        from: Option<HeldPackage>,
        to: Option<HeldPackage>,
        reason: &str,
        failed: bool,
    ) -> Self {
        let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
        Self {
            reason: reason.chars().map(plain).take(REASON).collect(),
            failed,
            from,
            to,
        }
    }
}

/// `None` as people call it.
fn named(held: Option<&HeldPackage>) -> String {
    held.map_or_else(|| "what the device came with".into(), ToString::to_string)
}

impl fmt::Display for Rollback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (named(self.from.as_ref()), named(self.to.as_ref()));
        write!(f, "rolled back from {from} to {to}: {}", self.reason)
    }
}

impl fmt::Display for StoreState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", named(self.current.as_ref()))?;
        if let Some(previous) = &self.previous {
            write!(f, "; kept: {previous}")?;
        }
        if let Some(under_way) = &self.under_way {
            write!(f, "; {under_way} was not installed to its end")?;
        }
        match &self.rolled_back {
            Some(rollback) => write!(f, "; {rollback}"),
            None => Ok(()),
        }
    }
}
