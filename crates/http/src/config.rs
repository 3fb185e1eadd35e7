//! What the server may spend, and whom it talks to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::http::uri::Authority;
use serde::{Deserialize, Serialize};

/// Settings of the HTTP side. Every field has a default that works; unknown keys are refused.
///
/// Memory: bodies being received or queued cost at most about twice `upload_budget_mib` (a growing buffer holds up
/// to twice what it was charged for); decoded pictures have the engine's budget; replies being read cost at most
/// `reply_budget_mib`, or as much as one longer reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port for callers on this machine: there is no login. Other machines come in by `access.listen`.
    pub listen: SocketAddr,
    /// That `listen` and `grpc` may be addresses which other machines reach, though nobody is asked who they are: something in front asks and
    /// encrypts (a proxy, a cluster's mesh), or all neighbours are trusted.
    pub trust_network: bool,
    /// Address and port of gRPC, under the same rule; none unless it is set.
    pub grpc: Option<SocketAddr>,
    /// Names that clients may call this server by, besides `localhost` and IP addresses; with a port
    /// (`box.local:8080`) only on that one. A proxy's public name belongs here. On loopback all others are refused,
    /// against DNS rebinding; elsewhere an empty list allows every name.
    pub allowed_hosts: Vec<String>,
    /// Web sites that may call this server from a browser and read its replies, as browsers write their origin:
    /// `https://viewer.example`, or `null` for pages without one. None, unless set.
    pub allowed_origins: Vec<String>,
    /// Largest request body, MiB.
    pub body_limit_mib: u32,
    /// All request bodies that are being received or wait in the queue, together, MiB.
    pub upload_budget_mib: u32,
    /// A connection's first request headers must be complete within this, seconds.
    pub header_timeout_s: u32,
    /// The next headers on a kept-alive connection must be complete within this, seconds. Longer than clients keep
    /// idle connections for, or they send into one that is being closed.
    pub idle_timeout_s: u32,
    /// A request body must have arrived within this, seconds.
    pub body_timeout_s: u32,
    /// Longest wait for the engine's answer, seconds.
    pub request_timeout_s: u32,
    /// A client that takes nothing of its reply for so long is cut off, seconds.
    pub reply_timeout_s: u32,
    /// All replies that clients are reading, together, MiB. When the next one does not fit, the client that has taken
    /// nothing for longest is cut off.
    pub reply_budget_mib: u32,
    /// After the stop signal everything has ended within this, seconds: accepted requests are answered in the first
    /// three quarters of it, what is left is given up.
    pub shutdown_timeout_s: u32,
    /// Open connections; further ones are answered 503 and closed.
    pub max_connections: u32,
    /// Requests between the engine's queue and their rendered reply. More than the queue holds, or the queue never
    /// fills.
    pub max_in_flight: u32,
    /// Those who look at live sources at once. Most keep a connection for as long as they look: with as many of these, none
    /// is left for anything else.
    pub max_viewers: u32,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            trust_network: false,
            grpc: None,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            body_limit_mib: 16,
            upload_budget_mib: 64,
            header_timeout_s: 10,
            idle_timeout_s: 75,
            body_timeout_s: 10,
            request_timeout_s: 60,
            reply_timeout_s: 30,
            reply_budget_mib: 64,
            shutdown_timeout_s: 4,
            max_connections: 256,
            max_in_flight: 16,
            max_viewers: 16,
        }
    }
}

