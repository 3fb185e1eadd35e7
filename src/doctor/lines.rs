//! GPIO chips, and whether the lines of lamps and foot switch can be had on them.

use std::path::Path;

use board::gpio::{GpioChip, GpioConfig, GpioDriver, GpioError, line_problems};

use super::entries;
use super::report::ReportSection;

pub(super) fn section(
    root: &Path,
    chips: &Result<Vec<GpioChip>, GpioError>,
    config: &GpioConfig,
) -> ReportSection {
    let mut section = ReportSection::new("GPIO");
    let chips = match chips {
        Ok(chips) => chips.as_slice(),
        Err(error) => {
            section.fact("chips", error);
            &[]
        }
    };
    for chip in chips {
        let value = format!("{}, {} lines", chip.label, chip.lines);
        section.fact(chip.path.display().to_string(), value);
    }
    // Nodes that this user may not open.
    for node in entries(&root.join("dev"), "gpiochip") {
        let node = Path::new("/dev").join(node);
        if chips.iter().all(|chip| chip.path != node) {
            section.fact(node.display().to_string(), "cannot be opened");
        }
    }
    if section.facts.is_empty() {
        section.fact("chips", "none");
    }
    configured(chips, config, &mut section);
    section
}

/// The pins of the configuration: what they are for, and what keeps them from it.
fn configured(chips: &[GpioChip], config: &GpioConfig, section: &mut ReportSection) {
    // `rppal` asks no chip, and simulated lines are on none.
    if !config.is_on() || config.driver != GpioDriver::Chardev {
        return;
    }
    let map = match config.pin_map() {
        Ok(map) => map,
        Err(error) => return section.warning(error.to_string(), "correct [gpio]"),
    };
    for (role, line, _) in map.roles() {
        section.fact(role, format!("line {line} of {}", map.chip));
    }
    for problem in line_problems(&map, chips) {
        section.warning(problem.to_string(), advice(&problem));
    }
}

fn advice(problem: &GpioError) -> &'static str {
    match problem {
        GpioError::NoChip { .. } => {
            "run it as root (sudo espmedsam doctor); if it is the same then, name this board by gpio.board, or a chip of the \
             above by gpio.pins.chip"
        }
        GpioError::Taken { .. } => {
            "end what has it, or have the kernel leave it alone (overlays of the boot configuration); or choose another line \
             by gpio.pins"
        }
        _ => "choose another line by gpio.pins",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(section: &ReportSection) -> Vec<&str> {
        let findings = section.findings.iter();
        findings.map(|finding| finding.what.as_str()).collect()
    }

    #[test]
    fn lines_of_the_configuration_are_looked_for_where_it_asks_for_some() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("dev")).unwrap();
        std::fs::write(dir.path().join("dev/gpiochip9"), "").unwrap();
        let chips = Ok(vec![GpioChip {
            path: "/dev/gpiochip0".into(),
            label: "pinctrl-rp1".into(),
            lines: 54,
            used: [(24, "gpio-keys".to_owned())].into(),
        }]);
        let of = |text: &str| section(dir.path(), &chips, &toml::from_str(text).unwrap());
        let off = of("");
        assert_eq!(off.facts[0].value, "pinctrl-rp1, 54 lines");
        assert_eq!(off.facts[1].value, "cannot be opened");
        assert_eq!((off.facts.len(), whats(&off).len()), (2, 0));
        let on = of("board = \"rpi5\"");
        let ready = on.facts.iter().find(|fact| fact.name == "ready").unwrap();
        assert_eq!(ready.value, "line 17 of pinctrl-rp1");
        assert_eq!(
            whats(&on),
            ["line 24 of pinctrl-rp1, for 'trigger': it is taken by 'gpio-keys'"]
        );
        assert!(whats(&of("board = \"jetson-orin\""))[0].contains("no GPIO chip is labelled"));
        assert_eq!(whats(&of("driver = \"simulated\"")), [""; 0]);
    }
}
