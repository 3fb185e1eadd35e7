//! The roll of tokens: who may call, what each may do, and until when; on the disk by their SHA-256 alone.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use durable::{Disk, FOR_OWNER};
use serde::{Deserialize, Serialize};
use subtle::ConditionallySelectable;

use crate::folder::give_to_owner_of;
use crate::scope::Scope;
use crate::secret::{AccessSecret, SecretDigest};

/// The file, in the folder of all that concerns access.
pub(crate) const FILE: &str = "tokens.json";
/// Most tokens: each is compared with at every request.
pub const MOST_TOKENS: usize = 256;
/// A file of so many tokens is shorter.
const MOST_BYTES: u64 = 256 << 10;
/// Letters of a token's name.
const NAME: usize = 64;

/// A token, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenEntry {
    /// Whose it is: told in lists and in the record of changes.
    pub name: String,
    /// Its SHA-256, base64url.
    sha256: SecretDigest,
    /// What it is good for.
    pub scopes: BTreeSet<Scope>,
    /// When it was made, seconds since 1970 by this device's clock.
    pub made: u64,
    /// From when on it is good for nothing, seconds since 1970; never, if it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<u64>,
}

impl TokenEntry {
    /// Whether its time is over.
    #[must_use]
    pub fn has_ended(&self, now: SystemTime) -> bool {
        self.ends.is_some_and(|ends| seconds(now) >= ends)
    }

    pub(crate) fn digest(&self) -> &SecretDigest {
        &self.sha256
    }
}

/// A token that is to be.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Whose it is to be: 1 to 64 of letters, digits, `.`, `-` and `_`.
    pub name: String,
    /// What it is to be good for; something.
    pub scopes: BTreeSet<Scope>,
    /// How long; for good, if nothing is said.
    pub lasts: Option<Duration>,
}

/// All tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRoll {
    tokens: Vec<TokenEntry>,
}

/// Why the roll cannot be read or written so.
#[derive(Debug, thiserror::Error)]
pub enum RollError {
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not what this program writes.
    #[error("{}: not a roll of tokens ({reason}): nobody is let in; remove it and make tokens anew", path.display())]
    Form {
        /// Which.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// Names are to be told in lists.
    #[error("'{0}' is no name for a token: 1 to 64 of letters, digits, '.', '-' and '_' are")]
    Name(String),
    /// Two of one name could not be told apart.
    #[error("there is a token '{0}': remove it first, or choose another name")]
    Taken(String),
    /// It would be good for nothing.
    #[error("a token needs something that it is good for")]
    NoScope,
    /// No more fit.
    #[error("there are {MOST_TOKENS} tokens, and no more: remove one first")]
    Full,
    /// There is none of that name.
    #[error("there is no token '{0}'")]
    Unknown(String),
    /// The system gives no random numbers.
    #[error("no random numbers from the system: {0}")]
    Random(getrandom::Error),
}

impl TokenRoll {
    /// That of a folder; an empty one if there is none.
    ///
    /// # Errors
    /// [`RollError::File`], [`RollError::Form`].
    pub fn read(folder: &Path) -> Result<Self, RollError> {
        let path = folder.join(FILE);
        let text = match text_of(&path) {
            Ok(text) => text,
            Err(source) if source.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(RollError::File { path, source }),
        };
        let wrong = |reason: String| RollError::Form { path, reason };
        match serde_json::from_str::<Self>(&text) {
            Ok(roll) if roll.tokens.len() > MOST_TOKENS => Err(wrong("too many tokens".into())),
            Ok(roll) => Ok(roll),
            // Where, but not what: the values are nobody's business.
            Err(error) => Err(wrong(format!("line {}", error.line()))),
        }
    }

    /// Writes it, in one step, for the folder's owner alone: the service reads it as whom the folder belongs to, whoever writes.
    ///
    /// # Errors
    /// [`RollError::File`].
    pub fn write(&self, folder: &Path, disk: &dyn Disk) -> Result<(), RollError> {
        let (path, part) = (folder.join(FILE), folder.join("tokens.json.part"));
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        let written = || {
            // What a power cut may have left.
            disk.remove(&part)?;
            let mut file = disk.create(&part, FOR_OWNER)?;
            disk.write(&mut file, text.as_bytes())?;
            give_to_owner_of(folder, &part)?;
            disk.sync(&file, &part)?;
            disk.put(&part, &path)
        };
        written().map_err(|source| RollError::File { path, source })
    }

    /// All of them, as they were made.
    #[must_use]
    pub fn tokens(&self) -> &[TokenEntry] {
        &self.tokens
    }

    /// Makes a token. What is returned is kept nowhere.
    ///
    /// # Errors
    /// [`RollError::Name`], [`RollError::Taken`], [`RollError::NoScope`], [`RollError::Full`], [`RollError::Random`].
    pub fn add(&mut self, new: NewToken, now: SystemTime) -> Result<AccessSecret, RollError> {
        let NewToken {
            name,
            scopes,
            lasts,
        } = new;
        let fit = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.is_empty() || name.len() > NAME || !name.chars().all(fit) {
            return Err(RollError::Name(name));
        }
        if self.tokens.iter().any(|token| token.name == name) {
            return Err(RollError::Taken(name));
        }
        if scopes.is_empty() {
            return Err(RollError::NoScope);
        }
        if self.tokens.len() == MOST_TOKENS {
            return Err(RollError::Full);
        }
        let secret = AccessSecret::draw().map_err(RollError::Random)?;
        let made = seconds(now);
        self.tokens.push(TokenEntry {
            sha256: SecretDigest::of(secret.text()),
            name,
            scopes,
            made,
            ends: lasts.map(|lasts| made.saturating_add(lasts.as_secs())),
        });
        Ok(secret)
    }

