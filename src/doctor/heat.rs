//! Temperature and power, and whether the board is held back for either.

use std::path::Path;

use board::heat::{HeatSensor, SystemHeat};

use super::report::ReportSection;

pub(super) fn section(root: &Path) -> ReportSection {
    let mut section = ReportSection::new("heat and power");
    let reading = SystemHeat::at(root).read();
    for zone in reading.zones {
        section.fact(zone.kind, format!("{:.0} °C", zone.celsius));
    }
    for clock in reading.clocks {
        let name = format!("clock of {}", clock.policy);
        if let Some((now, most)) = clock.hertz.zip(clock.max_hertz) {
            section.fact(name, format!("{:.0} of {:.0} MHz", now / 1e6, most / 1e6));
        }
    }
    for device in reading.cooling {
        let share = format!("{:.0} % of what it can do", device.ratio * 100.0);
        section.fact(device.kind, share);
    }
    for rail in reading.rails {
        let name = format!("{} (hwmon{})", rail.rail, rail.monitor);
        section.fact(name, format!("{:.1} W", rail.watts));
    }
    if section.facts.is_empty() {
        section.fact("sensors", "none");
    }
    for strain in reading.strains {
        section.warning(strain.name(), strain.meaning());
    }
    section
}
