//! A file or a folder, shown at its own rate: pictures in the order of their names, Y4M, motion JPEG in AVI, GIF,
//! DICOM.

mod avi;
mod clip;
#[cfg(feature = "files")]
mod dicom;
mod error;
mod file;
mod folder;
mod gif;
mod player;
mod y4m;

#[cfg(test)]
mod tests;

use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::dicom::is_dicom;
use picture::frame::{Format, FrameLimits};

use self::clip::Clip;
use self::error::{lost, unusable};
use self::file::open_file;
use self::player::Player;
use crate::avi::is_avi;
use crate::source::{Opener, Source, SourceContext, SourceError};
use crate::y4m::Y4M_MAGIC;

pub use self::clip::UNSAID;
pub use self::error::ReplayError;

/// Bytes that tell what a file is: DICOM says it last.
const START: u64 = 132;

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
    let mut file = open_file(path)?;
    let read = (&file).take(START).read_to_end(&mut start);
    read.and_then(|_| file.rewind()).map_err(lost)?;
    if start.starts_with(Y4M_MAGIC) {
        return Ok(Box::new(y4m::Y4mClip::open(file, limits)?));
    }
    if is_avi(&start) {
        return Ok(Box::new(avi::AviClip::open(file, *limits)?));
    }
    if is_dicom(&start) {
        return dicom_clip(file, limits);
    }
    if start.starts_with(b"GIF8") {
        return Ok(Box::new(gif::GifClip::open(file, *limits)?));
    }
    match Format::of(&start) {
        Ok(_) => Ok(Box::new(folder::Folder::of_one(path, *limits))),
        Err(_) => Err(unusable(ReplayError::Foreign(path.into()))),
    }
}

#[cfg(feature = "files")]
fn dicom_clip(file: std::fs::File, limits: &FrameLimits) -> Result<Box<dyn Clip>, SourceError> {
    Ok(Box::new(self::dicom::DicomClip::open(file, *limits)?))
}

#[cfg(not(feature = "files"))]
fn dicom_clip(_: std::fs::File, _: &FrameLimits) -> Result<Box<dyn Clip>, SourceError> {
    Err(unusable(::dicom::DicomError::LeftOut))
}
