//! The section `[mqtt]` of the configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Longest name of a device and of a client, and longest level of a prefix.
const LONGEST_NAME: usize = 64;
/// Longest prefix, and longest name of a host (RFC 1035 has 253).
const LONGEST: usize = 253;
/// Results are looked for so often in a second.
const MOST_RESULTS: f64 = 4.0;
/// What MQTT can say is 65,535 s; a dead board that is noticed after more than an hour is of no use.
const LONGEST_KEEP_ALIVE: u16 = 3600;

/// `[mqtt]`: live sources told to a broker. Off unless `broker` is set; unknown keys are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MqttConfig {
    /// The broker, `host:port`; unset: nothing is told to anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker: Option<String>,
    /// What this device is called in topics; unset: its host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// What all topics begin with, before the device's name.
    pub prefix: String,
    /// What this client calls itself, one of its own for each board; unset: `espmedsam-` and the device's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// As whom it logs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A file whose first line is that one's password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// Most results of a source in a second, 0 (none) to 4.
    pub results_per_s: f64,
    /// The broker hears something so often at least, seconds; it says that the board is gone after one and a half times that.
    pub keep_alive_s: u16,
}

/// A setting that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("mqtt.{key}: {reason}")]
pub struct BadMqttSetting {
    /// The key at fault.
    pub key: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl BadMqttSetting {
    pub(crate) fn new(key: &'static str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { key, reason }
    }
}

impl Default for MqttConfig {
    fn default() -> Self {
        Self {
            broker: None,
            device: None,
            prefix: "espmedsam".into(),
            client_id: None,
            user: None,
            password_file: None,
            results_per_s: 1.0,
            keep_alive_s: 15,
        }
    }
}

impl MqttConfig {
    /// Whether anything is told.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.broker.is_some()
    }

    /// Looks it over; no file is read.
    ///
    /// # Errors
    /// [`BadMqttSetting`]: the first key that cannot work.
    pub fn check(&self) -> Result<(), BadMqttSetting> {
        self.address()?;
        name("device", self.device.as_deref())?;
        name("client_id", self.client_id.as_deref())?;
        let levels = || self.prefix.split('/');
        require(
            self.prefix.len() <= LONGEST && levels().all(is_name),
            "prefix",
            "levels of up to 64 letters, digits, '-', '_' and '.', with '/' between them",
        )?;
        let user = self.user.as_deref().unwrap_or("-");
        require(
            !user.is_empty() && user.len() <= LONGEST && !user.contains(char::is_control),
            "user",
            "1 to 253 bytes, no control characters",
        )?;
        // MQTT 3.1.1, 3.1.2.9: no password without a user's name.
        require(
            self.user.is_some() || self.password_file.is_none(),
            "user",
            "a name, for mqtt.password_file",
        )?;
        require(
            (0.0..=MOST_RESULTS).contains(&self.results_per_s),
            "results_per_s",
            "0 to 4",
        )?;
        require(
            (1..=LONGEST_KEEP_ALIVE).contains(&self.keep_alive_s),
            "keep_alive_s",
            "1 to 3600",
        )
    }

    /// Host and port of the broker; `None` if there is none.
    pub(crate) fn address(&self) -> Result<Option<(String, u16)>, BadMqttSetting> {
        let Some(broker) = &self.broker else {
            return Ok(None);
        };
        let host_of = |host: &str| {
            let part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:[]%".contains(&byte);
            let bracketed = host.starts_with('[') && host.ends_with(']');
            let plain = !host.contains([':', '[', ']']);
            let fits = (1..=LONGEST).contains(&host.len()) && host.bytes().all(part);
            (fits && (plain || bracketed)).then(|| host.to_owned())
        };
        let found = broker.rsplit_once(':').and_then(|(host, port)| {
            let port = port.parse().ok().filter(|port| *port != 0)?;
            Some((host_of(host)?, port))
        });
        // What it is may hold a password, as addresses of other programs do: it is not repeated.
        let expected =
            "expected host:port, as \"127.0.0.1:1883\"; without mqtt://, user and password";
        found
            .map(Some)
            .ok_or_else(|| BadMqttSetting::new("broker", expected))
    }
}

/// Whether that can be a level of a topic: no '/', no wildcard, and nothing that a shell or a file's name minds.
pub(crate) fn is_name(text: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(part)
}

fn name(key: &'static str, found: Option<&str>) -> Result<(), BadMqttSetting> {
    let expected = "1 to 64 letters, digits, '-', '_' and '.'";
    require(found.is_none_or(is_name), key, expected)
}

fn require(works: bool, key: &'static str, expected: &str) -> Result<(), BadMqttSetting> {
    match works {
        true => Ok(()),
        false => Err(BadMqttSetting::new(key, format!("expected {expected}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> MqttConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_is_not_said_is_off() {
        let config = read("");
        assert_eq!(config, MqttConfig::default());
        assert_eq!((config.is_on(), config.check()), (false, Ok(())));
    }

    #[test]
    fn a_broker_has_a_host_and_a_port() {
        for (broker, host, port) in [
            ("127.0.0.1:1883", "127.0.0.1", 1883),
            ("broker.example:8883", "broker.example", 8883),
            ("[::1]:1883", "[::1]", 1883),
        ] {
            let config = read(&format!("broker = '{broker}'"));
            assert_eq!(config.check(), Ok(()));
            assert_eq!(config.address(), Ok(Some((host.into(), port))));
        }
        for broker in [
            "",
            "host",
            ":1883",
            "host:0",
            "host:70000",
            "::1:1883",
            "mqtt://me:hush@host:1883",
            "me@host:1883",
            "host/a:1883",
        ] {
            let error = read(&format!("broker = '{broker}'")).check().unwrap_err();
            assert_eq!(error.key, "broker", "{broker}");
            assert!(!error.to_string().contains("hush"), "{error}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused_by_its_key() {
        for (text, key) in [
            ("device = 'a b'", "device"),
            ("device = ''", "device"),
            ("device = 'a/b'", "device"),
            ("client_id = '+'", "client_id"),
            ("prefix = ''", "prefix"),
            ("prefix = '/a'", "prefix"),
            ("prefix = 'a//b'", "prefix"),
            ("prefix = 'a/#'", "prefix"),
            ("prefix = '$SYS'", "prefix"),
            ("user = ''", "user"),
            ("password_file = '/p'", "user"),
            ("results_per_s = -1", "results_per_s"),
            ("results_per_s = 4.5", "results_per_s"),
            ("results_per_s = nan", "results_per_s"),
            ("keep_alive_s = 0", "keep_alive_s"),
            ("keep_alive_s = 3601", "keep_alive_s"),
        ] {
            let error = read(text).check().unwrap_err();
            assert_eq!(error.key, key, "{text}");
            assert!(error.to_string().starts_with(&format!("mqtt.{key}: ")));
        }
        for text in [
            "prefix = 'clinic/ward-3'",
            "results_per_s = 0",
            "results_per_s = 0.2",
        ] {
            assert_eq!(read(text).check(), Ok(()), "{text}");
        }
        assert!(toml::from_str::<MqttConfig>("password = 'hush'").is_err());
    }
}
