//! Thermometers, clocks, and what is done against heat (Linux, `Documentation/driver-api/thermal/sysfs-api.rst`).

use std::path::Path;

use live::{BoardStrain, CoolingDevice, CpuClock, ThermalZone};

use super::sysfs::{devices, number, read};

/// What zones of processors are called, in part: what else there is (a battery, a radio) holds no processor back.
const PROCESSORS: [&str; 5] = ["cpu", "gpu", "soc", "tj-", "x86_pkg"];
/// What cooling devices are called that hold a processor back, in part.
const HOLDING: [&str; 2] = ["cpufreq", "Processor"];
/// So much below where the kernel holds a processor back it is warm, °C.
const NEAR_PASSIVE: f64 = 5.0;
/// So much below where the kernel switches the board off it is hot, and warm.
const NEAR_CRITICAL: [f64; 2] = [5.0, 15.0];
/// Where the kernel does not hold it back, something else does: a Raspberry Pi's firmware from 80 °C on.
const WARM: f64 = 75.0;
/// Lowest point that is one: drivers write 0 or less for none.
const LEAST: f64 = 20.0;

/// All zones, and what follows of those of the processors.
pub fn temperatures(root: &Path) -> (Vec<ThermalZone>, Option<BoardStrain>) {
    let (mut zones, mut worst) = (Vec::new(), None);
    for (zone, path) in devices(&root.join("sys/class/thermal"), "thermal_zone") {
        // Thousandths of a degree.
        let Some(temperature) = number(&path.join("temp")) else {
            continue;
        };
        let celsius = temperature / 1e3;
        let kind = read(&path.join("type")).unwrap_or_default();
        if is_one_of(&kind.to_ascii_lowercase(), &PROCESSORS) {
            worst = worst.max(strain(celsius, &path));
        }
        zones.push(ThermalZone {
            zone,
            kind,
            celsius,
        });
    }
    (zones, worst)
}

fn is_one_of(kind: &str, known: &[&str]) -> bool {
    known.iter().any(|part| kind.contains(part))
}

/// What a zone of that temperature means, by its trip points.
fn strain(celsius: f64, zone: &Path) -> Option<BoardStrain> {
    let trips: Vec<(String, f64)> = (0..16)
        .map_while(|number| read(&zone.join(format!("trip_point_{number}_type"))).zip(Some(number)))
        .filter_map(|(kind, at)| {
            let at = number(&zone.join(format!("trip_point_{at}_temp")))? / 1e3;
            (at >= LEAST).then_some((kind, at))
        })
        .collect();
    let lowest = |kinds: &[&str]| {
        let of_kind = trips
            .iter()
            .filter(|(kind, _)| kinds.contains(&kind.as_str()));
        of_kind.map(|(_, at)| *at).reduce(f64::min)
    };
    let (passive, critical) = (lowest(&["passive", "hot"]), lowest(&["critical"]));
    let [hot_below, warm_below] = NEAR_CRITICAL;
    let (mut hot, mut warm) = (f64::INFINITY, WARM);
    if let Some(passive) = passive {
        (hot, warm) = (passive, passive - NEAR_PASSIVE);
    }
    if let Some(critical) = critical {
        hot = hot.min(critical - hot_below);
        warm = warm.min(critical - warm_below);
    }
    match celsius {
        hotter if hotter >= hot => Some(BoardStrain::Hot),
        warmer if warmer >= warm => Some(BoardStrain::Warm),
        _ => None,
    }
}

/// All cooling devices, and whether a processor is held back.
pub fn cooling(root: &Path) -> (Vec<CoolingDevice>, Option<BoardStrain>) {
    let (mut found, mut worst) = (Vec::new(), None);
    for (device, path) in devices(&root.join("sys/class/thermal"), "cooling_device") {
        let state = number(&path.join("cur_state")).zip(number(&path.join("max_state")));
        let Some((state, most)) = state.filter(|(_, most)| *most > 0.0) else {
            continue;
        };
        let kind = read(&path.join("type")).unwrap_or_default();
        if state > 0.0 && is_one_of(&kind, &HOLDING) {
            worst = Some(BoardStrain::Hot);
        }
        found.push(CoolingDevice {
            device,
            kind,
            ratio: state / most,
        });
    }
    (found, worst)
}

/// The processors' clocks.
pub fn clocks(root: &Path) -> Vec<CpuClock> {
    let policies = devices(&root.join("sys/devices/system/cpu/cpufreq"), "policy");
    let clock = |(policy, path): (String, std::path::PathBuf)| {
        let hertz = |file| Some(number(&path.join(file))? * 1e3);
        CpuClock {
            policy,
            hertz: hertz("scaling_cur_freq"),
            max_hertz: hertz("cpuinfo_max_freq"),
        }
    };
    policies.into_iter().map(clock).collect()
}
