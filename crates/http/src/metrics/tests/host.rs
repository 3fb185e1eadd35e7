//! The process and the board.

use std::path::Path;

use testing::exposition::Scrape;

use super::super::{Exposition, render_host};

/// A board's files, as a folder.
fn board(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    root
}

/// As on a Raspberry Pi 5, and with another zone of the same type.
pub fn raspberry() -> tempfile::TempDir {
    board(&[
        (
            "proc/self/status",
            "Name:\tespmedsam\nVmRSS:\t  51200 kB\nThreads:\t9\n",
        ),
        (
            "proc/self/stat",
            "7 (a ) b) S 1 7 7 0 -1 4194560 1 0 0 0 1234 66 0 0 20 0 9 0 5000 1 1\n",
        ),
        ("proc/uptime", "350.25 700.00\n"),
        ("sys/class/thermal/thermal_zone0/temp", "61250\n"),
        ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
        ("sys/class/thermal/thermal_zone10/temp", "-5000\n"),
        ("sys/class/thermal/thermal_zone10/type", "cpu-thermal\n"),
        ("sys/class/thermal/thermal_zone2/temp", "not yet\n"),
        ("sys/class/thermal/cooling_device0/type", "pwm-fan\n"),
        ("sys/class/thermal/cooling_device0/cur_state", "3\n"),
        ("sys/class/thermal/cooling_device0/max_state", "4\n"),
        (
            "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq",
            "1500000\n",
        ),
        (
            "sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq",
            "2400000\n",
        ),
        ("sys/class/hwmon/hwmon1/name", "rpi_volt\n"),
        ("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n"),
        ("sys/class/hwmon/hwmon2/name", "another\n"),
        ("sys/class/hwmon/hwmon2/in0_lcrit_alarm", "1\n"),
    ])
}

#[test]
fn the_board_is_told_as_it_tells_of_itself() {
    let scrape = |root: &Path| {
        let mut out = Exposition::new();
        render_host(&mut out, root);
        out.finish()
    };
    let root = raspberry();
    let scraped = Scrape::read(&scrape(root.path())).unwrap();
    let zone = |zone| {
        let labels = [("zone", zone), ("type", "cpu-thermal")];
        scraped.value("espmedsam_board_temperature_celsius", &labels)
    };
    assert_eq!(
        (zone("0"), zone("10"), zone("2")),
        (Some(61.25), Some(-5.0), None)
    );
    for (name, labels, expected) in [
        ("process_resident_memory_bytes", vec![], 52_428_800.0),
        ("process_threads", vec![], 9.0),
        ("process_cpu_seconds_total", vec![], 13.0),
        ("espmedsam_uptime_seconds", vec![], 300.25),
        ("espmedsam_board_cpu_hertz", vec![("policy", "0")], 1.5e9),
        (
            "espmedsam_board_cpu_max_hertz",
            vec![("policy", "0")],
            2.4e9,
        ),
        (
            "espmedsam_board_cooling_ratio",
            vec![("device", "0"), ("type", "pwm-fan")],
            0.75,
        ),
        ("espmedsam_board_undervoltage", vec![("device", "1")], 1.0),
    ] {
        assert_eq!(scraped.value(name, &labels), Some(expected), "{name}");
    }
    assert_eq!(scraped.sum("espmedsam_board_undervoltage", &[]), 1.0);

    // What is not there, or makes no sense, is left out; the comment alone is left.
    let odd = board(&[
        ("proc/self/status", "VmRSS: much\n"),
        ("proc/self/stat", "7 (x) S\n"),
        ("proc/uptime", "inf inf\n"),
        ("sys/class/thermal/thermal_zone0/type", "cpu\n"),
        ("sys/class/thermal/thermal_zoneX/temp", "1\n"),
        ("sys/class/thermal/cooling_device0/cur_state", "0\n"),
        ("sys/class/thermal/cooling_device0/max_state", "0\n"),
    ]);
    for root in [odd.path(), Path::new("/nowhere")] {
        assert_eq!(scrape(root).lines().count(), 1);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn this_machine_tells_of_this_process() {
    let mut out = Exposition::new();
    render_host(&mut out, Path::new("/"));
    let scrape = Scrape::read(&out.finish()).unwrap();
    assert!(scrape.value("process_resident_memory_bytes", &[]).unwrap() > 100_000.0);
    assert!(scrape.value("process_threads", &[]).unwrap() >= 1.0);
    assert!(scrape.value("espmedsam_uptime_seconds", &[]).unwrap() < 86_400.0);
    assert!(scrape.names().contains("process_cpu_seconds_total"));
}
