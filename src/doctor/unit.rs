//! The service as systemd has it: what it is started with, so that what is examined is the service's and not that of whoever asks;
//! and how it does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::report::ReportSection;

const UNIT: &str = "espmedsam.service";
/// What is asked of it (`systemctl show`).
const PROPERTIES: &str = "LoadState,ActiveState,SubState,Result,ExecMainStatus,NRestarts,StatusText,WorkingDirectory,\
                          Environment,ExecStart";
/// As the program ends upon a configuration that cannot be used.
const EX_CONFIG: &str = "78";
const LOG: &str = "journalctl --namespace=espmedsam -n 50 says why; then sudo systemctl restart espmedsam.socket espmedsam";

/// The service's unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceUnit(BTreeMap<String, String>);

impl ServiceUnit {
    /// This system's; `None` where it is not installed, or systemd does not run.
    #[must_use]
    pub fn installed() -> Option<Self> {
        let mut command = Command::new("systemctl");
        command.args(["show", UNIT, "--no-pager", "--property", PROPERTIES]);
        let output = command.output().ok()?;
        let unit = Self::parse(&String::from_utf8_lossy(&output.stdout));
        (output.status.success() && unit.of("LoadState") == "loaded").then_some(unit)
    }

    fn parse(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.split_once('='));
        Self(
            lines
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        )
    }

    fn of(&self, property: &str) -> &str {
        self.0.get(property).map_or("", String::as_str)
    }

    /// The folder that it is started in.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        let folder = self.of("WorkingDirectory").trim_start_matches('!');
        Path::new("/").join(folder)
    }

    /// The program that is started.
    #[must_use]
    pub fn program(&self) -> Option<PathBuf> {
        self.words().next().map(PathBuf::from)
    }

    /// What follows an option of its command line.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        let mut words = self.words();
        let found = words.find_map(|word| match word.strip_prefix(name)? {
            "" => Some(None),
            rest => rest.strip_prefix('=').map(Some),
        });
        found?.or_else(|| words.next())
    }

    /// A variable that it is told.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        let mut words = self.of("Environment").split_whitespace();
        words.find_map(|word| word.trim_matches('"').strip_prefix(name)?.strip_prefix('='))
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        let (_, line) = self
            .of("ExecStart")
            .split_once("argv[]=")
            .unwrap_or_default();
        let (line, _) = line.split_once(" ; ").unwrap_or((line, ""));
        line.split_whitespace()
    }

    pub(super) fn section(&self) -> ReportSection {
        let mut section = ReportSection::new("service");
        let (state, result) = (self.of("ActiveState"), self.of("Result"));
        section.fact("state", format!("{state} ({})", self.of("SubState")));
        section.fact("started anew by itself", self.of("NRestarts"));
        let said = self.of("StatusText");
        if !said.is_empty() {
            section.fact("says", said);
        }
        match (state, self.of("SubState")) {
            ("failed", _) if self.of("ExecMainStatus") == EX_CONFIG => section.fault(
                "the service has ended, as its configuration cannot be used",
                "correct /etc/espmedsam/config.toml (what is wrong with it is said below, and by systemctl status espmedsam), then \
                 sudo systemctl restart espmedsam",
            ),
            ("failed", _) => section.fault(format!("the service has ended ({result})"), LOG),
            (_, "auto-restart") => {
                section.fault(format!("the service ends again and again ({result})"), LOG);
            }
            ("inactive", _) => section.warning(
                "the service is stopped",
                "sudo systemctl start espmedsam.socket espmedsam",
            ),
            _ => (),
        }
        section
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Severity;

    const RUNS: &str = "LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\nExecMainStatus=0\nNRestarts=2\n\
        StatusText=serving\nWorkingDirectory=/var/lib/espmedsam\nEnvironment=RUST_LOG=debug \"A=b\"\n\
        ExecStart={ path=/usr/bin/espmedsam ; argv[]=/usr/bin/espmedsam serve --config /etc/espmedsam/config.toml --listen=[::]:80 \
        ; ignore_errors=no ; start_time=[n/a] ; pid=0 }\n";

    #[test]
    fn what_it_is_started_with_is_read() {
        let unit = ServiceUnit::parse(RUNS);
        assert_eq!(unit.folder(), Path::new("/var/lib/espmedsam"));
        assert_eq!(unit.program().unwrap(), Path::new("/usr/bin/espmedsam"));
        assert_eq!(unit.option("--config"), Some("/etc/espmedsam/config.toml"));
        assert_eq!(unit.option("--listen"), Some("[::]:80"));
        assert_eq!(unit.option("--models"), None);
        assert_eq!(unit.variable("RUST_LOG"), Some("debug"));
        assert_eq!(
            (unit.variable("A"), unit.variable("RUST")),
            (Some("b"), None)
        );
        assert_eq!(unit.section().findings, []);
        let bare = ServiceUnit::parse("LoadState=not-found\n");
        assert_eq!((bare.program(), bare.folder()), (None, "/".into()));
    }

    #[test]
    fn how_it_ended_is_found() {
        let found = |changes: &[(&str, &str)]| {
            let mut text = RUNS.to_owned();
            for (from, to) in changes {
                text = text.replace(from, to);
            }
            let findings = ServiceUnit::parse(&text).section().findings;
            findings
                .first()
                .map(|found| (found.severity, found.what.clone()))
        };
        let failed = ("ActiveState=active", "ActiveState=failed");
        let (severity, what) = found(&[failed, ("Status=0", "Status=78")]).unwrap();
        assert_eq!(severity, Severity::Fault);
        assert!(what.contains("configuration"), "{what}");
        let (severity, what) = found(&[failed, ("Result=success", "Result=signal")]).unwrap();
        assert_eq!(
            (severity, what.ends_with("(signal)")),
            (Severity::Fault, true)
        );
        let (severity, _) = found(&[("=running", "=auto-restart")]).unwrap();
        assert_eq!(severity, Severity::Fault);
        let (severity, _) = found(&[("ActiveState=active", "ActiveState=inactive")]).unwrap();
        assert_eq!(severity, Severity::Warning);
    }
}
