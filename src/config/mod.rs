//! The configuration file, and what differs between two of them.

pub mod keys;
mod toml_fault;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use access::{AccessConfig, BadAccessSetting};
use board::gpio::{GpioConfig, GpioError, TriggerAction};
use engine::EngineOptions;
#[cfg(feature = "dicom")]
use gateway::{BadDicomSetting, DicomConfig};
use guidance::{BadGuidanceSetting, GuidanceConfig};
use http::{BadSetting, ServerConfig};
use live::{LiveSourceSpec, MOST_SOURCES};
use mqtt::{BadMqttSetting, MqttConfig};
use picture::frame::FrameLimits;
use tracing_subscriber::filter::Targets;
use update::{Recipient, UpdateKey};

use crate::workshop::ClientRights;

pub use self::toml_fault::TomlFault;

/// Where a package puts the configuration.
pub const INSTALLED: &str = "/etc/espmedsam/config.toml";

/// Most threads or workers that may be asked for: beyond any board this runs on.
const MAX_THREADS: usize = 256;
/// Most jobs that may wait; each holds an undecoded picture.
const MAX_QUEUE: usize = 1024;

/// `espmedsam serve --config FILE`: every key has a default that works, unknown keys are refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[server]`: the HTTP side.
    pub server: ServerConfig,
    /// `[access]`: callers from other machines.
    pub access: AccessConfig,
    /// `[engine]`: the model's side.
    pub engine: EngineConfig,
    /// `[image]`: what a picture may cost.
    pub image: ImageConfig,
    /// `[live]`: sources of video.
    pub live: LiveConfig,
    /// `[dicom]`: pictures from a DICOM network, and answers to it.
    #[cfg(feature = "dicom")]
    pub dicom: DicomConfig,
    /// `[openigtlink]`: what may be shown of live sources, sent to programs of image-guided therapy.
    pub openigtlink: GuidanceConfig,
    /// `[mqtt]`: live sources told to a broker.
    pub mqtt: MqttConfig,
    /// `[gpio]`: lights and a foot switch.
    pub gpio: GpioConfig,
    /// `[update]`: whose packages are taken.
    pub update: UpdateConfig,
    /// `[log]`: what is logged.
    pub log: LogConfig,
}

/// `[update]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpdateConfig {
    /// The product that this device is; packages of other lines are refused. Unset: all are.
    pub line: Option<String>,
    /// The makers' public keys, as `espmedsam package keygen` prints them; none: no package is believed.
    pub keys: Vec<UpdateKey>,
}

impl UpdateConfig {
    /// This device, as a package sees it; `None` if it takes none.
    #[must_use]
    pub fn recipient(&self) -> Option<Recipient> {
        let line = self.line.clone().filter(|_| !self.keys.is_empty())?;
        let architecture = match std::env::consts::ARCH {
            "aarch64" => "arm64",
            "x86_64" => "amd64",
            other => other,
        };
        Some(Recipient {
            keys: self.keys.clone(),
            line,
            program: env!("CARGO_PKG_VERSION").parse().ok()?,
            architecture: architecture.into(),
        })
    }
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// `error`, `warn`, `info`, `debug` or `trace`; by target: `info,hyper=debug`. `RUST_LOG`, where it is set, outweighs it.
    pub level: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            level: "info".into(),
        }
    }
}

/// `[live]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiveConfig {
    /// What is watched from the start. Paths are as they are: none is relative to the configuration file.
    pub sources: Vec<LiveSourceSpec>,
    /// The folder that clips are saved in, which must be there; none are, unless it is set.
    pub clips: Option<PathBuf>,
    /// What clients may ask for.
    pub clients: ClientRights,
}

/// `[engine]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineConfig {
    /// Folder of `manifest.toml`; relative to the configuration file. See [`embed::find_models`].
    pub models: Option<PathBuf>,
    /// The model for requests that name none; unset: the manifest's default.
    pub model: Option<String>,
    /// Modalities loaded before the service is ready; the others load when first asked for. Empty: one of them.
    pub preload: Vec<String>,
    /// Computing threads per worker; 0: one per core.
    pub threads: usize,
    /// Keep each computing thread on a core of its own.
    pub pin: bool,
    /// Pictures computed at once. One answers soonest: a single picture already uses every thread.
    pub workers: usize,
    /// Requests that may wait; one more is turned away at once.
    pub queue: usize,
    /// A worker that is longer at one picture, or at loading one modality, counts as stuck: the service is then not
    /// ready, and says so. More than `server.request_timeout_s`. Seconds.
    pub watchdog_s: u32,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            models: None,
            model: None,
            preload: Vec::new(),
            threads: 0,
            pin: false,
            workers: 1,
            queue: 8,
            watchdog_s: 120,
        }
    }
}

/// `[image]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImageConfig {
    /// Most pixels (width × height) accepted.
    pub max_pixels: u64,
    /// Least length of either side, px.
    pub min_side: u32,
    /// Most memory that decoding one picture may take, MiB.
    pub max_memory_mib: u32,
    /// Most memory that all pictures together may take, from decoding until their replies are rendered, MiB.
    pub budget_mib: u32,
    /// Most time that decoding one picture may take, seconds.
    pub decode_timeout_s: u32,
}

impl Default for ImageConfig {
    fn default() -> Self {
        let FrameLimits {
            max_pixels,
            min_side,
            max_memory,
        } = FrameLimits::default();
        Self {
            max_pixels,
            min_side,
            max_memory_mib: (max_memory >> 20) as u32,
            budget_mib: 384,
            decode_timeout_s: 5,
        }
    }
}

