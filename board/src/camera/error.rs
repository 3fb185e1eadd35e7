//! What a camera does wrong.

use std::io;
use std::path::PathBuf;

use super::format::{PixelCode, PixelLayout};

/// What a camera does wrong, or lacks.
#[derive(Debug, thiserror::Error)]
pub enum CameraError {
    /// The system refused something.
    #[error("{path}: {source}{}", advice(source))]
    System {
        /// Its node.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// None of its formats is read here.
    #[error("it offers {offered:?}, and YUYV, NV12, GREY, MJPG and JPEG are read here")]
    NoKnownFormat {
        /// Those that it has.
        offered: Vec<PixelCode>,
    },
    /// The driver marked a picture as damaged.
    #[error("the driver says that it is damaged")]
    Damaged,
    /// A raw picture has more bytes than fit its size.
    #[error("it has {found} bytes, where a picture has {expected}")]
    Overlong {
        /// Bytes that came.
        found: usize,
        /// [`PixelLayout::bytes`].
        expected: u32,
    },
    /// Somebody, or the signal, has changed what the camera sends.
    #[error("its pictures were {before} and are {now} now")]
    Changed {
        /// How they were laid out when it was opened.
        before: PixelLayout,
        /// How they are laid out.
        now: PixelLayout,
    },
}

/// What to do about a refusal.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => " (is this user in the group `video`?)",
        io::ErrorKind::ResourceBusy => " (another program uses it)",
        // What Linux says of a USB bus.
        io::ErrorKind::StorageFull => " (its bus has no room left: ask for less, or for MJPG)",
        _ => "",
    }
}