    /// Takes a token away.
    ///
    /// # Errors
    /// [`RollError::Unknown`].
    pub fn remove(&mut self, name: &str) -> Result<(), RollError> {
        let before = self.tokens.len();
        self.tokens.retain(|token| token.name != name);
        match self.tokens.len() == before {
            true => Err(RollError::Unknown(name.into())),
            false => Ok(()),
        }
    }

    /// The token of that digest. Every one is compared with, whichever it is: how long it takes tells nothing.
    pub(crate) fn find(&self, digest: &SecretDigest) -> Option<&TokenEntry> {
        let mut found = u32::MAX;
        for (index, token) in (0..).zip(&self.tokens) {
            found.conditional_assign(&index, token.sha256.is(digest));
        }
        self.tokens.get(usize::try_from(found).ok()?)
    }
}

fn text_of(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    // A byte more than it may have: then it is no whole JSON.
    File::open(path)?
        .take(MOST_BYTES + 1)
        .read_to_string(&mut text)?;
    Ok(text)
}

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use durable::SystemDisk;
    use testing::power::{LOSSES, PowerDisk};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn new(name: &str) -> NewToken {
        NewToken {
            name: name.into(),
            scopes: [Scope::Read].into(),
            lasts: None,
        }
    }

    #[test]
    fn what_is_on_the_disk_is_not_what_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let mut roll = TokenRoll::read(dir.path()).unwrap();
        assert!(roll.tokens().is_empty());
        let secret = roll.add(new("ward-3"), at(100)).unwrap();
        roll.write(dir.path(), &SystemDisk).unwrap();
        let file = dir.path().join(FILE);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains("ward-3") && !text.contains(&secret.text()[5..]));
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let again = TokenRoll::read(dir.path()).unwrap();
        assert_eq!(again, roll);
        let find = |text: &str| again.find(&SecretDigest::of(text)).map(|token| &token.name);
        assert_eq!(find(secret.text()).unwrap(), "ward-3");
        assert_eq!(find(&secret.text()[1..]), None);
        assert_eq!(find(""), None);
    }

    #[test]
    fn names_are_unlike_and_tokens_good_for_something() {
        let mut roll = TokenRoll::default();
        roll.add(new("a"), at(0)).unwrap();
        let long = "a".repeat(NAME + 1);
        for bad in ["", "a b", "ä", "a/b", "a\n", long.as_str()] {
            let refused = roll.add(new(bad), at(0));
            assert!(matches!(refused, Err(RollError::Name(_))), "{bad}");
        }
        let twice = roll.add(new("a"), at(0));
        assert!(matches!(twice, Err(RollError::Taken(_))));
        let none = NewToken {
            scopes: BTreeSet::new(),
            ..new("b")
        };
        assert!(matches!(roll.add(none, at(0)), Err(RollError::NoScope)));
        for index in 1..MOST_TOKENS {
            roll.add(new(&format!("t{index}")), at(0)).unwrap();
        }
        assert!(matches!(roll.add(new("b"), at(0)), Err(RollError::Full)));
        roll.remove("t7").unwrap();
        assert!(matches!(roll.remove("t7"), Err(RollError::Unknown(_))));
        let last = roll.add(new("b"), at(0)).unwrap();
        assert_eq!(roll.find(&SecretDigest::of(last.text())).unwrap().name, "b");
        let dir = tempfile::tempdir().unwrap();
        roll.write(dir.path(), &SystemDisk).unwrap();
        assert_eq!(TokenRoll::read(dir.path()).unwrap(), roll);
    }

    #[test]
    fn a_token_ends_when_it_was_to() {
        let mut roll = TokenRoll::default();
        let lasts = Some(Duration::from_secs(10));
        roll.add(NewToken { lasts, ..new("a") }, at(100)).unwrap();
        let token = &roll.tokens()[0];
        assert_eq!((token.made, token.ends), (100, Some(110)));
        assert!(!token.has_ended(at(109)) && token.has_ended(at(110)));
    }

    #[test]
    fn what_is_no_roll_lets_nobody_in_and_says_where() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE);
        let many = format!("{{\"tokens\": [{}]}}", " ".repeat(MOST_BYTES as usize));
        for bad in [
            "",
            "[]",
            "{\"tokens\": [{}]}",
            "{\"tokens\": [], \"more\": 1}",
            &many,
        ] {
            fs::write(&file, bad).unwrap();
            let error = TokenRoll::read(dir.path()).unwrap_err();
            assert!(matches!(error, RollError::Form { .. }), "{error}");
            assert!(error.to_string().contains("line "), "{error}");
        }
    }

    #[test]
    fn a_power_cut_leaves_the_old_roll_or_the_new() {
        let mut before = TokenRoll::default();
        before.add(new("a"), at(0)).unwrap();
        let mut after = before.clone();
        after.add(new("b"), at(0)).unwrap();
        let mut seen = [false; 2];
        for operations in 0..9 {
            for loss in LOSSES {
                let dir = tempfile::tempdir().unwrap();
                before.write(dir.path(), &SystemDisk).unwrap();
                let disk = PowerDisk::with(operations);
                let written = after.write(dir.path(), &disk).is_ok();
                disk.lose(loss);
                let found = TokenRoll::read(dir.path()).unwrap();
                assert!(found == after || (found == before && !written));
                seen[usize::from(found == after)] = true;
                // And what was left is in nobody's way.
                after.write(dir.path(), &SystemDisk).unwrap();
            }
        }
        assert_eq!(seen, [true; 2]);
    }
}
