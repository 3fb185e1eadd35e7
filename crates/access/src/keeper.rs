//! The roll while a service runs.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use picture::sync::lock;

use crate::roll::{FILE, RollError, TokenRoll};

/// How often it is looked whether the file has changed.
const LOOKED: Duration = Duration::from_secs(1);

/// The roll of a running service: what is added or taken away counts within a second.
#[derive(Debug)]
pub struct RollKeeper {
    folder: PathBuf,
    kept: Mutex<KeptRoll>,
}

#[derive(Debug)]
struct KeptRoll {
    roll: Arc<TokenRoll>,
    /// By what a changed file is told.
    mark: Option<FileMark>,
    looked: Instant,
}

/// When a file was changed, to the nanosecond, how long it is, and which it is.
type FileMark = (i64, i64, u64, u64);

impl RollKeeper {
    /// Reads it for the first time.
    ///
    /// # Errors
    /// [`RollError`].
    pub fn open(folder: &Path, now: Instant) -> Result<Self, RollError> {
        let mark = mark_of(folder);
        let roll = Arc::new(TokenRoll::read(folder)?);
        let (folder, looked) = (folder.to_owned(), now);
        let kept = Mutex::new(KeptRoll { roll, mark, looked });
        Ok(Self { folder, kept })
    }

    /// The roll as it is now. One that cannot be read any more has nobody on it.
    pub fn current(&self, now: Instant) -> Arc<TokenRoll> {
        let mut kept = lock(&self.kept);
        if now.saturating_duration_since(kept.looked) >= LOOKED {
            kept.looked = now;
            let mark = mark_of(&self.folder);
            if mark != kept.mark {
                kept.mark = mark;
                let read = TokenRoll::read(&self.folder);
                kept.roll = Arc::new(read.unwrap_or_else(|error| {
                    tracing::error!(%error, "nobody is let in from the network");
                    TokenRoll::default()
                }));
            }
        }
        kept.roll.clone()
    }
}

fn mark_of(folder: &Path) -> Option<FileMark> {
    let about = folder.join(FILE).metadata().ok()?;
    Some((about.mtime(), about.mtime_nsec(), about.len(), about.ino()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::SystemTime;

    use durable::SystemDisk;

    use super::*;
    use crate::roll::NewToken;
    use crate::scope::Scope;

    #[test]
    fn a_running_service_sees_changes_and_a_broken_roll_has_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let begun = Instant::now();
        let keeper = RollKeeper::open(dir.path(), begun).unwrap();
        let names = |after: u64| -> Vec<String> {
            let roll = keeper.current(begun + Duration::from_secs(after));
            roll.tokens()
                .iter()
                .map(|token| token.name.clone())
                .collect()
        };
        assert!(names(1).is_empty());
        let mut roll = TokenRoll::default();
        let new = NewToken {
            name: "a".into(),
            scopes: [Scope::Read].into(),
            lasts: None,
        };
        roll.add(new, SystemTime::UNIX_EPOCH).unwrap();
        roll.write(dir.path(), &SystemDisk).unwrap();
        // Within the second it is not looked for.
        assert!(names(1).is_empty());
        assert_eq!(names(2), ["a"]);
        fs::write(dir.path().join(FILE), "broken").unwrap();
        assert!(names(3).is_empty());
        roll.write(dir.path(), &SystemDisk).unwrap();
        assert_eq!(names(4), ["a"]);
        fs::remove_file(dir.path().join(FILE)).unwrap();
        assert!(names(5).is_empty());
    }
}
