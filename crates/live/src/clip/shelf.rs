//! Where clips and snapshots are saved: a folder, never overwritten, and never fuller than it may be.

use std::fs::File;
use std::io::{BufWriter, Error, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::SystemTime;

use durable::{Disk, FOR_ALL, SystemDisk};
use picture::utc::Utc;
use video::avi::AviWriter;

use super::record::ClipAbout;
use super::ring::{ClipCut, ClipPicture, LiveClip};

/// What a line has beside its picture's answer, and an AVI beside its pictures, about: bytes for each picture.
const ASIDE: u64 = 2048;

/// How much a folder of clips may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShelfBounds {
    /// Most clips.
    pub clips: usize,
    /// Most snapshots.
    pub snapshots: usize,
    /// Most bytes of all of them together.
    pub bytes: u64,
}

impl Default for ShelfBounds {
    fn default() -> Self {
        Self {
            clips: 64,
            snapshots: 1024,
            bytes: 2 << 30,
        }
    }
}

/// A folder that clips are saved in.
#[derive(Debug)]
pub struct ClipShelf {
    folder: PathBuf,
    bounds: ShelfBounds,
    /// Held while a clip is being saved.
    saving: Mutex<()>,
}

/// Why a clip is not saved, or not there.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// No folder was set.
    #[error("no folder for clips is set")]
    NoFolder,
    /// The source does not keep its last seconds.
    #[error("the source keeps no clip")]
    Off,
    /// No picture has come in yet.
    #[error("the source has had no picture yet")]
    NoPictures,
    /// One is being saved just now.
    #[error("another clip is being saved")]
    Busy,
    /// There is no more room.
    #[error(
        "the folder holds {} clips and {} snapshots of {} MiB, and may hold {} and {} of {} MiB",
        held.clips, held.snapshots, held.bytes >> 20, bounds.clips, bounds.snapshots, bounds.bytes >> 20
    )]
    Full {
        /// What there is.
        held: ShelfBounds,
        /// What there may be.
        bounds: ShelfBounds,
    },
    /// There is no mask to be kept.
    #[error("there is no mask: the state is '{0}'")]
    NoMask(&'static str),
    /// It cannot be drawn.
    #[error("the snapshot: {0}")]
    Drawing(#[from] picture::render::RenderError),
    /// There is no such file.
    #[error("there is no clip '{0}'")]
    NoSuch(String),
    /// The folder or a file in it cannot be read or written.
    #[error("the folder of clips: {0}")]
    Io(#[from] Error),
}

/// A file of a clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClipFile {
    /// Its name, without a folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

/// A clip that was saved.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedClip {
    /// Motion JPEG in AVI.
    pub video: ClipFile,
    /// Its times and masks: JSON, line by line.
    pub record: ClipFile,
    /// How many pictures it has.
    pub pictures: usize,
    /// From the first to the last.
    pub seconds: f64,
    /// Why it is shorter than it was to be, if it is.
    pub shortened: Option<ClipCut>,
}

const VIDEO: &str = "avi";
const RECORD: &str = "jsonl";
const SNAPSHOT: &str = "png";
/// What follows the name of a file that is being written.
const PART: &str = ".part";

impl ClipShelf {
    /// That folder, which must be there. What a loss of power left half-written is removed from it.
    ///
    /// # Errors
    /// [`ClipError::Io`].
    pub fn open(folder: &Path, bounds: ShelfBounds) -> Result<Self, ClipError> {
        let shelf = Self {
            folder: folder.into(),
            bounds,
            saving: Mutex::default(),
        };
        for entry in std::fs::read_dir(folder)? {
            let name = entry?.file_name();
            let of_a_clip = |name: &&str| name.strip_suffix(PART).is_some_and(is_clip);
            if let Some(name) = name.to_str().filter(of_a_clip) {
                shelf.remove(name);
            }
        }
        Ok(shelf)
    }

    /// Saves a clip under a name made of its source's and the time. Blocks until it lies on the disk.
    ///
    /// # Errors
    /// [`ClipError`]; then nothing is left of it.
    pub fn save(
        &self,
        clip: &LiveClip,
        about: &ClipAbout,
        at: SystemTime,
    ) -> Result<SavedClip, ClipError> {
        let first = clip.pictures.first().ok_or(ClipError::NoPictures)?;
        let _saving = self.turn()?;
        let needed = clip.bytes as u64 + ASIDE * (1 + clip.pictures.len() as u64);
        self.check_room(needed, VIDEO)?;
        let stem = format!("{}-{}", about.source, Utc::new(at).basic());
        let video = self.write(&format!("{stem}.{VIDEO}"), |file| {
            write_video(clip, first.size, file)
        })?;
        let record = self.write(&format!("{stem}.{RECORD}"), |file| {
            write_record(clip, first, about, at, file)
        });
        let record = record.inspect_err(|_| self.remove(&video.name))?;
        Ok(SavedClip {
            video,
            record,
            pictures: clip.pictures.len(),
            seconds: clip.length().as_secs_f64(),
            shortened: clip.cut,
        })
    }

    /// Saves a picture with its mask, as PNG, under a name made of its source's and the time. Blocks until it lies on the disk.
    ///
    /// # Errors
    /// [`ClipError`]; then nothing is left of it.
    pub fn save_snapshot(
        &self,
        source: &str,
        png: &[u8],
        at: SystemTime,
    ) -> Result<ClipFile, ClipError> {
        let _saving = self.turn()?;
        self.check_room(png.len() as u64, SNAPSHOT)?;
        let name = format!("{source}-{}.{SNAPSHOT}", Utc::new(at).basic());
        self.write(&name, |mut file| {
            file.write_all(png)?;
            Ok(file)
        })
    }

    /// The turn to save, which is one's at a time.
    fn turn(&self) -> Result<MutexGuard<'_, ()>, ClipError> {
        match self.saving.try_lock() {
            Ok(saving) => Ok(saving),
            Err(TryLockError::Poisoned(saving)) => Ok(PoisonError::into_inner(saving)),
            Err(TryLockError::WouldBlock) => Err(ClipError::Busy),
        }
    }

    /// The files of all clips and snapshots, by name.
    ///
    /// # Errors
    /// [`ClipError::Io`].
    pub fn files(&self) -> Result<Vec<ClipFile>, ClipError> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Of the entry itself: a link is not followed.
            let (name, about) = (entry.file_name().into_string(), entry.metadata()?);
            let Ok(name) = name else {
                continue;
            };
            if about.is_file() && is_clip(&name) {
                files.push(ClipFile {
                    name,
                    bytes: about.len(),
                });
            }
        }
        files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    /// One of [`ClipShelf::files`], opened.
    ///
    /// # Errors
    /// [`ClipError::NoSuch`], [`ClipError::Io`].
    pub fn read(&self, name: &str) -> Result<(ClipFile, File), ClipError> {
        let mut files = self.files()?.into_iter();
        let found = files.find(|file| file.name == name);
        let found = found.ok_or_else(|| ClipError::NoSuch(name.into()))?;
        let file = File::open(self.folder.join(&found.name))?;
        Ok((found, file))
    }

    /// Whether there is room for so many bytes more, and for one more file of that ending.
    fn check_room(&self, needed: u64, ending: &str) -> Result<(), ClipError> {
        let files = self.files()?;
        let count = |ending| (files.iter().filter(|file| file.name.ends_with(ending))).count();
        let held = ShelfBounds {
            clips: count(VIDEO),
            snapshots: count(SNAPSHOT),
            bytes: files.iter().map(|file| file.bytes).sum(),
        };
        let fewer = match ending {
            SNAPSHOT => held.snapshots < self.bounds.snapshots,
            _ => held.clips < self.bounds.clips,
        };
        match fewer && held.bytes.saturating_add(needed) <= self.bounds.bytes {
            true => Ok(()),
            false => Err(ClipError::Full {
                held,
                bounds: self.bounds,
            }),
        }
    }

    /// Writes a file that was not there, wholly or not at all.
    pub(super) fn write(
        &self,
        name: &str,
        write: impl FnOnce(BufWriter<File>) -> Result<BufWriter<File>, Error>,
    ) -> Result<ClipFile, ClipError> {
        let (place, part) = (self.folder.join(name), format!("{name}{PART}"));
        if place.try_exists()? {
            return Err(Error::from(ErrorKind::AlreadyExists).into());
        }
        // Nobody is given half a file, and a loss of power leaves none under its name. One saves at a time.
        let beside = self.folder.join(&part);
        let new = SystemDisk.create(&beside, FOR_ALL)?;
        let written = write(BufWriter::new(new)).and_then(|file| {
            let file = file.into_inner().map_err(|error| error.into_error())?;
            SystemDisk.sync(&file, &beside)?;
            // For sure, before anybody is told that it is saved.
            SystemDisk.put(&beside, &place)?;
            Ok(file.metadata()?.len())
        });
        let bytes = written.inspect_err(|_| self.remove(&part))?;
        Ok(ClipFile {
            name: name.into(),
            bytes,
        })
    }

    #[cfg(test)]
    pub(super) fn lock_for_test(&self) -> std::sync::MutexGuard<'_, ()> {
        picture::sync::lock(&self.saving)
    }

    fn remove(&self, name: &str) {
        if let Err(error) = std::fs::remove_file(self.folder.join(name)) {
            tracing::warn!("a part of a clip was left behind: {name}: {error}");
        }
    }
}

