//! The outbox: entries in their order, and how far each destination is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use picture::segmenter::Bell;
use picture::sync::lock;

use super::entry::{EntryKey, EntryStage, OutboxEntry, RouteName};
use crate::folder::{DurableFolder, FolderBounds, FolderError};
use crate::part10::FileMeta;

/// Acknowledged entries whose names are kept, so that one that is put again is known.
const REMEMBERED: usize = 1024;
/// Bytes that are copied at a time.
const CHUNK: usize = 64 * 1024;

/// Objects on their way out, each with its destination. An entry is whole on the disk or not there; it is gone when it is
/// acknowledged, and not before.
#[derive(Debug)]
pub struct Outbox {
    folder: DurableFolder,
    entries: usize,
    shelf: Mutex<Shelf>,
    /// Held while an entry is put in, so that of one key there is one.
    putting: Mutex<()>,
    /// Rings when there may be something to do.
    pub(super) bell: Bell,
}

#[derive(Debug, Default)]
struct Shelf {
    next: u64,
    waiting: BTreeMap<u64, OutboxEntry>,
    refused: BTreeMap<u64, OutboxEntry>,
    sent: BTreeMap<u64, OutboxEntry>,
    known: BTreeSet<(EntryKey, RouteName)>,
    routes: BTreeMap<RouteName, RouteProgress>,
}

/// How it goes with a destination; forgotten at a restart.
#[derive(Clone, Debug, Default)]
struct RouteProgress {
    attempts: u32,
    not_before: Option<Instant>,
    last_error: Option<String>,
}

/// Why an entry was not put in.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The folder: full, or the disk's fault.
    #[error("the outbox does not take it: {0}")]
    Folder(#[from] FolderError),
    /// What was to be put in is no DICOM file, or could not be read.
    #[error("the outbox does not take it: {0}")]
    Object(String),
}

/// What became of what was put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It waits.
    New,
    /// One of that key waits already, was set aside, or was acknowledged.
    Known,
}

/// How it goes, without identifiers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboxState {
    /// Entries that wait.
    pub waiting: usize,
    /// Entries that their destination will not have.
    pub refused: usize,
    /// Bytes of both.
    pub bytes: u64,
    /// Each destination that something waits for or that failed last.
    pub routes: BTreeMap<RouteName, RouteState>,
}

/// How it goes with a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteState {
    /// Entries that wait for it.
    pub waiting: usize,
    /// How often its next entry was tried in vain.
    pub attempts: u32,
    /// Why, the last time.
    pub last_error: Option<String>,
}

/// What is to be done.
pub(super) enum Due {
    Send(OutboxEntry, PathBuf),
    /// Nothing before then, or before the bell rings.
    Wait(Option<Instant>),
}

impl Outbox {
    /// Opens a folder, or makes it. What waited goes on; what was cut off while it was put in was never in it.
    ///
    /// # Errors
    /// [`FolderError`], if it cannot be read and written, or another process has it.
    pub fn open(path: &Path, bounds: FolderBounds) -> Result<Self, FolderError> {
        let room = FolderBounds {
            entries: bounds.entries.saturating_add(REMEMBERED),
            ..bounds
        };
        let folder = DurableFolder::open(path, room)?;
        let mut shelf = Shelf::default();
        for (name, bytes) in folder.files() {
            let Some((entry, stage)) = OutboxEntry::of(&name) else {
                continue;
            };
            shelf.next = shelf.next.max(entry.serial.saturating_add(1));
            shelf.known.insert((entry.key.clone(), entry.route.clone()));
            let of_stage = match stage {
                EntryStage::Waiting => &mut shelf.waiting,
                EntryStage::Refused => &mut shelf.refused,
                EntryStage::Sent => {
                    if bytes > 0 {
                        folder.empty(&name)?;
                    }
                    &mut shelf.sent
                }
            };
            of_stage.insert(entry.serial, entry);
        }
        Ok(Self {
            folder,
            entries: bounds.entries,
            shelf: shelf.into(),
            putting: Mutex::default(),
            bell: Bell::default(),
        })
    }

