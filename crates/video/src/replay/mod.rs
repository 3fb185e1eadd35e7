//! A file or a folder, shown at its own rate: pictures in the order of their names, Y4M, motion JPEG in AVI, GIF.

mod avi;
mod folder;
mod gif;
mod player;
mod y4m;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use picture::frame::{Format, FrameLimits};

use self::player::{Clip, Player};
use crate::avi::is_avi;
use crate::source::{Opener, Source, SourceContext, SourceError};
use crate::y4m::Y4M_MAGIC;

/// How long a picture is shown where nobody says it: 25 a second.
pub const UNSAID: Duration = Duration::from_millis(40);

/// Recorded pictures.
#[derive(Clone, Debug)]
pub struct Replay {
    /// A file or a folder.
    pub path: PathBuf,
    /// How long each picture is shown, if not as long as the file says.
    pub each: Option<Duration>,
    /// Whether it begins again at its end.
    pub looped: bool,
    /// What it is read with.
    pub context: SourceContext,
}

/// Why a path cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Another kind of file.
    #[error("'{}' is no video that is read here (Y4M, motion JPEG in AVI, GIF) and no picture ({})", .0.display(), Format::names_in_words())]
    Foreign(PathBuf),
    /// A folder without pictures.
    #[error("'{}' has no pictures", .0.display())]
    NoPictures(PathBuf),
    /// A file none of whose pictures could be read.
    #[error("no picture of it can be read")]
    NothingReadable,
    /// A file that ends within a picture.
    #[error("it ends within a picture")]
    Cut,
    /// Too many bytes for a picture.
    #[error("'{}' has {bytes} bytes, too many for a picture", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
}

impl Opener for Replay {
    fn open(&self) -> Result<Box<dyn Source>, SourceError> {
        let clip = open(&self.path, &self.context.limits)?;
        let clock = self.context.clock.clone();
        Ok(Box::new(Player::new(clip, clock, self.each, self.looped)))
    }

    fn label(&self) -> String {
        self.path.display().to_string()
    }
}

/// By what the path is and how the file begins, whatever its name.
fn open(path: &Path, limits: &FrameLimits) -> Result<Box<dyn Clip>, SourceError> {
    if path.is_dir() {
        return Ok(Box::new(folder::Folder::open(path, *limits)?));
    }
    let mut start = Vec::new();
    let file = File::open(path).map_err(lost)?;
    file.take(64).read_to_end(&mut start).map_err(lost)?;
    let file = || File::open(path).map_err(lost);
    if start.starts_with(Y4M_MAGIC) {
        return Ok(Box::new(y4m::Y4mClip::open(file()?, limits)?));
    }
    if is_avi(&start) {
        return Ok(Box::new(avi::AviClip::open(file()?, *limits)?));
    }
    if start.starts_with(b"GIF8") {
        return Ok(Box::new(gif::GifClip::open(file()?, *limits)?));
    }
    match Format::of(&start) {
        Ok(_) => Ok(Box::new(folder::Folder::of_one(path, *limits))),
        Err(_) => Err(unusable(ReplayError::Foreign(path.into()))),
    }
}

fn unusable(error: impl std::error::Error + Send + Sync + 'static) -> SourceError {
    SourceError::Unusable(error.into())
}

/// A file that is not there, or cannot be read now.
fn lost(error: std::io::Error) -> SourceError {
    SourceError::Lost(error.into())
}
