//! The process and the board under it, as Linux tells of them in `/proc` and `/sys` when somebody asks. What cannot be read
//! there (another system, a container, a board without the sensor) is left out.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::exposition::Exposition;

/// Times in `/proc` are in hundredths of a second: `USER_HZ`, which is part of Linux' interface on every machine that this
/// program runs on, whatever the kernel counts by.
const USER_HZ: f64 = 100.0;
/// Longest file read. They are a few lines long.
const LONGEST: u64 = 16 << 10;
/// Most devices of a kind.
const MOST: usize = 64;

/// Memory, processor time, threads, temperatures, clocks; as the folder says that is `/` but in tests.
pub fn render(out: &mut Exposition, root: &Path) {
    process(out, root);
    temperatures(out, root);
    clocks(out, root);
    cooling(out, root);
    power(out, root);
}

fn process(out: &mut Exposition, root: &Path) {
    let status = read(&root.join("proc/self/status")).unwrap_or_default();
    // In kB there, and so without the size of a page, which is not the same on every board.
    if let Some(kib) = field(&status, "VmRSS:") {
        let (name, help) = (
            "process_resident_memory_bytes",
            "Memory in RAM, the weights among it.",
        );
        out.gauge(name, help).put(&[], kib.saturating_mul(1024));
    }
    if let Some(threads) = field(&status, "Threads:") {
        out.gauge("process_threads", "Threads of the process.")
            .put(&[], threads);
    }
    let Some(stat) = read(&root.join("proc/self/stat")) else {
        return;
    };
    // Before the last bracket stands the program's name, which may hold anything; what follows is from field 3 on (proc(5)).
    let Some((_, stat)) = stat.rsplit_once(')') else {
        return;
    };
    let seconds = |number: usize| {
        let ticks: u64 = stat
            .split_ascii_whitespace()
            .nth(number - 3)?
            .parse()
            .ok()?;
        Some(ticks as f64 / USER_HZ)
    };
    if let Some((user, system)) = seconds(14).zip(seconds(15)) {
        out.counter(
            "process_cpu_seconds_total",
            "Processor time, user and system.",
        )
        .put(&[], user + system);
    }
    let up = read(&root.join("proc/uptime"));
    let up: Option<f64> = up.and_then(|up| up.split_ascii_whitespace().next()?.parse().ok());
    // Since the board was started: its clock may be set meanwhile, this one not.
    if let Some((up, began)) = up.filter(|up| up.is_finite()).zip(seconds(22)) {
        out.gauge("espmedsam_uptime_seconds", "Since the program was started.")
            .put(&[], (up - began).max(0.0));
    }
}

fn temperatures(out: &mut Exposition, root: &Path) {
    let mut family = out.gauge(
        "espmedsam_board_temperature_celsius",
        "Temperature of each thermal zone.",
    );
    for (zone, path) in devices(&root.join("sys/class/thermal"), "thermal_zone") {
        // Thousandths of a degree.
        if let Some(temperature) = number(&path.join("temp")) {
            let kind = read(&path.join("type")).unwrap_or_default();
            let labels = [("zone", zone.as_str()), ("type", kind.trim())];
            family.put(&labels, temperature / 1e3);
        }
    }
}

/// A processor that has got too hot, or too little current, runs slower than it could.
fn clocks(out: &mut Exposition, root: &Path) {
    let policies = devices(&root.join("sys/devices/system/cpu/cpufreq"), "policy");
    let mut put = |name, help, file: &str| {
        let mut family = out.gauge(name, help);
        for (policy, path) in &policies {
            if let Some(khz) = number(&path.join(file)) {
                family.put(&[("policy", policy)], khz * 1e3);
            }
        }
    };
    put(
        "espmedsam_board_cpu_hertz",
        "Clock of the processors of each policy.",
        "scaling_cur_freq",
    );
    put(
        "espmedsam_board_cpu_max_hertz",
        "The fastest that they can run.",
        "cpuinfo_max_freq",
    );
}

/// What the kernel does against heat: a fan's speed, or how far a processor is held back.
fn cooling(out: &mut Exposition, root: &Path) {
    let mut family = out.gauge(
        "espmedsam_board_cooling_ratio",
        "How much of what it can do each cooling device does: of a processor, how far it is held back.",
    );
    for (device, path) in devices(&root.join("sys/class/thermal"), "cooling_device") {
        let state = number(&path.join("cur_state")).zip(number(&path.join("max_state")));
        if let Some((state, most)) = state.filter(|(_, most)| *most > 0.0) {
            let kind = read(&path.join("type")).unwrap_or_default();
            let labels = [("device", device.as_str()), ("type", kind.trim())];
            family.put(&labels, state / most);
        }
    }
}

/// What a Raspberry Pi's firmware says of its supply, by the kernel's driver `rpi_volt`.
fn power(out: &mut Exposition, root: &Path) {
    let mut family = out.gauge(
        "espmedsam_board_undervoltage",
        "1 if the supply's voltage is too low, as a Raspberry Pi tells.",
    );
    for (device, path) in devices(&root.join("sys/class/hwmon"), "hwmon") {
        let name = read(&path.join("name")).unwrap_or_default();
        if let ("rpi_volt", Some(alarm)) = (name.trim(), number(&path.join("in0_lcrit_alarm"))) {
            family.put(&[("device", &device)], alarm);
        }
    }
}

/// The folders of that name and a number: the number, and the folder.
fn devices(folder: &Path, name: &str) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let own = entry.file_name();
            let number = own.to_str()?.strip_prefix(name)?.parse().ok()?;
            Some((number, entry.path()))
        })
        .take(MOST)
        .collect();
    found.sort();
    let found = found.into_iter();
    found
        .map(|(number, path)| (number.to_string(), path))
        .collect()
}

/// The number after a line's name, as in `/proc/self/status`.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// A whole number that is alone in its file.
fn number(path: &Path) -> Option<f64> {
    let number: i64 = read(path)?.trim().parse().ok()?;
    Some(number as f64)
}

fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text)
}
