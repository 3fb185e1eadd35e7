//! What is said of the board: to whoever looks at a source, and to whoever asks whether all is well.

use live::{BoardReading, BoardStrain, StrainLevel};
use serde::Serialize;
use utoipa::ToSchema;

/// How the board does.
#[derive(Serialize, ToSchema)]
pub struct BoardReport {
    /// `fine`; `warm`, it soon has to slow down; `throttled`, it is slower than it could be.
    #[schema(value_type = String, example = "fine")]
    level: StrainLevel,
    /// The warmest place, degrees Celsius; null if it has no thermometer.
    celsius: Option<f64>,
    /// What is amiss, the worst first.
    strains: Vec<StrainReport>,
}

/// Something that is amiss with the board.
#[derive(Serialize, ToSchema)]
pub struct StrainReport {
    /// `warm`, `hot`, `low-voltage`, `over-current`.
    #[schema(value_type = String, example = "hot")]
    strain: BoardStrain,
    /// What it means, and what to do about it.
    meaning: &'static str,
}

impl From<&BoardReading> for BoardReport {
    fn from(reading: &BoardReading) -> Self {
        let report = |strain: &BoardStrain| StrainReport {
            strain: *strain,
            meaning: strain.meaning(),
        };
        Self {
            level: reading.level(),
            celsius: reading.hottest(),
            strains: reading.strains.iter().map(report).collect(),
        }
    }
}
