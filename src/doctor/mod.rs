//! What a support engineer needs to know of a device, and what to do about each fault. Nothing of a patient is in it: of live
//! sources the name, the kind and the camera alone.
//!
//! Everything is read below one folder, `/` unless another system's files are mounted elsewhere.

mod callers;
mod clock;
mod eyes;
mod heat;
mod lines;
#[cfg(feature = "dicom")]
mod network;
mod processor;
pub mod report;
mod settings;
mod space;
mod unit;
mod weights;

use std::io;
use std::path::Path;
use std::time::SystemTime;

use board::gpio::{GpioChip, GpioError};
use live::OfferedCamera;

use embed::ModelPlaces;
use report::HealthReport;
pub use settings::Settings;
pub use unit::ServiceUnit;

/// What is looked at.
pub struct Examination<'a> {
    /// Where `/proc`, `/sys`, `/run` and `/dev` are looked for.
    pub root: &'a Path,
    /// What the service goes by.
    pub settings: Settings,
    /// The service, where there is one.
    pub unit: Option<ServiceUnit>,
    /// The models folder that the command line names.
    pub models: Option<&'a Path>,
    /// The cameras, as the system tells of them.
    pub cameras: io::Result<Vec<OfferedCamera>>,
    /// The GPIO chips, likewise.
    pub chips: Result<Vec<GpioChip>, GpioError>,
    /// The time of day.
    pub now: SystemTime,
}

impl Examination<'_> {
    /// All of it. Hashing the models takes a second or two on a board.
    #[must_use]
    pub fn report(&self) -> HealthReport {
        let Self {
            root,
            settings,
            unit,
            models,
            cameras,
            chips,
            now,
        } = self;
        let config = settings.in_force();
        let service = unit.as_ref().map(ServiceUnit::section);
        let mut sections = vec![
            processor::section(root),
            weights::section(root, &self.places(), *models, config),
            eyes::section(root, cameras, config),
            lines::section(root, chips, &config.gpio),
            #[cfg(feature = "dicom")]
            network::section(root, &config.dicom),
            callers::section(root, &config.access, *now),
            heat::section(root),
            space::section(root, config),
            clock::section(root, *now),
            settings.section(root),
        ];
        sections.extend(service);
        HealthReport::of(sections)
    }

    /// Where the service looks for its models; where there is none, this program does.
    fn places(&self) -> ModelPlaces {
        match &self.unit {
            Some(unit) => ModelPlaces::of(self.root, &unit.folder(), unit.program().as_deref()),
            None if self.root == Path::new("/") => ModelPlaces::of_this_process(),
            None => {
                let [folder, program] = ["var/lib/espmedsam", "usr/bin/espmedsam"];
                let program = self.root.join(program);
                ModelPlaces::of(self.root, &self.root.join(folder), Some(&program))
            }
        }
    }
}

/// The first line of a small file, without what fills it up.
fn line(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().next()?.trim_matches(['\0', ' ']);
    (!line.is_empty()).then(|| line.to_owned())
}

/// What a folder holds whose name begins so, by name: `gpiochip0`, `gpiochip1`.
fn entries(folder: &Path, prefix: &str) -> Vec<String> {
    let found = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = found
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with(prefix))
        .collect();
    names.sort();
    names
}
