//! GPIO chips: where lamps and a foot switch can be.

use std::path::Path;

use super::report::ReportSection;
use super::{entries, line};

pub(super) fn section(root: &Path) -> ReportSection {
    let mut section = ReportSection::new("GPIO chips");
    let chips = entries(&root.join("dev"), "gpiochip");
    if chips.is_empty() {
        section.fact("found", "none");
    }
    for chip in chips {
        let device = root.join("sys/bus/gpio/devices").join(&chip);
        // What the device tree calls it; else the driver's device.
        let name = line(&device.join("of_node/name"));
        let driver = || device.join("device").read_link().ok();
        let driver = || Some(driver()?.file_name()?.to_string_lossy().into_owned());
        let name = name.or_else(driver).unwrap_or_else(|| "no name".into());
        section.fact(format!("/dev/{chip}"), name);
    }
    section
}