impl From<ImageConfig> for FrameLimits {
    fn from(config: ImageConfig) -> Self {
        Self {
            max_pixels: config.max_pixels,
            min_side: config.min_side,
            max_memory: u64::from(config.max_memory_mib) << 20,
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It could not be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It says something that is not understood or cannot work.
    #[error("{}: {source}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: InvalidConfig,
    },
}

/// What is wrong with a configuration's text.
#[derive(Debug, thiserror::Error)]
pub enum InvalidConfig {
    /// It is no TOML, or has a key or a value that is not understood.
    #[error(transparent)]
    Toml(TomlFault),
    /// A setting under `[server]` that cannot work.
    #[error(transparent)]
    Server(#[from] BadSetting),
    /// A setting under `[access]` that cannot work.
    #[error(transparent)]
    Access(#[from] BadAccessSetting),
    /// Lights or a foot switch on pins that cannot be.
    #[error("gpio: {0}")]
    Gpio(#[from] GpioError),
    /// A node of a DICOM network that cannot work so.
    #[error(transparent)]
    #[cfg(feature = "dicom")]
    Dicom(#[from] BadDicomSetting),
    /// A setting under `[openigtlink]` that cannot work.
    #[error(transparent)]
    Guidance(#[from] BadGuidanceSetting),
    /// A broker, or what it is told, that cannot be so.
    #[error(transparent)]
    Mqtt(#[from] BadMqttSetting),
    /// A setting out of its bounds.
    #[error("{key}: expected {expected}, found {found}")]
    Bounds {
        /// Section and key.
        key: &'static str,
        /// What can work.
        expected: String,
        /// What it is.
        found: String,
    },
}

impl Config {
    /// Reads and checks a configuration file; a relative [`EngineConfig::models`] is resolved against its folder.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.into(),
            source,
        })?;
        let mut config = Self::parse(&text).map_err(|source| ConfigError::Invalid {
            path: path.into(),
            source,
        })?;
        config.found_at(path);
        Ok(config)
    }

    /// Resolves a relative [`EngineConfig::models`] against the folder of the file that it stands in.
    pub fn found_at(&mut self, file: &Path) {
        if let (Some(models), Some(folder)) = (&self.engine.models, file.parent()) {
            self.engine.models = Some(folder.join(models));
        }
    }

    /// Parses and checks a configuration's text.
    ///
    /// # Errors
    /// [`InvalidConfig`].
    pub fn parse(text: &str) -> Result<Self, InvalidConfig> {
        let read = toml::from_str(text);
        let config: Self =
            read.map_err(|error| InvalidConfig::Toml(TomlFault::of(text, &error)))?;
        config.server.check()?;
        config.access.check()?;
        config.gpio.check()?;
        config.openigtlink.check()?;
        config.mqtt.check()?;
        #[cfg(feature = "dicom")]
        config.dicom.check()?;
        let mut names = BTreeSet::new();
        for LiveSourceSpec { name, .. } in &config.live.sources {
            let expected = "a name of its own for each";
            let found = format!("'{name}' twice");
            require(names.insert(name), "live.sources", expected, found)?;
        }
        require(
            config.live.sources.len() <= MOST_SOURCES,
            "live.sources",
            format!("{MOST_SOURCES} at most"),
            config.live.sources.len(),
        )?;
        let saves = config.gpio.is_on() && config.gpio.trigger == TriggerAction::Snapshot;
        require(
            !saves || config.live.clips.is_some(),
            "live.clips",
            "a folder, for gpio.trigger = \"snapshot\"",
            "none",
        )?;
        let EngineConfig {
            threads,
            workers,
            queue,
            watchdog_s,
            ..
        } = config.engine;
        let ImageConfig {
            max_memory_mib,
            budget_mib,
            decode_timeout_s,
            ..
        } = config.image;
        for (key, found, range) in [
            ("engine.threads", threads, 0..=MAX_THREADS),
            ("engine.workers", workers, 1..=MAX_THREADS),
            ("engine.queue", queue, 1..=MAX_QUEUE),
        ] {
            require(range.contains(&found), key, format!("{range:?}"), found)?;
        }
        let longest = config.server.request_timeout_s;
        let more = format!("more than server.request_timeout_s ({longest})");
        require(watchdog_s > longest, "engine.watchdog_s", more, watchdog_s)?;
        // A mask is a third of its frame, which may be all that decoding takes.
        let largest = max_memory_mib.saturating_add(max_memory_mib.div_ceil(3));
        let enough = format!("at least {largest}, for image.max_memory_mib and a mask");
        require(
            budget_mib >= largest,
            "image.budget_mib",
            enough,
            budget_mib,
        )?;
        require(
            decode_timeout_s > 0,
            "image.decode_timeout_s",
            "at least 1",
            decode_timeout_s,
        )?;
        let level = &config.log.level;
        let levels = "error, warn, info, debug or trace, by target where wanted";
        let understood = level.parse::<Targets>().is_ok();
        require(understood, "log.level", levels, level)?;
        Ok(config)
    }

    /// What the engine needs of it.
    #[must_use]
    pub fn engine_options(&self) -> EngineOptions {
        let EngineConfig {
            preload,
            threads,
            pin,
            workers,
            queue,
            watchdog_s,
            ..
        } = self.engine.clone();
        let seconds = |setting: u32| Duration::from_secs(setting.into());
        EngineOptions {
            workers,
            threads,
            pin,
            queue,
            preload,
            watchdog: seconds(watchdog_s),
            limits: self.image.into(),
            decode_timeout: seconds(self.image.decode_timeout_s),
            picture_budget: u64::from(self.image.budget_mib) << 20,
        }
    }
}

fn require(
    works: bool,
    key: &'static str,
    expected: impl Into<String>,
    found: impl ToString,
) -> Result<(), InvalidConfig> {
    match works {
        true => Ok(()),
        false => Err(InvalidConfig::Bounds {
            key,
            expected: expected.into(),
            found: found.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests;
