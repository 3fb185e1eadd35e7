//! The record of what was changed by whom: a line of JSON for each change, each with the SHA-256 of the line before it, so that one
//! that is altered or taken out is seen by all that come after. Who can write the folder can write the whole of it anew: who is
//! to prove something by it keeps the newest line's hash elsewhere (`espmedsam access record` tells it).
//!
//! Nothing of a patient is in it: names of tokens, methods, routes, states.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use durable::{Disk, FOR_OWNER};
use picture::utc::Utc;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::folder::give_to_owner_of;

/// The newest first. Beyond these the oldest lines are gone.
const FILES: [&str; 4] = [
    "record.jsonl",
    "record.1.jsonl",
    "record.2.jsonl",
    "record.3.jsonl",
];
/// A file is no longer than this.
const MOST_BYTES: u64 = 1 << 20;
/// Letters of what is said of a change; the rest is left out.
const LONGEST: usize = 256;
/// Bytes of a line: no letter takes more than six in JSON, and none more than four in UTF-8.
const LONGEST_LINE: u64 = 16 << 10;
/// Who has it locked, writes.
const LOCK: &str = "record.lock";
/// What the very first line follows.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One change, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditLine {
    /// Counts from 1, over all files.
    pub n: u64,
    /// When, by this device's clock (ISO 8601, UTC), which may stand anywhere.
    pub at: String,
    /// By whom: `token NAME`, `this device`, `the service`.
    pub who: String,
    /// What.
    pub what: String,
    /// SHA-256 of the line before, hex.
    pub before: String,
}

/// What is written to, by the service and by commands beside it: whoever writes looks what is there first, one after the other.
#[derive(Debug)]
pub struct AuditLog {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

/// What the next line follows.
struct AuditEnd {
    count: u64,
    hash: String,
}

/// Why the record cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The system's.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is not as it was written.
    #[error("{}: line {line} is not as it was written, or one before it is gone", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
}

/// A record that holds together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditRecord {
    /// From the oldest that is still there.
    pub lines: Vec<AuditLine>,
    /// SHA-256 of the newest line, hex.
    pub hash: String,
}

impl AuditLog {
    /// That of a folder, which has to be there.
    #[must_use]
    pub fn new(folder: &Path, disk: Arc<dyn Disk>) -> Self {
        let folder = folder.to_owned();
        Self { disk, folder }
    }

    /// Writes a line. When this returns it is on the disk. Half a line, which a power cut leaves, is taken away.
    ///
    /// # Errors
    /// The system's: then it is not written, and the next one is tried anew.
    pub fn write(&self, who: &str, what: &str, now: SystemTime) -> io::Result<()> {
        let turn = self.file(LOCK)?;
        turn.lock()?;
        let path = self.folder.join(FILES[0]);
        let mut file = self.file(FILES[0])?;
        let end = self.end()?;
        let line = serde_json::to_string(&AuditLine {
            n: end.count.saturating_add(1),
            at: Utc::new(now).extended(),
            who: shortened(who),
            what: shortened(what),
            before: end.hash,
        })? + "\n";
        let mut before = file.metadata()?.len();
        if before.saturating_add(line.len() as u64) > MOST_BYTES {
            self.turn_over()?;
            file = self.file(FILES[0])?;
            before = 0;
        }
        file.seek(SeekFrom::Start(before))?;
        let written = self.disk.write(&mut file, line.as_bytes());
        let written = written.and_then(|()| self.disk.sync(&file, &path));
        if written.is_err() {
            // What is half there would spoil the next one.
            file.set_len(before)?;
        }
        written
    }

