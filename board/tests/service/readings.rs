//! How a board does, by the files that the kernel has for it.

use std::path::Path;

use espmedsam_board::heat::{HeatSensor, SystemHeat};
use live::{BoardReading, BoardStrain, StrainLevel};

/// A board of files, as a folder.
pub struct MadeBoard(tempfile::TempDir);

impl MadeBoard {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let board = Self(tempfile::tempdir().unwrap());
        files
            .iter()
            .for_each(|(path, text)| board.write(path, text));
        board
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn root(&self) -> &Path {
        self.0.path()
    }

    fn read(&self) -> BoardReading {
        SystemHeat::at(self.root()).read()
    }
}

pub const THROTTLED: &str = "sys/devices/platform/soc/soc:firmware/get_throttled";

/// As on a Raspberry Pi 5, and with another zone of the same type.
fn raspberry() -> MadeBoard {
    MadeBoard::new(&[
        ("sys/class/thermal/thermal_zone0/temp", "61250\n"),
        ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
        (
            "sys/class/thermal/thermal_zone0/trip_point_0_type",
            "critical\n",
        ),
        (
            "sys/class/thermal/thermal_zone0/trip_point_0_temp",
            "110000\n",
        ),
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
        ("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n"),
    ])
}

#[test]
fn a_board_is_told_as_it_tells_of_itself() {
    let board = raspberry();
    let reading = board.read();
    let zones: Vec<_> = (reading.zones.iter())
        .map(|zone| (zone.zone.as_str(), zone.kind.as_str(), zone.celsius))
        .collect();
    assert_eq!(
        zones,
        [("0", "cpu-thermal", 61.25), ("10", "cpu-thermal", -5.0)]
    );
    assert_eq!(
        (reading.cooling[0].kind.as_str(), reading.cooling[0].ratio),
        ("pwm-fan", 0.75)
    );
    let clock = &reading.clocks[0];
    assert_eq!((clock.hertz, clock.max_hertz), (Some(1.5e9), Some(2.4e9)));
    // A fan that turns holds nobody back.
    assert_eq!(
        (reading.level(), reading.hottest()),
        (StrainLevel::Fine, Some(61.25))
    );

    // What is not there, or makes no sense, is left out.
    let odd = MadeBoard::new(&[
        ("sys/class/thermal/thermal_zone0/type", "cpu\n"),
        ("sys/class/thermal/thermal_zoneX/temp", "99000\n"),
        ("sys/class/thermal/cooling_device0/cur_state", "0\n"),
        ("sys/class/thermal/cooling_device0/max_state", "0\n"),
        (THROTTLED, "what\n"),
    ]);
    assert_eq!(odd.read(), BoardReading::default());
    assert_eq!(SystemHeat::at("/nowhere").read(), BoardReading::default());
}

#[test]
fn a_raspberry_s_flags_are_read_bit_by_bit() {
    let board = raspberry();
    use BoardStrain::{Hot, LowVoltage};
    for (flags, expected) in [
        ("0", vec![]),
        // Of some time before: not of now.
        ("f0000", vec![]),
        ("1", vec![LowVoltage]),
        // Throttled, or capped: with low voltage it is for that.
        ("50005", vec![LowVoltage]),
        ("0x50001", vec![LowVoltage]),
        ("3", vec![LowVoltage]),
        ("9", vec![LowVoltage, Hot]),
        ("4", vec![Hot]),
        ("2", vec![Hot]),
        ("8", vec![Hot]),
        ("e0008", vec![Hot]),
    ] {
        board.write(THROTTLED, &format!("{flags}\n"));
        assert_eq!(board.read().strains, expected, "{flags}");
    }
    // On a Raspberry Pi 5 the bus has another name; without the file the supply's alarm is asked.
    std::fs::remove_dir_all(board.root().join("sys/devices/platform")).unwrap();
    board.write("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n");
    assert_eq!(board.read().strains, [LowVoltage]);
    board.write(
        "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled",
        "4\n",
    );
    assert_eq!(board.read().strains, [Hot]);
}

