//! The time of day: clips are named by it, and a board without a battery begins with a wrong one.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::report::ReportSection;

/// When the sources of this program were committed, seconds since 1970; only packages are built with it.
const SOURCES: Option<&str> = option_env!("ESPMEDSAM_SOURCE_DATE");

const SET: &str = "connect it to a network with a time server (timedatectl shows it), set it by hand (timedatectl set-time), or add \
                   a clock with a battery";

pub(super) fn section(root: &Path, now: SystemTime) -> ReportSection {
    let sources = SOURCES.and_then(|text| text.parse().ok());
    of(root, now, sources.map(Duration::from_secs))
}

fn of(root: &Path, now: SystemTime, sources: Option<Duration>) -> ReportSection {
    let mut section = ReportSection::new("clock");
    let since = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    section.fact("seconds since 1970", since.as_secs());
    let battery = root.join("sys/class/rtc/rtc0").exists();
    section.fact("clock with a battery", if battery { "yes" } else { "no" });
    let synchronised = root.join("run/systemd/timesync/synchronized").exists();
    let chrony = root.join("run/chrony/chronyd.pid").exists();
    section.fact(
        "set from a network",
        match (synchronised, chrony) {
            (true, _) => "yes",
            (false, true) => "by chrony: chronyc tracking says how well",
            (false, false) => "no",
        },
    );
    if sources.is_some_and(|sources| since < sources) {
        section.fault(
            "the clock stands before the day that this program was made on",
            SET,
        );
    } else if !battery && !synchronised && !chrony {
        section.warning("nothing has set the clock since the board was started", SET);
    }
    section
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Severity;

    #[test]
    fn a_clock_before_the_program_s_own_day_is_a_fault() {
        let dir = tempfile::tempdir().unwrap();
        let made = Duration::from_secs(1_700_000_000);
        let at = |time: Duration| {
            let found = of(dir.path(), SystemTime::UNIX_EPOCH + time, Some(made)).findings;
            found.first().map(|finding| finding.severity)
        };
        assert_eq!(at(Duration::ZERO), Some(Severity::Fault));
        assert_eq!(at(made), Some(Severity::Warning));
        std::fs::create_dir_all(dir.path().join("run/systemd/timesync")).unwrap();
        std::fs::write(dir.path().join("run/systemd/timesync/synchronized"), "").unwrap();
        assert_eq!(at(made), None);
        assert_eq!(at(made - Duration::from_secs(1)), Some(Severity::Fault));
    }
}