    /// Puts a Part 10 file in. When this returns it is on the disk, and will be sent.
    ///
    /// # Errors
    /// [`OutboxError`]: then it is not in.
    pub fn put(
        &self,
        route: &RouteName,
        key: &EntryKey,
        mut object: impl Read,
    ) -> Result<Posted, OutboxError> {
        let _putting = lock(&self.putting);
        {
            let shelf = lock(&self.shelf);
            if shelf.known.contains(&(key.clone(), route.clone())) {
                return Ok(Posted::Known);
            }
            let entries = shelf.waiting.len() + shelf.refused.len();
            if entries >= self.entries {
                return Err(self.full(entries).into());
            }
        }
        let unreadable = |error: std::io::Error| OutboxError::Object(error.to_string());
        let mut part = self.folder.begin()?;
        let mut chunk = vec![0; CHUNK];
        loop {
            match object.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => part.write(chunk.get(..count).unwrap_or_default())?,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
        let mut written = File::open(part.path()).map_err(unreadable)?;
        FileMeta::read(&mut written).map_err(|error| OutboxError::Object(error.to_string()))?;
        let entry = OutboxEntry {
            serial: lock(&self.shelf).next,
            key: key.clone(),
            route: route.clone(),
        };
        part.keep(&entry.name(EntryStage::Waiting))?;
        {
            let mut shelf = lock(&self.shelf);
            shelf.next = shelf.next.saturating_add(1);
            shelf.known.insert((key.clone(), route.clone()));
            shelf.waiting.insert(entry.serial, entry);
        }
        self.bell.ring();
        Ok(Posted::New)
    }

    /// How it goes.
    #[must_use]
    pub fn state(&self) -> OutboxState {
        let shelf = lock(&self.shelf);
        let progress = shelf.routes.iter().map(|(route, progress)| {
            let state = RouteState {
                waiting: 0,
                attempts: progress.attempts,
                last_error: progress.last_error.clone(),
            };
            (route.clone(), state)
        });
        let mut routes: BTreeMap<RouteName, RouteState> = progress.collect();
        for entry in shelf.waiting.values() {
            routes.entry(entry.route.clone()).or_default().waiting += 1;
        }
        OutboxState {
            waiting: shelf.waiting.len(),
            refused: shelf.refused.len(),
            bytes: self.folder.files().iter().map(|(_, bytes)| bytes).sum(),
            routes,
        }
    }

    /// Has what was set aside tried again, in its old place.
    ///
    /// # Errors
    /// [`FolderError::Disk`]
    pub fn retry_refused(&self) -> Result<(), FolderError> {
        let mut shelf = lock(&self.shelf);
        while let Some((serial, entry)) = shelf.refused.pop_first() {
            let renamed = self.folder.rename(
                &entry.name(EntryStage::Refused),
                &entry.name(EntryStage::Waiting),
            );
            let target = if renamed.is_ok() {
                &mut shelf.waiting
            } else {
                &mut shelf.refused
            };
            target.insert(serial, entry);
            renamed?;
        }
        self.bell.ring();
        Ok(())
    }

    /// Removes what was set aside.
    ///
    /// # Errors
    /// [`FolderError::Disk`]
    pub fn discard_refused(&self) -> Result<(), FolderError> {
        let mut shelf = lock(&self.shelf);
        while let Some(first) = shelf.refused.first_entry() {
            self.folder.remove(&first.get().name(EntryStage::Refused))?;
            let entry = first.remove();
            shelf.known.remove(&(entry.key, entry.route));
        }
        Ok(())
    }

    /// The first entry of a destination whose time has come.
    pub(super) fn due(&self, now: Instant) -> Due {
        let shelf = lock(&self.shelf);
        let mut seen = BTreeSet::new();
        let mut earliest: Option<Instant> = None;
        for entry in shelf.waiting.values() {
            if !seen.insert(&entry.route) {
                continue;
            }
            let progress = shelf.routes.get(&entry.route);
            match progress.and_then(|progress| progress.not_before) {
                Some(then) if then > now => {
                    earliest = Some(earliest.map_or(then, |first| first.min(then)))
                }
                _ => {
                    let place = self.folder.place(&entry.name(EntryStage::Waiting));
                    return Due::Send(entry.clone(), place);
                }
            }
        }
        Due::Wait(earliest)
    }

    /// It was acknowledged: from here on it is not sent again. Of the last ones the names are kept.
    pub(super) fn acknowledged(&self, entry: &OutboxEntry) -> Result<(), FolderError> {
        let forgotten = {
            let mut shelf = lock(&self.shelf);
            // Whatever the disk says, this process does not send it again.
            shelf.waiting.remove(&entry.serial);
            shelf.routes.remove(&entry.route);
            shelf.sent.insert(entry.serial, entry.clone());
            let many = shelf.sent.len() > REMEMBERED;
            let oldest = many.then(|| shelf.sent.pop_first()).flatten();
            if let Some((_, oldest)) = &oldest {
                shelf
                    .known
                    .remove(&(oldest.key.clone(), oldest.route.clone()));
            }
            oldest
        };
        let sent = entry.name(EntryStage::Sent);
        self.folder
            .rename(&entry.name(EntryStage::Waiting), &sent)?;
        self.folder.empty(&sent)?;
        match forgotten {
            Some((_, oldest)) => self.folder.remove(&oldest.name(EntryStage::Sent)),
            None => Ok(()),
        }
    }

    /// Its destination will not have it.
    pub(super) fn set_aside(&self, entry: &OutboxEntry, why: String) -> Result<(), FolderError> {
        {
            let mut shelf = lock(&self.shelf);
            shelf.waiting.remove(&entry.serial);
            shelf.refused.insert(entry.serial, entry.clone());
            let progress = shelf.routes.entry(entry.route.clone()).or_default();
            *progress = RouteProgress {
                last_error: Some(why),
                ..RouteProgress::default()
            };
        }
        self.folder.rename(
            &entry.name(EntryStage::Waiting),
            &entry.name(EntryStage::Refused),
        )
    }

    /// It is to be tried again, at the time that is worked out from how often it was.
    pub(super) fn postpone(
        &self,
        entry: &OutboxEntry,
        why: String,
        when: impl FnOnce(u32) -> Instant,
    ) {
        let mut shelf = lock(&self.shelf);
        let progress = shelf.routes.entry(entry.route.clone()).or_default();
        progress.attempts = progress.attempts.saturating_add(1);
        progress.not_before = Some(when(progress.attempts));
        progress.last_error = Some(why);
    }

    fn full(&self, entries: usize) -> FolderError {
        FolderError::Full {
            folder: self.folder.place(""),
            entries,
            bytes: self.folder.files().iter().map(|(_, bytes)| bytes).sum(),
        }
    }
}
