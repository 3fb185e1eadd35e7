//! GPIO chips as the system tells of them, and whether the lines of a map can be had on them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::error::GpioError;
use super::pins::PinMap;

/// As what this program has its lines.
pub const CONSUMER: &str = "espmedsam";

/// A chip that there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpioChip {
    /// Its node; may be another one after the next start.
    pub path: PathBuf,
    /// What it is known by.
    pub label: String,
    /// How many lines it has.
    pub lines: u32,
    /// Those that somebody has, and who; empty if that is not said.
    pub used: BTreeMap<u32, String>,
}

/// The chip of that label.
///
/// # Errors
/// [`GpioError::NoChip`].
pub fn labelled<'a>(chips: &'a [GpioChip], label: &str) -> Result<&'a GpioChip, GpioError> {
    let found = chips.iter().find(|chip| chip.label == label);
    found.ok_or_else(|| GpioError::NoChip {
        label: label.into(),
        found: match chips.is_empty() {
            true => "none that may be opened (is the user in the group 'gpio'?)".into(),
            false => {
                let labels: Vec<_> = chips.iter().map(|chip| chip.label.as_str()).collect();
                labels.join(", ")
            }
        },
    })
}

/// Why lines of a map cannot be had, as far as the chips tell. What this program has, as the service that runs, can be.
#[must_use]
pub fn line_problems(map: &PinMap, chips: &[GpioChip]) -> Vec<GpioError> {
    let chip = match labelled(chips, &map.chip) {
        Ok(chip) => chip,
        Err(none) => return vec![none],
    };
    let problem = |(role, line, _)| {
        let what = || format!("line {line} of {}, for '{role}'", chip.label);
        if line >= chip.lines {
            return Some(GpioError::NoLine {
                what: what(),
                lines: chip.lines,
            });
        }
        let by = chip.used.get(&line).filter(|by| *by != CONSUMER)?;
        Some(GpioError::Taken {
            what: what(),
            by: by.clone(),
        })
    };
    map.roles().filter_map(problem).collect()
}
