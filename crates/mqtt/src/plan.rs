//! What a configuration comes to.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use crate::config::{BadMqttSetting, MqttConfig, is_name};
use crate::message::{MqttMessage, OfflineReason};
use crate::topics::MqttTopics;

/// What the system calls this machine.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";
/// Longest password file that is read, bytes.
const LONGEST_SECRET: u64 = 4096;

/// Where what is told, and as whom.
#[derive(Clone, Debug, PartialEq)]
pub struct MqttPlan {
    /// The broker's host: a name, an IPv4 address, or an IPv6 address in brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What this client calls itself.
    pub client_id: String,
    /// Who logs in, if anybody has to.
    pub login: Option<MqttLogin>,
    /// The topics.
    pub topics: MqttTopics,
    /// The broker hears something so often at least.
    pub keep_alive: Duration,
    /// Time between two results of a source; `None`: none are told.
    pub between_results: Option<Duration>,
}

/// A name and its password, which is in no log.
#[derive(Clone, PartialEq, Eq)]
pub struct MqttLogin {
    /// The name.
    pub user: String,
    /// The password; empty: none.
    pub password: String,
}

impl fmt::Debug for MqttLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MqttLogin")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl MqttConfig {
    /// What it comes to, its password read; `None` if it is off.
    ///
    /// # Errors
    /// [`BadMqttSetting`].
    pub fn plan(&self) -> Result<Option<MqttPlan>, BadMqttSetting> {
        self.plan_on(Path::new(HOST_NAME))
    }

    /// The same on a machine whose name stands in that file.
    fn plan_on(&self, host_name: &Path) -> Result<Option<MqttPlan>, BadMqttSetting> {
        self.check()?;
        let Some((host, port)) = self.address()? else {
            return Ok(None);
        };
        let device = match &self.device {
            Some(device) => device.clone(),
            None => called(host_name)?,
        };
        let client_id = self.client_id.clone();
        Ok(Some(MqttPlan {
            host,
            port,
            client_id: client_id.unwrap_or_else(|| format!("espmedsam-{device}")),
            login: self.login()?,
            topics: MqttTopics::new(&self.prefix, &device),
            keep_alive: Duration::from_secs(self.keep_alive_s.into()),
            between_results: (self.results_per_s > 0.0)
                // At most a year, so that no sum of times overflows.
                .then(|| Duration::from_secs_f64(self.results_per_s.recip().min(31e6))),
        }))
    }

    fn login(&self) -> Result<Option<MqttLogin>, BadMqttSetting> {
        let Some(user) = self.user.clone() else {
            return Ok(None);
        };
        let password = match &self.password_file {
            None => String::new(),
            Some(file) => first_line(file).map_err(|error| {
                let reason = format!("{}: {error}", file.display());
                BadMqttSetting::new("password_file", reason)
            })?,
        };
        Ok(Some(MqttLogin { user, password }))
    }
}

impl MqttPlan {
    /// What the broker says once this board is gone without a word.
    #[must_use]
    pub fn last_will(&self) -> MqttMessage {
        MqttMessage::offline(&self.topics, OfflineReason::Lost)
    }
}

/// What a machine is called, if that can be a level of a topic.
fn called(file: &Path) -> Result<String, BadMqttSetting> {
    let name = first_line(file).ok().filter(|name| is_name(name));
    let bad = || {
        BadMqttSetting::new(
            "device",
            "the host name cannot stand in a topic; name it here",
        )
    };
    name.ok_or_else(bad)
}

/// The first line of a file, which has to have one.
fn first_line(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    file.take(LONGEST_SECRET).read_to_string(&mut text)?;
    match text.lines().next().map(str::trim_end) {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "its first line is empty",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> MqttConfig {
        MqttConfig {
            broker: Some("broker.example:1883".into()),
            ..MqttConfig::default()
        }
    }

    #[test]
    fn nothing_is_planned_without_a_broker() {
        assert_eq!(MqttConfig::default().plan(), Ok(None));
    }

    #[test]
    fn a_board_is_called_as_its_host_unless_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let host_name = folder.path().join("hostname");
        std::fs::write(&host_name, "board-01\n").unwrap();
        let plan = config().plan_on(&host_name).unwrap().unwrap();
        assert_eq!(plan.topics.status(), "espmedsam/board-01/status");
        assert_eq!(plan.client_id, "espmedsam-board-01");
        let named = MqttConfig {
            device: Some("left".into()),
            prefix: "clinic/ward-3".into(),
            ..config()
        };
        let plan = named.plan_on(&host_name).unwrap().unwrap();
        let state = plan.topics.state("probe");
        assert_eq!(state, "clinic/ward-3/left/live/probe/state");
        std::fs::write(&host_name, "a board\n").unwrap();
        assert_eq!(config().plan_on(&host_name).unwrap_err().key, "device");
    }

    #[test]
    fn a_password_is_read_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let config = MqttConfig {
            device: Some("left".into()),
            user: Some("board".into()),
            password_file: Some(file.clone()),
            ..config()
        };
        let error = config.plan().unwrap_err();
        assert_eq!(error.key, "password_file");
        std::fs::write(&file, "\nhush\n").unwrap();
        assert_eq!(config.plan().unwrap_err().key, "password_file");
        std::fs::write(&file, "hush\nsecond line\n").unwrap();
        let plan = config.plan().unwrap().unwrap();
        assert_eq!(plan.login.as_ref().unwrap().password, "hush");
        assert!(!format!("{plan:?}").contains("hush"));
    }

    #[test]
    fn results_come_as_often_as_is_asked() {
        let rate = |results_per_s| {
            let named = MqttConfig {
                device: Some("left".into()),
                results_per_s,
                ..config()
            };
            named.plan().unwrap().unwrap().between_results
        };
        assert_eq!(rate(0.0), None);
        assert_eq!(rate(4.0), Some(Duration::from_millis(250)));
        assert_eq!(rate(0.1), Some(Duration::from_secs(10)));
        assert!(rate(f64::MIN_POSITIVE).is_some());
    }
}
