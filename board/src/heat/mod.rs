//! Heat and power: thermometers, what the kernel and a Raspberry Pi's firmware do against heat and low voltage, a Jetson's
//! rails.
//!
//! A [`HeatSensor`] is read every two seconds ([`HeatWatch`]); whoever serves live sources tells of it, and asks less of a
//! board that is held back. What a board has not is left out.

mod supply;
mod sysfs;
mod watch;
mod zones;

use std::path::PathBuf;

use live::{BoardReading, BoardStrain};

pub use self::watch::HeatWatch;

/// Reads how the board does.
pub trait HeatSensor: Send + Sync {
    /// Now. What cannot be read is not in it.
    fn read(&self) -> BoardReading;
}

/// As Linux tells of it in `/sys`.
#[derive(Clone, Debug)]
pub struct SystemHeat {
    root: PathBuf,
}

impl SystemHeat {
    /// By the files in that folder, which is `/` but where a script has made another.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

impl Default for SystemHeat {
    fn default() -> Self {
        Self::at("/")
    }
}

impl HeatSensor for SystemHeat {
    fn read(&self) -> BoardReading {
        let (zones, hot) = zones::temperatures(&self.root);
        let (cooling, held_back) = zones::cooling(&self.root);
        let (rails, over_current) = supply::rails(&self.root);
        let pi = supply::pi(&self.root);
        let mut strains: Vec<_> = [hot, held_back, over_current]
            .into_iter()
            .flatten()
            .collect();
        strains.extend(pi);
        strains.sort_unstable_by(|a, b| b.cmp(a));
        strains.dedup();
        // What is hot is no longer only warm: that it will have to slow down would be said of what does.
        if strains.contains(&BoardStrain::Hot) {
            strains.retain(|strain| *strain != BoardStrain::Warm);
        }
        BoardReading {
            zones,
            clocks: zones::clocks(&self.root),
            cooling,
            rails,
            strains,
        }
    }
}
