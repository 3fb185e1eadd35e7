//! What the server may spend, and whom it talks to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of the HTTP side. Every field has a default that works; unknown keys are refused.
///
/// Memory: bodies being received or queued cost at most about twice `upload_budget_mib` (a growing buffer holds up
/// to twice what it was charged for); decoded pictures and replies exist for at most `max_in_flight` requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port. Loopback unless set otherwise: there is no login.
    pub listen: SocketAddr,
    /// Host names (without port) that clients may call this server by, besides `localhost` and IP addresses.
    /// On loopback all others are refused, against DNS rebinding; elsewhere an empty list allows every name.
    pub allowed_hosts: Vec<String>,
    /// Largest request body, MiB.
    pub body_limit_mib: u32,
    /// All request bodies that are being received or wait in the queue, together, MiB.
    pub upload_budget_mib: u32,
    /// Request headers (and an idle kept-alive connection) must be complete within this, seconds.
    pub header_timeout_s: u32,
    /// A request body must have arrived within this, seconds.
    pub body_timeout_s: u32,
    /// Longest wait for the engine's answer, seconds.
    pub request_timeout_s: u32,
    /// A reply must have been taken by the client within this, seconds.
    pub reply_timeout_s: u32,
    /// After the stop signal, accepted requests get this long to be answered, seconds.
    pub shutdown_timeout_s: u32,
    /// Open connections; further ones are answered 503 and closed.
    pub max_connections: u32,
    /// Requests between the engine's queue and the last byte of their reply. More than the queue holds, or the
    /// queue never fills.
    pub max_in_flight: u32,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            allowed_hosts: Vec::new(),
            body_limit_mib: 16,
            upload_budget_mib: 64,
            header_timeout_s: 10,
            body_timeout_s: 10,
            request_timeout_s: 60,
            reply_timeout_s: 30,
            shutdown_timeout_s: 90,
            max_connections: 256,
            max_in_flight: 16,
        }
    }
}

/// A setting that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("server setting `{key}`: {reason}")]
pub struct ConfigError {
    /// The key at fault.
    pub key: &'static str,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl ServerConfig {
    /// Checks what the types cannot.
    ///
    /// # Errors
    /// Zero or overlarge limits, and an upload budget that could not hold one body.
    pub fn check(&self) -> Result<(), ConfigError> {
        let positive = [
            ("body_limit_mib", self.body_limit_mib),
            ("upload_budget_mib", self.upload_budget_mib),
            ("header_timeout_s", self.header_timeout_s),
            ("body_timeout_s", self.body_timeout_s),
            ("request_timeout_s", self.request_timeout_s),
            ("reply_timeout_s", self.reply_timeout_s),
            ("shutdown_timeout_s", self.shutdown_timeout_s),
            ("max_connections", self.max_connections),
            ("max_in_flight", self.max_in_flight),
        ];
        if let Some((key, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError {
                key,
                reason: "must be at least 1",
            });
        }
        // The semaphores count in u32 KiB and hold fewer permits on 32-bit boards.
        if self.upload_budget_mib > 65_536 {
            return Err(ConfigError {
                key: "upload_budget_mib",
                reason: "must be at most 65536 (64 GiB)",
            });
        }
        if self.upload_budget_mib < self.body_limit_mib {
            return Err(ConfigError {
                key: "upload_budget_mib",
                reason: "must be at least body_limit_mib",
            });
        }
        Ok(())
    }

    /// Largest body in bytes.
    pub(super) fn body_limit(&self) -> u64 {
        u64::from(self.body_limit_mib) << 20
    }

    /// The upload budget in KiB, the unit of its semaphore.
    pub(super) fn upload_budget_kib(&self) -> usize {
        (self.upload_budget_mib as usize).saturating_mul(1024)
    }
}

/// Seconds of a setting as a [`Duration`].
pub(super) fn seconds(setting: u32) -> Duration {
    Duration::from_secs(u64::from(setting))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_loopback_and_pass_their_own_check() {
        let config = ServerConfig::default();
        assert!(config.listen.ip().is_loopback());
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn toml_may_be_empty_or_partial_and_unknown_keys_are_refused() {
        assert_eq!(
            toml::from_str::<ServerConfig>("").unwrap(),
            ServerConfig::default()
        );
        let partial: ServerConfig = toml::from_str("body_limit_mib = 3").unwrap();
        assert_eq!(
            partial,
            ServerConfig {
                body_limit_mib: 3,
                ..ServerConfig::default()
            }
        );
        assert!(
            toml::from_str::<ServerConfig>("body_limit = 3")
                .unwrap_err()
                .to_string()
                .contains("body_limit")
        );
    }

    #[test]
    fn settings_that_cannot_work_name_their_key() {
        let key = |config: ServerConfig| config.check().unwrap_err().key;
        let base = ServerConfig::default;
        assert_eq!(
            key(ServerConfig {
                max_in_flight: 0,
                ..base()
            }),
            "max_in_flight"
        );
        assert_eq!(
            key(ServerConfig {
                upload_budget_mib: 8,
                ..base()
            }),
            "upload_budget_mib"
        );
        assert_eq!(
            key(ServerConfig {
                upload_budget_mib: u32::MAX,
                ..base()
            }),
            "upload_budget_mib"
        );
    }
}
