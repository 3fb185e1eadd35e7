//! The configuration in force, and where each value comes from.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use live::LiveSourceSpec;
use video::spec::SourceSpec;

use super::report::ReportSection;
use super::unit::ServiceUnit;
use crate::config::keys::{listed, set_by};
use crate::config::{Config, ConfigError};

/// Where the package keeps it.
const PACKAGED: &str = "etc/espmedsam/config.toml";
/// There while systemd opens the socket at each start.
const SOCKET: &str = "etc/systemd/system/sockets.target.wants/espmedsam.socket";

/// A configuration as the service would read it.
pub struct Settings {
    file: Option<PathBuf>,
    listen: Option<SocketAddr>,
    config: Config,
    problem: Option<ConfigError>,
    /// Whether `RUST_LOG` says what is logged.
    logs_by_variable: bool,
}

impl Settings {
    /// Of that file, else of that which the service is started with, else of the package's, where there is one; and of the command
    /// line, the service's or this one.
    #[must_use]
    pub fn read(
        root: &Path,
        unit: Option<&ServiceUnit>,
        file: Option<PathBuf>,
        listen: Option<SocketAddr>,
    ) -> Self {
        let told = |name| unit.and_then(|unit| unit.option(name));
        let packaged = || Some(root.join(PACKAGED)).filter(|path| path.exists());
        let file = file
            .or_else(|| told("--config").map(PathBuf::from))
            .or_else(packaged);
        let listen = listen.or_else(|| told("--listen")?.parse().ok());
        let read = file.as_deref().map_or(Ok(Config::default()), Config::read);
        let variable = "RUST_LOG";
        Self {
            logs_by_variable: match unit {
                Some(unit) => unit.variable(variable).is_some(),
                None => std::env::var_os(variable).is_some(),
            },
            ..Self::of(file, listen, read)
        }
    }

    fn of(
        file: Option<PathBuf>,
        listen: Option<SocketAddr>,
        read: Result<Config, ConfigError>,
    ) -> Self {
        let (mut config, problem) = match read {
            Ok(config) => (config, None),
            Err(error) => (Config::default(), Some(error)),
        };
        config.server.listen = listen.unwrap_or(config.server.listen);
        Self {
            file,
            listen,
            config,
            problem,
            logs_by_variable: false,
        }
    }

    /// What the service goes by; every default, if the file is broken or not for this user to read.
    pub(super) fn in_force(&self) -> &Config {
        &self.config
    }

    pub(super) fn section(&self, root: &Path) -> ReportSection {
        let mut section = ReportSection::new("configuration");
        let file = self.file.as_deref();
        let name = file.map_or("none".into(), |path| path.display().to_string());
        section.fact("file", name);
        if let Some(problem) = &self.problem
            && forbidden(problem)
        {
            // It may hold passwords of cameras. Of the service this says nothing, which may read it; nor are defaults its own.
            section.warning(
                format!("{problem}: the other parts go by the defaults"),
                "run as root: sudo espmedsam doctor",
            );
            return section;
        }
        let text = file.and_then(|path| std::fs::read_to_string(path).ok());
        let set = set_by(&text.unwrap_or_default());
        for (key, value) in listed(&self.config) {
            let value = match key.as_str() {
                "live.sources" => sources(&self.config.live.sources),
                _ => value,
            };
            let origin = match key.as_str() {
                "server.listen" if self.listen.is_some() => "--listen",
                "log.level" if self.logs_by_variable => "RUST_LOG outweighs it",
                key if set.contains_key(key) => "file",
                _ => "default",
            };
            section.fact(key, format!("{value} ({origin})"));
        }
        if let Some(problem) = &self.problem {
            section.fault(
                problem.to_string(),
                "correct the file: the service does not start with it (/usr/share/doc/espmedsam/espmedsam.toml, docs/espmedsam.toml \
                 in the sources, has every key)",
            );
        }
        // A link to a path of the examined system, wherever that is mounted.
        let socket = root.join(SOCKET).symlink_metadata().is_ok();
        if socket
            && set
                .get("server.listen")
                .is_some_and(|set| *set != default_listen())
        {
            section.warning(
                "server.listen is set, but systemd opens the socket and outweighs it",
                "systemctl edit espmedsam.socket (ListenStream=), or systemctl disable --now espmedsam.socket",
            );
        }
        section
    }
}

/// Whether it is this user alone who cannot read it.
fn forbidden(problem: &ConfigError) -> bool {
    matches!(problem, ConfigError::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
}

fn default_listen() -> String {
    listed(&Config::default())
        .remove("server.listen")
        .unwrap_or_default()
}

/// Name, kind and camera; paths and addresses may name a patient or hold a password.
fn sources(sources: &[LiveSourceSpec]) -> String {
    let one = |source: &LiveSourceSpec| match &source.source {
        SourceSpec::V4l2 { device, .. } => format!("{}: {}", source.name, device.display()),
        SourceSpec::Pipe { .. } => format!("{}: a pipe", source.name),
        SourceSpec::Http { .. } => format!("{}: over HTTP", source.name),
        SourceSpec::OpenIgtLink { .. } => format!("{}: over OpenIGTLink", source.name),
        SourceSpec::Replay { .. } => format!("{}: a replay", source.name),
        SourceSpec::Phantom { target, .. } => format!("{}: phantom {target}", source.name),
    };
    match sources.is_empty() {
        true => "none".into(),
        false => sources.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Severity;

    #[test]
    fn a_file_that_this_user_may_not_read_is_no_fault_of_the_service() {
        let examined = |kind: io::ErrorKind| {
            let path = PathBuf::from("/etc/espmedsam/config.toml");
            let problem = ConfigError::Read {
                path: path.clone(),
                source: kind.into(),
            };
            Settings::of(Some(path), None, Err(problem)).section(Path::new("/nowhere"))
        };
        let section = examined(io::ErrorKind::PermissionDenied);
        let [finding] = section.findings.as_slice() else {
            panic!("{:?}", section.findings);
        };
        assert_eq!(finding.severity, Severity::Warning);
        assert!(finding.advice.contains("sudo espmedsam doctor"));
        // No default is listed as what the service goes by.
        assert_eq!(section.facts.len(), 1);
        let section = examined(io::ErrorKind::NotFound);
        assert_eq!(section.findings[0].severity, Severity::Fault);
    }
}