    /// A file of the folder, made if it is not there; whoever makes it, it belongs to whom the folder belongs to.
    fn file(&self, name: &str) -> io::Result<File> {
        let path = self.folder.join(name);
        match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                match self.disk.create(&path, FOR_OWNER) {
                    Ok(_) => {
                        give_to_owner_of(&self.folder, &path)?;
                        self.disk.sync_folder(&self.folder)?;
                    }
                    // Another made it since: of the lock's file two may be first.
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(error),
                }
                OpenOptions::new().read(true).write(true).open(&path)
            }
            opened => opened,
        }
    }

    /// Looks for the last whole line, in the newest file that has one: a power cut while files were moved leaves the newest empty.
    fn end(&self) -> io::Result<AuditEnd> {
        for (index, name) in FILES.iter().enumerate() {
            let path = self.folder.join(name);
            if index > 0 && !path.exists() {
                continue;
            }
            let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
            let length = file.metadata()?.len();
            let from = length.saturating_sub(LONGEST_LINE);
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(from))?;
            file.take(LONGEST_LINE).read_to_end(&mut bytes)?;
            let whole = bytes.iter().rposition(|byte| *byte == b'\n');
            let whole = whole.map_or(0, |end| end + 1);
            if whole < bytes.len() {
                let file = OpenOptions::new().write(true).open(&path)?;
                file.set_len(from + whole as u64)?;
                file.sync_all()?;
            }
            let text = String::from_utf8_lossy(&bytes[..whole]);
            if let Some(line) = text.lines().last() {
                return Ok(AuditEnd {
                    count: number_of(line),
                    hash: hash_of(line),
                });
            }
        }
        Ok(AuditEnd {
            count: 0,
            hash: NOTHING.into(),
        })
    }

    /// Every file one further back; the oldest goes.
    fn turn_over(&self) -> io::Result<()> {
        let at = |index: usize| self.folder.join(FILES[index]);
        self.disk.remove(&at(FILES.len() - 1))?;
        for index in (0..FILES.len() - 1).rev() {
            if at(index).exists() {
                self.disk.rename(&at(index), &at(index + 1))?;
            }
        }
        self.disk.sync_folder(&self.folder)
    }
}

impl AuditRecord {
    /// Reads a folder's record, and looks whether each line follows the one before.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn read(folder: &Path) -> Result<Self, AuditError> {
        let mut record = Self {
            lines: Vec::new(),
            hash: NOTHING.into(),
        };
        for name in FILES.iter().rev() {
            let path = folder.join(name);
            if !path.exists() {
                continue;
            }
            let text = text_of(&path);
            let text = text.map_err(|source| AuditError::File {
                path: path.clone(),
                source,
            })?;
            for (index, line) in text.lines().enumerate() {
                let altered = || AuditError::Altered {
                    path: path.clone(),
                    line: index + 1,
                };
                let read: AuditLine = serde_json::from_str(line).map_err(|_| altered())?;
                let follows = match record.lines.last() {
                    Some(last) => read.before == record.hash && read.n == last.n + 1,
                    // What the oldest follows is gone, unless it was the first.
                    None => read.n > 1 || read.before == NOTHING,
                };
                if !follows {
                    return Err(altered());
                }
                record.hash = hash_of(line);
                record.lines.push(read);
            }
        }
        Ok(record)
    }
}

