//! A configuration read anew: what can change while pictures come does so, all else is named.

use std::path::PathBuf;
use std::sync::Arc;

use live::{Asker, LiveError, LiveSourceSpec, MOST_SOURCES, Studio};

use super::log::Verbosity;
use crate::config::keys::differing;
use crate::config::{Config, ConfigError};

/// Where a configuration comes from: a file, and what the command line says on top.
pub struct ConfigOrigin {
    /// The file; without one there is nothing to read anew.
    pub file: Option<PathBuf>,
    /// What the command line says.
    pub adjust: Box<dyn Fn(&mut Config) + Send>,
}

impl ConfigOrigin {
    /// The configuration as it is there now.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(&self) -> Result<Config, ConfigError> {
        let mut config = match &self.file {
            Some(path) => Config::read(path)?,
            None => Config::default(),
        };
        (self.adjust)(&mut config);
        Ok(config)
    }
}

/// Reads the configuration of a running service anew.
pub struct Reloader {
    /// Where it is read.
    pub origin: ConfigOrigin,
    /// What the service goes by.
    pub in_force: Config,
    /// Whose sources follow it.
    pub studio: Arc<Studio>,
    /// Follows it too.
    pub verbosity: Verbosity,
}

/// Why the configuration stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// It cannot be read, or not be understood.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A source that could not be begun.
    #[error("source '{name}': {cause}")]
    Source {
        /// Its name.
        name: String,
        /// What is wrong with it.
        cause: LiveError,
    },
}

/// What became of a configuration that was read anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Sources that are watched since.
    pub begun: Vec<String>,
    /// Sources that are not watched any more.
    pub ended: Vec<String>,
    /// Keys whose new values count from the next start on.
    pub waiting: Vec<String>,
}

impl Reloader {
    /// Applies what the file says now. Sources that are described as before lose no frame. A configuration that is broken
    /// anywhere changes nothing.
    ///
    /// # Errors
    /// [`ReloadError`]; everything is as it was.
    pub fn reload(&mut self) -> Result<Reloaded, ReloadError> {
        let new = self.origin.read()?;
        let mut done = Reloaded::default();
        let (old_sources, new_sources) = (&self.in_force.live.sources, &new.live.sources);
        let watched = self.watched();
        let ended = without(old_sources, new_sources);
        // Those too that stand there as before and are not watched: a client ended them, or they could not be begun.
        let begun: Vec<_> = (new_sources.iter())
            .filter(|source| !old_sources.contains(source) || !watched.contains(&source.name))
            .collect();
        self.check(watched, &ended, &begun)?;
        for source in ended {
            if self.studio.end(&source.name) {
                done.ended.push(source.name.clone());
            }
        }
        for source in begun {
            match self.studio.begin_described(source, Asker::Owner) {
                Ok(_) => done.begun.push(source.name.clone()),
                // A client may have been quicker; the others are watched all the same.
                Err(error) => tracing::error!(source = source.name, %error, "not watched"),
            }
        }
        self.verbosity.set(&new.log.level);
        let taken = |key: &String| key == "live.sources" || key == "log.level";
        done.waiting = differing(&self.in_force, &new);
        done.waiting.retain(|key| !taken(key));
        // What waits for a restart is told of again by the next reload: it is still not in force.
        self.in_force.live.sources = new.live.sources;
        self.in_force.log = new.log;
        Ok(done)
    }

    fn watched(&self) -> Vec<String> {
        let all = self.studio.all().into_iter();
        all.map(|(name, _)| name).collect()
    }

    /// Whether those sources could be begun once these are ended.
    fn check(
        &self,
        mut watched: Vec<String>,
        ended: &[&LiveSourceSpec],
        begun: &[&LiveSourceSpec],
    ) -> Result<(), ReloadError> {
        watched.retain(|name| ended.iter().all(|source| source.name != *name));
        for source in begun {
            let vetted = self.studio.vet(source, Asker::Owner).map(drop);
            let free = match watched.contains(&source.name) {
                true => Err(LiveError::NameTaken(source.name.clone())),
                false if watched.len() >= MOST_SOURCES => {
                    Err(LiveError::TooMany { most: MOST_SOURCES })
                }
                false => Ok(()),
            };
            vetted.and(free).map_err(|cause| ReloadError::Source {
                name: source.name.clone(),
                cause,
            })?;
            watched.push(source.name.clone());
        }
        Ok(())
    }
}

/// The sources of one list that the other has not, or not like this.
fn without<'a>(list: &'a [LiveSourceSpec], other: &[LiveSourceSpec]) -> Vec<&'a LiveSourceSpec> {
    list.iter()
        .filter(|source| !other.contains(source))
        .collect()
}

impl std::fmt::Display for Reloaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = |names: &[String]| match names.is_empty() {
            true => "none".into(),
            false => names.join(", "),
        };
        write!(
            f,
            "sources begun: {}; ended: {}; needs a restart: {}",
            names(&self.begun),
            names(&self.ended),
            names(&self.waiting)
        )
    }
}
