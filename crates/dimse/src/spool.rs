//! Where received objects lie until somebody has worked on them.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use dicom::Uid;
use sha2::{Digest, Sha256};

use crate::folder::{ArrivingFile, DurableFolder, FolderBounds, FolderError};

const ENDING: &str = ".dcm";

/// A folder of received objects, Part 10 files. Their names are hashes of their SOP Instance UIDs, so that they name nobody, and the
/// same object twice is there once.
#[derive(Debug)]
pub struct Spool {
    folder: DurableFolder,
}

/// An object that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpooledObject {
    /// Where it is.
    pub path: PathBuf,
    /// Names this arrival of it: the same after a restart, another if it was removed and is sent anew.
    pub arrival: String,
    /// When it came: the same after a restart.
    pub received: SystemTime,
    name: String,
}

impl Spool {
    /// Opens a folder, or makes it. What was cut off on its way in was not acknowledged, and is removed.
    ///
    /// # Errors
    /// [`FolderError`], if it cannot be read and written, or another process has it.
    pub fn open(path: &Path, bounds: FolderBounds) -> Result<Self, FolderError> {
        Ok(Self {
            folder: DurableFolder::open(path, bounds)?,
        })
    }

    /// What waits, oldest first as far as the file system's clock can tell.
    #[must_use]
    pub fn waiting(&self) -> Vec<SpooledObject> {
        let names = self.folder.files().into_iter().map(|(name, _)| name);
        let mut found: Vec<SpooledObject> = (names.filter(|name| name.ends_with(ENDING)))
            .filter_map(|name| self.object(name))
            .collect();
        found.sort_by(|a, b| a.arrival.cmp(&b.arrival));
        found
    }

    /// Removes an object that was worked on.
    ///
    /// # Errors
    /// [`FolderError::Disk`]
    pub fn remove(&self, object: &SpooledObject) -> Result<(), FolderError> {
        self.folder.remove(&object.name)
    }

    pub(crate) fn find(&self, instance: &Uid) -> Option<SpooledObject> {
        let name = name_of(instance);
        self.folder.has(&name).then(|| self.object(name)).flatten()
    }

    pub(crate) fn begin(&self) -> Result<ArrivingFile<'_>, FolderError> {
        self.folder.begin()
    }

    pub(crate) fn keep(&self, part: ArrivingFile<'_>, instance: &Uid) -> Result<(), FolderError> {
        part.keep(&name_of(instance))
    }

    /// `None` if it was removed meanwhile.
    fn object(&self, name: String) -> Option<SpooledObject> {
        let path = self.folder.place(&name);
        let modified = path.metadata().and_then(|about| about.modified()).ok()?;
        let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        let hash: String = name.chars().take(32).collect();
        Some(SpooledObject {
            path,
            arrival: format!("{:024x}{hash}", since.as_nanos()),
            received: modified,
            name,
        })
    }
}

fn name_of(instance: &Uid) -> String {
    hex_of(instance.as_str()) + ENDING
}

/// SHA-256 in hex.
pub(crate) fn hex_of(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
