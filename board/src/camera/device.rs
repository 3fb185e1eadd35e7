//! What a camera is to us: a few questions, and a queue of filled buffers.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::format::{CameraMode, OfferedFormat, PixelLayout};

/// Where cameras and grabbers are found.
pub trait CameraBus: fmt::Debug + Send + Sync {
    /// Those that are there now, also those that may not be opened.
    ///
    /// # Errors
    /// The system's, if it cannot be asked at all.
    fn list(&self) -> io::Result<Vec<CameraInfo>>;

    /// Opens one. It does not stream yet.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::Unsupported`] of what is there and captures no video.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Camera>>;
}

/// A camera or grabber that is open. Dropping it stops and closes it.
pub trait Camera: Send {
    /// The formats and sizes that it offers.
    ///
    /// # Errors
    /// The system's.
    fn offers(&mut self) -> io::Result<Vec<OfferedFormat>>;

    /// Sets format, size and rate, as near as the driver comes to them, and starts streaming.
    ///
    /// # Errors
    /// The system's.
    fn start(&mut self, mode: &CameraMode) -> io::Result<PixelLayout>;

    /// How its pictures are laid out now.
    ///
    /// # Errors
    /// The system's.
    fn layout(&mut self) -> io::Result<PixelLayout>;

    /// Blocks until a buffer is filled or something is wrong, no longer than so; whether that came.
    ///
    /// # Errors
    /// The system's.
    fn wait(&mut self, at_most: Duration) -> io::Result<bool>;

    /// Gives back the buffer taken before, and takes the oldest that is filled. Never blocks.
    ///
    /// # Errors
    /// The system's. The camera is then of no more use: unplugged, as a rule.
    fn take(&mut self) -> io::Result<Option<Filled<'_>>>;

    /// What the device says of its input.
    fn signal(&mut self) -> InputSignal;
}

/// A camera that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraInfo {
    /// Its node: `/dev/video0`. May be another one after replugging.
    pub path: PathBuf,
    /// A name that stays the same: `/dev/v4l/by-id/usb-…-video-index0`.
    pub stable: Option<PathBuf>,
    /// What its maker calls it.
    pub card: String,
    /// Why it cannot be opened, in words.
    pub problem: Option<String>,
}

/// A filled buffer.
#[derive(Clone, Copy, Debug)]
pub struct Filled<'a> {
    /// What the driver wrote.
    pub bytes: &'a [u8],
    /// The driver's count, which goes on where pictures are dropped.
    pub sequence: u32,
    /// How long ago it was taken, if the driver says so by a clock that is known here.
    pub age: Option<Duration>,
    /// The driver says that data are missing or wrong.
    pub damaged: bool,
    /// A newer one is filled already.
    pub more: bool,
}

/// What a device says of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputSignal {
    /// It has power and is in step, or the device does not say.
    Present,
    /// Nothing is connected, it has no power, or is not in step.
    Absent,
}