fn hash_of(line: &str) -> String {
    let bytes: [u8; 32] = Sha256::digest(line).into();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Of a line that is no record none: whoever reads the whole sees that it is none.
fn number_of(line: &str) -> u64 {
    let read = serde_json::from_str::<AuditLine>(line);
    read.map_or(0, |line| line.n)
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

fn text_of(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    // Another's file may be longer; ours is not.
    File::open(path)?
        .take(2 * MOST_BYTES)
        .read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use durable::SystemDisk;
    use testing::power::{LOSSES, NEVER, PowerDisk};

    use super::*;

    const DAY: SystemTime = SystemTime::UNIX_EPOCH;

    fn log(folder: &Path) -> AuditLog {
        AuditLog::new(folder, Arc::new(SystemDisk))
    }

    fn whats(record: &AuditRecord) -> Vec<&str> {
        record.lines.iter().map(|line| line.what.as_str()).collect()
    }

    #[test]
    fn each_line_follows_the_one_before_across_starts() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(AuditRecord::read(dir.path()).unwrap().lines, []);
        for what in ["one", "two"] {
            log(dir.path()).write("this device", what, DAY).unwrap();
        }
        let record = AuditRecord::read(dir.path()).unwrap();
        assert_eq!(whats(&record), ["one", "two"]);
        assert_eq!(record.lines[0].before, NOTHING);
        assert_eq!(record.lines[1].n, 2);
        let text = fs::read_to_string(dir.path().join(FILES[0])).unwrap();
        // FIPS 180-4, of the line as it stands there.
        assert_eq!(record.hash, hash_of(text.lines().last().unwrap()));
    }

    #[test]
    fn many_who_write_at_once_write_one_after_the_other() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|threads| {
            for who in 0..4 {
                let folder = dir.path();
                threads.spawn(move || {
                    for _ in 0..8 {
                        log(folder)
                            .write(&format!("token {who}"), "x", DAY)
                            .unwrap();
                    }
                });
            }
        });
        assert_eq!(AuditRecord::read(dir.path()).unwrap().lines.len(), 32);
    }

    #[test]
    fn what_was_altered_taken_out_or_put_in_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let log = log(dir.path());
        for what in ["one", "two", "three"] {
            log.write("token a", what, DAY).unwrap();
        }
        let file = dir.path().join(FILES[0]);
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let altered = text.replace("one", "two");
        let other = [lines[0], lines[2]].join("\n");
        let twice = [lines[0], lines[1], lines[1], lines[2]].join("\n");
        let foreign = [lines[0], "{}", lines[1], lines[2]].join("\n");
        for (bad, at) in [(altered, 2), (other, 2), (twice, 3), (foreign, 2)] {
            fs::write(&file, &bad).unwrap();
            match AuditRecord::read(dir.path()) {
                Err(AuditError::Altered { line, .. }) => assert_eq!(line, at, "{bad}"),
                found => panic!("{bad}: {found:?}"),
            }
        }
    }

    #[test]
    fn half_a_line_is_taken_away_and_the_record_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        log(dir.path()).write("token a", "one", DAY).unwrap();
        let file = dir.path().join(FILES[0]);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text + "{\"n\":2,\"at").unwrap();
        log(dir.path()).write("token a", "two", DAY).unwrap();
        let record = AuditRecord::read(dir.path()).unwrap();
        assert_eq!(whats(&record), ["one", "two"]);
    }

    #[test]
    fn it_is_bounded_and_what_is_left_holds_together() {
        let dir = tempfile::tempdir().unwrap();
        // Sync is not looked at here, and takes its time.
        let log = AuditLog::new(dir.path(), Arc::new(PowerDisk::with(NEVER)));
        let what = "a".repeat(2 * LONGEST);
        for _ in 0..12_000 {
            log.write("token a", &what, DAY).unwrap();
        }
        let sizes = FILES.map(|name| dir.path().join(name).metadata().unwrap().len());
        assert!(sizes.iter().all(|size| *size <= MOST_BYTES), "{sizes:?}");
        let record = AuditRecord::read(dir.path()).unwrap();
        let (first, last) = (&record.lines[0], &record.lines[record.lines.len() - 1]);
        assert!(first.n > 1 && last.n == 12_000);
        assert_eq!(last.what.len(), LONGEST);
    }

    #[test]
    fn a_power_cut_loses_no_line_that_was_written() {
        for operations in 0..16 {
            for loss in LOSSES {
                let dir = tempfile::tempdir().unwrap();
                let disk = Arc::new(PowerDisk::with(operations));
                let mut written = Vec::new();
                let cut = AuditLog::new(dir.path(), disk.clone());
                for what in ["one", "two", "three"] {
                    if cut.write("token a", what, DAY).is_ok() {
                        written.push(what);
                    }
                }
                disk.lose(loss);
                log(dir.path()).write("token a", "after", DAY).unwrap();
                let record = AuditRecord::read(dir.path()).unwrap();
                let found = whats(&record);
                assert!(found.starts_with(&written), "{found:?} {written:?}");
                assert_eq!(found.last(), Some(&"after"));
            }
        }
    }
}
