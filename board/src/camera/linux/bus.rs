//! Which cameras there are.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use moq_v4l::Device;
use moq_v4l::capability::Flags;

use super::super::device::{Camera, CameraBus, CameraInfo};
use super::camera::LinuxCamera;
use super::guarded;

/// The number of Video4Linux's devices (Linux, `Documentation/admin-guide/devices.txt`).
const VIDEO_MAJOR: u32 = 81;
/// Links to nodes, by names that stay the same. Kept by udev.
const STABLE: &str = "/dev/v4l/by-id";

/// This machine's.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinuxBus;

impl CameraBus for LinuxBus {
    fn list(&self) -> io::Result<Vec<CameraInfo>> {
        let mut numbers: Vec<u32> = fs::read_dir("/dev")?
            .filter_map(|entry| {
                let name = entry.ok()?.file_name();
                name.to_str()?.strip_prefix("video")?.parse().ok()
            })
            .collect();
        numbers.sort_unstable();
        Ok(numbers.into_iter().filter_map(info).collect())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Camera>> {
        // A name that the library cannot pass on, it panics at: `guarded`.
        let device = guarded(|| Device::with_path(path))?;
        card(&device)?;
        Ok(Box::new(LinuxCamera::new(device, path)))
    }
}

/// What is known of `/dev/video<number>`, if it captures video. A camera has nodes for other things beside.
fn info(number: u32) -> Option<CameraInfo> {
    let path = PathBuf::from(format!("/dev/video{number}"));
    let asked = guarded(|| Device::with_path(&path)).and_then(|device| card(&device));
    let (card, problem) = match asked {
        Ok(card) => (card, None),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => return None,
        Err(error) => {
            let name = format!("/sys/class/video4linux/video{number}/name");
            let name = fs::read_to_string(name).unwrap_or_default();
            (name.trim().to_owned(), Some(error.to_string()))
        }
    };
    Some(CameraInfo {
        stable: stable(&path),
        path,
        card,
        problem,
    })
}

/// Whether a file is a device of Video4Linux, by its number; it is not opened.
#[must_use]
pub fn is_video_device(about: &Metadata) -> bool {
    about.file_type().is_char_device() && rustix::fs::major(about.rdev()) == VIDEO_MAJOR
}

/// What the maker calls a device that captures video.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] if it does not, or only in planes apart.
fn card(device: &Device) -> io::Result<String> {
    let found = guarded(|| device.query_caps())?;
    match found
        .capabilities
        .contains(Flags::VIDEO_CAPTURE | Flags::STREAMING)
    {
        true => Ok(found.card),
        false => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "it streams no video of one plane",
        )),
    }
}

/// The link by which a node is found again.
fn stable(node: &Path) -> Option<PathBuf> {
    let mut links: Vec<PathBuf> = fs::read_dir(STABLE)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|link| fs::canonicalize(link).is_ok_and(|target| target == node))
        .collect();
    links.sort();
    links.into_iter().next()
}
