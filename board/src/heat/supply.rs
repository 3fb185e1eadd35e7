//! Supplies: what a Raspberry Pi's firmware says of its own, and what a Jetson's meters measure.

use std::path::{Path, PathBuf};

use live::{BoardStrain, PowerRail};

use super::sysfs::{devices, number, read};

/// Bits of `get_throttled` that are of now; those 16 higher are of any time since the start (Raspberry Pi documentation,
/// `vcgencmd get_throttled`).
const UNDER_VOLTAGE: u32 = 1 << 0;
const CAPPED: u32 = 1 << 1;
const THROTTLED: u32 = 1 << 2;
const SOFT_LIMIT: u32 = 1 << 3;

/// Channels of an INA3221; the fourth is the sum of those chosen.
const CHANNELS: std::ops::RangeInclusive<u32> = 1..=4;

/// What a Raspberry Pi is held back for.
pub fn pi(root: &Path) -> Vec<BoardStrain> {
    let flags = firmware(root).and_then(|file| read(&file));
    let flags = flags.and_then(|flags| {
        let digits = flags.strip_prefix("0x").unwrap_or(&flags);
        u32::from_str_radix(digits, 16).ok()
    });
    let Some(flags) = flags else {
        return Vec::from_iter(low_voltage_alarm(root));
    };
    let low = flags & UNDER_VOLTAGE != 0;
    // The soft limit is one of temperature. Capped and throttled is what it is for either: without low voltage it is for heat.
    let hot = flags & SOFT_LIMIT != 0 || (flags & (CAPPED | THROTTLED) != 0 && !low);
    let strains = [(low, BoardStrain::LowVoltage), (hot, BoardStrain::Hot)];
    let strains = strains.into_iter().filter(|(is, _)| *is);
    strains.map(|(_, strain)| strain).collect()
}

/// `/sys/devices/platform/soc/soc:firmware/get_throttled`; on a Raspberry Pi 5 the bus has its address in its name.
fn firmware(root: &Path) -> Option<PathBuf> {
    let named = |folder: &Path, is: &dyn Fn(&str) -> bool| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let named = entries.filter(|entry| entry.file_name().to_str().is_some_and(is));
        named.map(|entry| entry.path()).collect()
    };
    let platform = root.join("sys/devices/platform");
    let buses = named(&platform, &|name| name.starts_with("soc"));
    let nodes = buses
        .iter()
        .flat_map(|bus| named(bus, &|name| name.ends_with("firmware")));
    let mut files = nodes.map(|node| node.join("get_throttled"));
    files.find(|file| file.exists())
}

/// The same of its supply alone, by the kernel's driver `rpi_volt`.
fn low_voltage_alarm(root: &Path) -> Option<BoardStrain> {
    let mut monitors = named_monitors(root, "rpi_volt").into_iter();
    let alarm = monitors.any(|(_, path)| number(&path.join("in0_lcrit_alarm")) == Some(1.0));
    alarm.then_some(BoardStrain::LowVoltage)
}

/// The rails of a Jetson's meters, and whether one takes more than it may.
pub fn rails(root: &Path) -> (Vec<PowerRail>, Option<BoardStrain>) {
    let (mut rails, mut worst) = (Vec::new(), None);
    for (monitor, path) in named_monitors(root, "ina3221") {
        for channel in CHANNELS {
            let file = |name: &str, what: &str| path.join(format!("{name}{channel}_{what}"));
            if number(&file("curr", "crit_alarm")) == Some(1.0) {
                worst = Some(BoardStrain::OverCurrent);
            }
            let label = read(&file("in", "label"));
            // Thousandths of a volt, and of an ampere.
            let measured = number(&file("in", "input")).zip(number(&file("curr", "input")));
            if let Some((rail, (millivolts, milliamperes))) = label.zip(measured) {
                rails.push(PowerRail {
                    monitor: monitor.clone(),
                    rail,
                    watts: millivolts * milliamperes / 1e6,
                });
            }
        }
    }
    (rails, worst)
}

/// Those of that driver: the number, and the folder.
fn named_monitors(root: &Path, name: &str) -> Vec<(String, PathBuf)> {
    let monitors = devices(&root.join("sys/class/hwmon"), "hwmon").into_iter();
    let of_name = monitors.filter(|(_, path)| read(&path.join("name")).as_deref() == Some(name));
    of_name.collect()
}