fn write_video(
    clip: &LiveClip,
    size: [u32; 2],
    file: BufWriter<File>,
) -> Result<BufWriter<File>, Error> {
    let mut video = AviWriter::new(file, size, clip.rate())?;
    let mut before: Option<&ClipPicture> = None;
    for picture in &clip.pictures {
        let repeats = before.is_some_and(|before| picture.repeats(before));
        // Nothing means: the picture before once more.
        video.push(if repeats { &[] } else { &picture.jpeg })?;
        before = Some(picture);
    }
    video.finish()
}

fn write_record(
    clip: &LiveClip,
    first: &ClipPicture,
    about: &ClipAbout,
    at: SystemTime,
    mut file: BufWriter<File>,
) -> Result<BufWriter<File>, Error> {
    serde_json::to_writer(&mut file, &clip.header(first, about, at))?;
    file.write_all(b"\n")?;
    for line in clip.lines() {
        serde_json::to_writer(&mut file, &line)?;
        file.write_all(b"\n")?;
    }
    Ok(file)
}

/// Whether a file of that name is one of a clip, or a snapshot: `NAME-20261127T181246.123Z.avi`, `.jsonl` or `.png`.
pub(super) fn is_clip(name: &str) -> bool {
    let stem = [VIDEO, RECORD, SNAPSHOT]
        .iter()
        .find_map(|ending| name.strip_suffix(ending)?.strip_suffix('.'));
    let parts = stem.and_then(|stem| stem.rsplit_once('-'));
    parts.is_some_and(|(source, time)| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let shape = b"ddddddddTdddddd.dddZ";
        let fits = |(byte, shape): (u8, &u8)| match shape {
            b'd' => byte.is_ascii_digit(),
            fixed => byte == *fixed,
        };
        !source.is_empty()
            && source.bytes().all(letter)
            && time.len() == shape.len()
            && time.bytes().zip(shape).all(fits)
    })
}
