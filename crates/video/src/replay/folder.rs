//! The pictures of a folder, in the order of their names.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use picture::frame::{Format, Frame, FrameLimits};

use super::clip::{Clip, UNSAID};
use super::error::{ReplayError, lost, unusable};
use super::file::open_file;
use crate::picture_reader::PictureReader;
use crate::source::{Encoding, SourceError};

pub(super) struct Folder {
    paths: Vec<PathBuf>,
    /// Pictures gone by, the current one included.
    at: usize,
    /// Bytes of a file that is read at all.
    most: u64,
    reader: PictureReader,
    bytes: Vec<u8>,
}

impl Folder {
    pub fn open(folder: &Path, limits: FrameLimits) -> Result<Self, SourceError> {
        let mut paths = Vec::new();
        for entry in folder.read_dir().map_err(lost)? {
            let path = entry.map_err(lost)?.path();
            if is_picture(&path) {
                paths.push(path);
            }
        }
        if paths.is_empty() {
            return Err(unusable(ReplayError::NoPictures(folder.into())));
        }
        paths.sort();
        Ok(Self::of(paths, limits))
    }

    /// A picture that stands still.
    pub fn of_one(path: &Path, limits: FrameLimits) -> Self {
        Self::of(vec![path.into()], limits)
    }

    fn of(paths: Vec<PathBuf>, limits: FrameLimits) -> Self {
        Self {
            paths,
            at: 0,
            most: limits.max_memory,
            reader: PictureReader::new(limits),
            bytes: Vec::new(),
        }
    }
}

/// By its ending, as the command line has it; what it is says the file.
fn is_picture(path: &Path) -> bool {
    let text =
        |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().to_lowercase();
    let ending = text(path.extension());
    let hidden = text(path.file_name()).starts_with('.');
    let known = || {
        Format::ALL
            .iter()
            .any(|format| format.endings().contains(&&*ending))
    };
    !hidden && known() && path.is_file()
}

impl Clip for Folder {
    fn advance(&mut self) -> Result<Option<Duration>, SourceError> {
        let more = self.at < self.paths.len();
        self.at += usize::from(more);
        Ok(more.then_some(UNSAID))
    }

    fn show(&mut self, canvas: &mut Frame) -> Result<Encoding, SourceError> {
        let Some(path) = self.at.checked_sub(1).and_then(|at| self.paths.get(at)) else {
            return Err(SourceError::Ended);
        };
        let garbage = |error: std::io::Error| SourceError::Garbage(error.into());
        let file = open_file(path).map_err(|error| match error {
            // One that cannot be read does not keep the others from being shown.
            SourceError::Lost(cause) | SourceError::Unusable(cause) => SourceError::Garbage(cause),
            error => error,
        })?;
        let length = file.metadata().map_err(garbage)?.len();
        if length > self.most {
            let error = ReplayError::TooLong {
                path: path.clone(),
                bytes: length,
            };
            return Err(SourceError::Garbage(error.into()));
        }
        self.bytes.clear();
        file.take(self.most)
            .read_to_end(&mut self.bytes)
            .map_err(garbage)?;
        self.reader.read(&self.bytes, canvas)?;
        Ok(Encoding::File)
    }

    fn rewind(&mut self) -> Result<(), SourceError> {
        self.at = 0;
        Ok(())
    }
}