#[test]
fn a_zone_is_hot_by_its_own_trip_points() {
    let at = |kind: &str, trip: &str, trip_at: &str, celsius: i32| {
        let zone = "sys/class/thermal/thermal_zone0";
        let board = MadeBoard::new(&[]);
        board.write(&format!("{zone}/type"), kind);
        board.write(&format!("{zone}/temp"), &format!("{celsius}000"));
        // A fan's point, which says nothing, and the one that does.
        board.write(&format!("{zone}/trip_point_0_type"), "active");
        board.write(&format!("{zone}/trip_point_0_temp"), "50000");
        board.write(&format!("{zone}/trip_point_1_type"), trip);
        board.write(&format!("{zone}/trip_point_1_temp"), trip_at);
        board.read().strains.first().copied()
    };
    use BoardStrain::{Hot, Warm};
    for (kind, trip, trip_at, celsius, expected) in [
        ("cpu-thermal", "passive", "99000", 93, None),
        ("cpu-thermal", "passive", "99000", 94, Some(Warm)),
        ("tj-thermal", "passive", "99000", 99, Some(Hot)),
        ("cpu-thermal", "critical", "110000", 74, None),
        ("cpu-thermal", "critical", "110000", 75, Some(Warm)),
        ("cpu-thermal", "critical", "110000", 105, Some(Hot)),
        // No point at all, as some drivers write it.
        ("x86_pkg_temp", "passive", "-274000", 60, None),
        ("x86_pkg_temp", "passive", "0", 76, Some(Warm)),
        // What holds no processor back.
        ("iwlwifi_1", "passive", "60000", 90, None),
    ] {
        let found = at(kind, trip, trip_at, celsius);
        assert_eq!(found, expected, "{kind} {trip} {trip_at} {celsius}");
    }
    let held = MadeBoard::new(&[
        ("sys/class/thermal/cooling_device0/type", "cpufreq-cpu0\n"),
        ("sys/class/thermal/cooling_device0/cur_state", "1\n"),
        ("sys/class/thermal/cooling_device0/max_state", "10\n"),
    ]);
    assert_eq!(held.read().strains, [Hot]);
}

#[test]
fn a_jetson_s_rails_are_measured() {
    let board = MadeBoard::new(&[
        ("sys/class/hwmon/hwmon3/name", "ina3221\n"),
        ("sys/class/hwmon/hwmon3/in1_label", "VDD_IN\n"),
        ("sys/class/hwmon/hwmon3/in1_input", "5000\n"),
        ("sys/class/hwmon/hwmon3/curr1_input", "1500\n"),
        ("sys/class/hwmon/hwmon3/curr1_crit_alarm", "0\n"),
        ("sys/class/hwmon/hwmon3/in2_label", "VDD_CPU_GPU_CV\n"),
        ("sys/class/hwmon/hwmon3/in2_input", "5000\n"),
        ("sys/class/hwmon/hwmon4/name", "another\n"),
        ("sys/class/hwmon/hwmon4/in1_label", "no meter\n"),
        ("sys/class/hwmon/hwmon4/in1_input", "1\n"),
        ("sys/class/hwmon/hwmon4/curr1_input", "1\n"),
        // A second meter that calls its rail the same.
        ("sys/class/hwmon/hwmon5/name", "ina3221\n"),
        ("sys/class/hwmon/hwmon5/in1_label", "VDD_IN\n"),
        ("sys/class/hwmon/hwmon5/in1_input", "5000\n"),
        ("sys/class/hwmon/hwmon5/curr1_input", "500\n"),
    ]);
    let reading = board.read();
    let rails: Vec<_> = (reading.rails.iter())
        .map(|rail| (rail.monitor.as_str(), rail.rail.as_str(), rail.watts))
        .collect();
    assert_eq!(rails, [("3", "VDD_IN", 7.5), ("5", "VDD_IN", 2.5)]);
    assert!(reading.strains.is_empty());
    board.write("sys/class/hwmon/hwmon3/curr1_crit_alarm", "1\n");
    assert_eq!(board.read().strains, [BoardStrain::OverCurrent]);
}
