//! Linux's cameras and grabbers (V4L2), single-planar, streamed through buffers that the driver maps.
//!
//! Two crates ask the kernel, since neither asks all: `moq-v4l` (which is `v4l` without libclang) and, for the state of an
//! input alone, `linuxvideo`. Both take what drivers answer for well-formed and panic where it is not; that costs the camera,
//! not the thread ([`guarded`]).

mod bus;
mod camera;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use bus::{LinuxBus, is_video_device};

/// Asks the kernel through a library that may panic at what it answers.
fn guarded<R>(ask: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
    let bad = |_| Err(io::Error::other("the driver's answer is malformed"));
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(bad)
}
