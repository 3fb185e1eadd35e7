//! `[openigtlink]`.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use igtl::HeaderVersion;
use serde::{Deserialize, Serialize};

/// Clients that may be let in at once.
const CLIENTS: RangeInclusive<usize> = 1..=16;
/// Versions of headers that are sent.
const VERSIONS: RangeInclusive<u8> = 1..=2;

/// `[openigtlink]`: off, unless it is said where to listen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuidanceConfig {
    /// Address and port to listen on; none: no server. There is no login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Clients at once; one more is turned away.
    pub clients: usize,
    /// Version of the headers of what is sent, 1 or 2. Who says something by an older one is answered by that.
    pub header_version: u8,
    /// Whether the picture is sent that a label map belongs to.
    pub pictures: bool,
}

impl Default for GuidanceConfig {
    fn default() -> Self {
        Self {
            listen: None,
            clients: 4,
            header_version: 2,
            pictures: true,
        }
    }
}

/// A setting that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("openigtlink.{key}: expected {expected}, found {found}")]
pub struct BadGuidanceSetting {
    key: &'static str,
    expected: String,
    found: usize,
}

impl GuidanceConfig {
    /// Whether it can work.
    ///
    /// # Errors
    /// [`BadGuidanceSetting`].
    pub fn check(&self) -> Result<(), BadGuidanceSetting> {
        let bad = |key, expected, found| BadGuidanceSetting {
            key,
            expected,
            found,
        };
        if !CLIENTS.contains(&self.clients) {
            return Err(bad("clients", format!("{CLIENTS:?}"), self.clients));
        }
        if !VERSIONS.contains(&self.header_version) {
            let found = self.header_version.into();
            return Err(bad("header_version", format!("{VERSIONS:?}"), found));
        }
        Ok(())
    }

    pub(crate) fn version(&self) -> HeaderVersion {
        match self.header_version {
            1 => HeaderVersion::One,
            _ => HeaderVersion::Two,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_off_unless_told_otherwise_and_passes_its_own_check() {
        let config = GuidanceConfig::default();
        assert_eq!((config.listen, config.check()), (None, Ok(())));
        let read: GuidanceConfig = toml::from_str("listen = '127.0.0.1:18945'").unwrap();
        assert!(
            read.listen
                .is_some_and(|address| address.ip().is_loopback())
        );
        for (text, key) in [
            (
                "clients = 0",
                "openigtlink.clients: expected 1..=16, found 0",
            ),
            ("clients = 17", "openigtlink.clients"),
            (
                "header_version = 3",
                "openigtlink.header_version: expected 1..=2",
            ),
        ] {
            let bad = toml::from_str::<GuidanceConfig>(text).unwrap().check();
            assert!(bad.unwrap_err().to_string().starts_with(key), "{text}");
        }
        assert!(toml::from_str::<GuidanceConfig>("port = 1").is_err());
    }
}
