//! The configuration in force, and where each value comes from.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use live::LiveSourceSpec;
use video::spec::SourceSpec;

use super::report::ReportSection;
use crate::config::Config;
use crate::config::keys::{listed, set_by};

/// Where the package keeps it.
const PACKAGED: &str = "etc/espmedsam/config.toml";

/// A configuration as the service would read it.
pub struct Settings {
    file: Option<PathBuf>,
    listen: Option<SocketAddr>,
    config: Config,
    problem: Option<String>,
}

impl Settings {
    /// Of that file, or of the package's, where there is one; and of the command line.
    #[must_use]
    pub fn read(root: &Path, file: Option<PathBuf>, listen: Option<SocketAddr>) -> Self {
        let packaged = || Some(root.join(PACKAGED)).filter(|path| path.exists());
        let file = file.or_else(packaged);
        let read = file.as_deref().map_or(Ok(Config::default()), Config::read);
        let (mut config, problem) = match read {
            Ok(config) => (config, None),
            Err(error) => (Config::default(), Some(error.to_string())),
        };
        config.server.listen = listen.unwrap_or(config.server.listen);
        Self {
            file,
            listen,
            config,
            problem,
        }
    }

    /// What the service goes by; every default, if the file is broken.
    pub(super) fn in_force(&self) -> &Config {
        &self.config
    }

    pub(super) fn section(&self, root: &Path) -> ReportSection {
        let mut section = ReportSection::new("configuration");
        let file = self.file.as_deref();
        let name = file.map_or("none".into(), |path| path.display().to_string());
        section.fact("file", name);
        let text = file.and_then(|path| std::fs::read_to_string(path).ok());
        let set = set_by(&text.unwrap_or_default());
        for (key, value) in listed(&self.config) {
            let value = match key.as_str() {
                "live.sources" => sources(&self.config.live.sources),
                _ => value,
            };
            let origin = match key.as_str() {
                "server.listen" if self.listen.is_some() => "--listen",
                "log.level" if std::env::var_os("RUST_LOG").is_some() => "RUST_LOG outweighs it",
                key if set.contains_key(key) => "file",
                _ => "default",
            };
            section.fact(key, format!("{value} ({origin})"));
        }
        if let Some(problem) = &self.problem {
            section.fault(
                problem,
                "correct the file: the service does not start with it (/usr/share/doc/espmedsam, and docs/espmedsam.toml in the \
                 sources, have every key)",
            );
        }
        let socket = root
            .join("usr/lib/systemd/system/espmedsam.socket")
            .exists();
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
        SourceSpec::Replay { .. } => format!("{}: a replay", source.name),
        SourceSpec::Phantom { target, .. } => format!("{}: phantom {target}", source.name),
    };
    match sources.is_empty() {
        true => "none".into(),
        false => sources.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}
