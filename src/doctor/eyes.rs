//! Cameras and grabbers: what there is, and whether the sources of the configuration have theirs.

use std::io;
use std::path::Path;

use live::{Asker, CameraFormat, LiveError, LiveSourceSpec, OfferedCamera, vet};
use video::spec::SourceSpec;

use super::report::ReportSection;
use crate::config::Config;
use crate::workshop::LocalWorkshop;

pub(super) fn section(
    root: &Path,
    cameras: &io::Result<Vec<OfferedCamera>>,
    config: &Config,
) -> ReportSection {
    let mut section = ReportSection::new("cameras");
    match cameras {
        Ok(cameras) => {
            if cameras.is_empty() {
                section.fact("found", "none");
            }
            for camera in cameras {
                list(camera, &mut section);
            }
        }
        Err(error) => section.warning(
            format!("cameras cannot be listed: {error}"),
            "run it as root (sudo espmedsam doctor)",
        ),
    }
    for described in &config.live.sources {
        let LiveSourceSpec { name, source, .. } = described;
        let problem = (root == Path::new("/")).then(|| problem(described, config));
        if let Some(problem) = problem.flatten() {
            section.fault(
                format!("source '{name}': {problem}"),
                "correct it in the configuration: the service does not start with it",
            );
            continue;
        }
        if let SourceSpec::V4l2 { device, .. } = source
            && !exists(root, device)
        {
            section.warning(
                format!(
                    "source '{name}': its camera {} is not there",
                    device.display()
                ),
                "plug it in, or name one of the above (its /dev/v4l/by-id link stays the same)",
            );
        }
    }
    section
}

/// What keeps the service from beginning it, now that it is looked at here.
fn problem(source: &LiveSourceSpec, config: &Config) -> Option<LiveError> {
    let workshop = LocalWorkshop::new(config.image.into(), config.live.clients.clone());
    vet(&workshop, source, Asker::Owner).err()
}

fn exists(root: &Path, device: &Path) -> bool {
    root.join(device.strip_prefix("/").unwrap_or(device))
        .exists()
}

fn list(camera: &OfferedCamera, section: &mut ReportSection) {
    let device = camera.stable.as_ref().unwrap_or(&camera.path).display();
    let formats: Vec<String> = camera.formats.iter().map(format).collect();
    section.fact(
        format!("{device}"),
        format!("{}: {}", camera.card, formats.join("; ")),
    );
    if let Some(problem) = &camera.problem {
        section.warning(
            format!("{device}: {problem}"),
            "whoever runs this must be in the group video (sudo usermod -aG video USER), and no other program may hold it",
        );
    }
}

/// `MJPG to 1920x1080`; what is not read is said.
fn format(format: &CameraFormat) -> String {
    let largest = format.sizes.iter().map(|size| size.largest);
    let largest = largest.max_by_key(|[width, height]| u64::from(*width) * u64::from(*height));
    let size = largest.map_or(String::new(), |[width, height]| {
        format!(" to {width}x{height}")
    });
    let read = if format.encoding.is_some() {
        ""
    } else {
        " (not read)"
    };
    format!("{}{size}{read}", format.code)
}
