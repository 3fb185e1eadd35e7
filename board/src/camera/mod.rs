//! Cameras and grabbers as a [`video::source::Source`].
//!
//! [`CameraBus`] and [`Camera`] are what is asked of the system: [`LinuxBus`] asks Linux (V4L2), [`ScriptedBus`] plays what
//! a test wrote down. [`CameraOpener`] chooses of what a camera offers what comes nearest to a [`CameraWish`], and opens a source
//! that never waits longer than it is told to, survives unplugging by being opened anew, and says of every picture when the
//! driver took it and how many it dropped before.

mod choice;
mod device;
mod error;
mod format;
mod linux;
mod opener;
mod paint;
mod scripted;
mod source;
mod tally;

pub use choice::{CameraWish, choose};
pub use device::{Camera, CameraBus, CameraInfo, Filled, InputSignal};
pub use error::CameraError;
pub use format::{CameraMode, OfferedFormat, OfferedSize, PixelCode, PixelLayout};
pub use linux::{LinuxBus, is_video_device};
pub use opener::CameraOpener;
pub use scripted::{Happening, Script, ScriptedBus};