/// A setting that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("server setting `{key}`: {reason}")]
pub struct BadSetting {
    /// The key at fault.
    pub key: &'static str,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl ServerConfig {
    /// Checks what the types cannot.
    ///
    /// # Errors
    /// Zero or overlarge limits, an upload budget that could not hold one body, names that no client would send.
    pub fn check(&self) -> Result<(), BadSetting> {
        if !self.listen.ip().is_loopback() && !self.trust_network {
            return Err(BadSetting {
                key: "listen",
                reason: "beyond loopback anybody could call, and read: let other machines in by `access.listen`, with TLS and tokens; \
                         where something in front asks who is there, set `trust_network` (--trust-network)",
            });
        }
        if self.grpc.is_some_and(|grpc| !grpc.ip().is_loopback()) && !self.trust_network {
            return Err(BadSetting {
                key: "grpc",
                reason: "beyond loopback anybody could call, and read: where something in front asks who is there, \
                         set `trust_network` (--trust-network)",
            });
        }
        let positive = [
            ("body_limit_mib", self.body_limit_mib),
            ("upload_budget_mib", self.upload_budget_mib),
            ("header_timeout_s", self.header_timeout_s),
            ("idle_timeout_s", self.idle_timeout_s),
            ("body_timeout_s", self.body_timeout_s),
            ("request_timeout_s", self.request_timeout_s),
            ("reply_timeout_s", self.reply_timeout_s),
            ("reply_budget_mib", self.reply_budget_mib),
            ("shutdown_timeout_s", self.shutdown_timeout_s),
            ("max_connections", self.max_connections),
            ("max_in_flight", self.max_in_flight),
            ("max_viewers", self.max_viewers),
        ];
        if let Some((key, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return Err(BadSetting {
                key,
                reason: "must be at least 1",
            });
        }
        // The semaphores count in u32 KiB and hold fewer permits on 32-bit boards.
        if self.upload_budget_mib > 65_536 {
            return Err(BadSetting {
                key: "upload_budget_mib",
                reason: "must be at most 65536 (64 GiB)",
            });
        }
        if self.upload_budget_mib < self.body_limit_mib {
            return Err(BadSetting {
                key: "upload_budget_mib",
                reason: "must be at least body_limit_mib",
            });
        }
        if !self.allowed_hosts.iter().all(|entry| is_host(entry)) {
            return Err(BadSetting {
                key: "allowed_hosts",
                reason: "must hold names or addresses, each alone or with a port: \"box.local\", \"box.local:8080\"",
            });
        }
        if !self.allowed_origins.iter().all(|entry| is_origin(entry)) {
            return Err(BadSetting {
                key: "allowed_origins",
                reason: "must hold origins as browsers write them, in lower case and without a path: \
                         \"https://viewer.example\", \"http://localhost:3000\", or \"null\"",
            });
        }
        Ok(())
    }

    /// Largest body in bytes.
    pub(super) fn body_limit(&self) -> u64 {
        u64::from(self.body_limit_mib) << 20
    }

    /// The upload budget in KiB, the unit of its pool.
    pub(super) fn upload_budget_kib(&self) -> u32 {
        self.upload_budget_mib.saturating_mul(1024)
    }

    /// The reply budget in bytes.
    pub(super) fn reply_budget(&self) -> usize {
        (self.reply_budget_mib as usize).saturating_mul(1 << 20)
    }
}

/// Whether this could stand in a `Host` header.
fn is_host(text: &str) -> bool {
    let parsed = text.parse::<Authority>();
    parsed.is_ok_and(|authority| !authority.host().is_empty() && !text.contains(['@', '*']))
}

/// Whether this could stand in an `Origin` header (RFC 6454 §6.2).
fn is_origin(text: &str) -> bool {
    let parts = text.split_once("://");
    let written = parts.is_some_and(|(scheme, host)| !scheme.is_empty() && is_host(host));
    text == "null" || (written && !text.contains(|c: char| c.is_ascii_uppercase()))
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
        for listen in ["0.0.0.0:8080", "[::]:8080", "192.168.0.7:8080"] {
            let listen = listen.parse().unwrap();
            let open = ServerConfig { listen, ..base() };
            assert_eq!(key(open.clone()), "listen");
            let trusted = ServerConfig {
                trust_network: true,
                ..open
            };
            assert_eq!(trusted.check(), Ok(()));
        }
        let open = ServerConfig {
            grpc: Some("0.0.0.0:8001".parse().unwrap()),
            ..base()
        };
        assert_eq!(key(open.clone()), "grpc");
        let trusted = ServerConfig {
            trust_network: true,
            ..open
        };
        assert_eq!(trusted.check(), Ok(()));
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
        assert_eq!(
            key(ServerConfig {
                idle_timeout_s: 0,
                ..base()
            }),
            "idle_timeout_s"
        );
    }

    #[test]
    fn hosts_and_origins_are_taken_as_clients_write_them() {
        let hosts = |entry: &str| ServerConfig {
            allowed_hosts: vec![entry.into()],
            ..ServerConfig::default()
        };
        for entry in [
            "board.lan",
            "localhost:8080",
            "box.local:8080",
            "[::1]:8080",
            "10.0.0.7",
        ] {
            assert_eq!(hosts(entry).check(), Ok(()), "{entry}");
        }
        for entry in ["", "http://board.lan", "board.lan/", "*", "a@b", "::1"] {
            let error = hosts(entry).check().unwrap_err();
            assert_eq!(error.key, "allowed_hosts", "{entry}");
        }
        let origins = |entry: &str| ServerConfig {
            allowed_origins: vec![entry.into()],
            ..ServerConfig::default()
        };
        for entry in [
            "https://viewer.example",
            "http://localhost:3000",
            "http://[::1]:3000",
            "app://viewer",
            "null",
        ] {
            assert_eq!(origins(entry).check(), Ok(()), "{entry}");
        }
        for entry in [
            "",
            "*",
            "https://*.example",
            "viewer.example",
            "https://viewer.example/",
            "https://Viewer.example",
            "https://",
            "://viewer.example",
            "Null",
        ] {
            let error = origins(entry).check().unwrap_err();
            assert_eq!(error.key, "allowed_origins", "{entry}");
        }
    }
}
