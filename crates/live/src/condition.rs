//! How the board does: its heat and its supply, as somebody who knows it reads them. Plain data.

use serde::{Serialize, Serializer};

/// How the board does at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BoardReading {
    /// How warm it is, where.
    pub zones: Vec<ThermalZone>,
    /// How fast its processors run.
    pub clocks: Vec<CpuClock>,
    /// What is done against heat.
    pub cooling: Vec<CoolingDevice>,
    /// What it takes.
    pub rails: Vec<PowerRail>,
    /// What is amiss, the worst first.
    pub strains: Vec<BoardStrain>,
}

/// A place with a thermometer.
#[derive(Clone, Debug, PartialEq)]
pub struct ThermalZone {
    /// Its number.
    pub zone: String,
    /// What its driver calls it: `cpu-thermal`.
    pub kind: String,
    /// How warm it is.
    pub celsius: f64,
}

/// The clock of some processors.
#[derive(Clone, Debug, PartialEq)]
pub struct CpuClock {
    /// Their policy's number.
    pub policy: String,
    /// Now, Hz.
    pub hertz: Option<f64>,
    /// The fastest that they can, Hz.
    pub max_hertz: Option<f64>,
}

/// A fan, or a processor that can be held back.
#[derive(Clone, Debug, PartialEq)]
pub struct CoolingDevice {
    /// Its number.
    pub device: String,
    /// What its driver calls it.
    pub kind: String,
    /// How much of what it can do it does, 0..=1.
    pub ratio: f64,
}

/// A supply that is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct PowerRail {
    /// The number of its meter: two may call a rail the same.
    pub monitor: String,
    /// As its board's maker calls it: `VDD_IN`.
    pub rail: String,
    /// Power, W.
    pub watts: f64,
}

/// What is amiss with the board, the worse the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BoardStrain {
    /// Not far from where it has to slow down.
    Warm,
    /// Held back for its supply takes more current than it may.
    OverCurrent,
    /// So hot that it is held back, or soon is.
    Hot,
    /// Its supply's voltage is too low, and it is held back.
    LowVoltage,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StrainLevel {
    /// Nothing is amiss.
    #[default]
    Fine,
    /// Something soon will be.
    Warm,
    /// The board is slower than it could be.
    Throttled,
}

impl BoardStrain {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Warm, Self::OverCurrent, Self::Hot, Self::LowVoltage];

    /// As in JSON: `low-voltage`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Warm => "warm",
            Self::OverCurrent => "over-current",
            Self::Hot => "hot",
            Self::LowVoltage => "low-voltage",
        }
    }

    /// What it means, and what to do about it.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Warm => "The board is warm and will soon have to slow down. Give it air.",
            Self::OverCurrent => {
                "The board takes more current than it may and slows down. Choose a lower power mode."
            }
            Self::Hot => "The board is too hot and slows down. Give it air, a heat sink or a fan.",
            Self::LowVoltage => {
                "The supply's voltage is too low and the board slows down. Use its own supply and a short cable."
            }
        }
    }

    /// How bad it is.
    #[must_use]
    pub fn level(self) -> StrainLevel {
        match self {
            Self::Warm => StrainLevel::Warm,
            Self::OverCurrent | Self::Hot | Self::LowVoltage => StrainLevel::Throttled,
        }
    }
}

/// As [`BoardStrain::name`].
impl Serialize for BoardStrain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl StrainLevel {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fine, Self::Warm, Self::Throttled];

    /// As in JSON: `throttled`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Warm => "warm",
            Self::Throttled => "throttled",
        }
    }
}

/// As [`StrainLevel::name`].
impl Serialize for StrainLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl BoardReading {
    /// How bad it is, all in all.
    #[must_use]
    pub fn level(&self) -> StrainLevel {
        let levels = self.strains.iter().map(|strain| strain.level());
        levels.max().unwrap_or_default()
    }

    /// For what it is held back, if it is: the worst.
    #[must_use]
    pub fn held_back(&self) -> Option<BoardStrain> {
        let strains = self.strains.iter().copied();
        strains
            .filter(|strain| strain.level() == StrainLevel::Throttled)
            .max()
    }

    /// The warmest place, °C.
    #[must_use]
    pub fn hottest(&self) -> Option<f64> {
        let zones = self.zones.iter().map(|zone| zone.celsius);
        zones.reduce(f64::max)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_strain_is_named_explained_and_the_worst_counts() {
        let names: BTreeSet<_> = BoardStrain::ALL.map(BoardStrain::name).into();
        let meanings: BTreeSet<_> = BoardStrain::ALL.map(BoardStrain::meaning).into();
        assert_eq!((names.len(), meanings.len()), (4, 4));
        assert!(BoardStrain::ALL.is_sorted());
        let reading = |strains: &[BoardStrain]| BoardReading {
            strains: strains.into(),
            ..BoardReading::default()
        };
        let (warm, low) = (BoardStrain::Warm, BoardStrain::LowVoltage);
        assert_eq!(reading(&[]).level(), StrainLevel::Fine);
        assert_eq!(reading(&[warm]).level(), StrainLevel::Warm);
        assert_eq!(reading(&[warm]).held_back(), None);
        assert_eq!(reading(&[low, warm]).level(), StrainLevel::Throttled);
        assert_eq!(reading(&[warm, low]).held_back(), Some(low));
    }
}
