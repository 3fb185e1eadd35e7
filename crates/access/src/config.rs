//! The section `[access]`.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Names that the certificate made here may be for, besides the machine's own.
const MOST_NAMES: usize = 32;

/// Callers from other machines: by TLS and with a token, always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessConfig {
    /// Address and port for other machines, beside `server.listen`, which stays as it is. Nobody is let in from elsewhere
    /// unless it is set.
    pub listen: Option<SocketAddr>,
    /// The folder of tokens, of the certificate that is made here, and of the record of what callers changed, which is kept if this
    /// is set. A package's is `/var/lib/espmedsam/access`.
    pub folder: Option<PathBuf>,
    /// An own certificate, PEM, with the chain to its authority; together with `key`.
    pub certificate: Option<PathBuf>,
    /// Its key, PEM.
    pub key: Option<PathBuf>,
    /// Names and addresses that the certificate made here is for, besides `localhost`, this machine's name and that with
    /// `.local` after it. It is made once: remove `identity.pem` for another.
    pub names: Vec<String>,
    /// Requests that one token may make in a second; twice as many at once.
    pub requests_per_s: u32,
    /// How often one address may come without a good token in a minute, before it is told to wait.
    pub failures_per_minute: u32,
    /// How long a browser that has shown a token may stay, hours.
    pub session_h: u32,
}

impl Default for AccessConfig {
    fn default() -> Self {
        Self {
            listen: None,
            folder: None,
            certificate: None,
            key: None,
            names: Vec::new(),
            requests_per_s: 100,
            failures_per_minute: 10,
            session_h: 12,
        }
    }
}

/// A setting that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("access setting `{key}`: {reason}")]
pub struct BadAccessSetting {
    /// The key at fault.
    pub key: &'static str,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl AccessConfig {
    /// Checks what the types cannot.
    ///
    /// # Errors
    /// Limits of zero, half a certificate, names that no certificate could be for.
    pub fn check(&self) -> Result<(), BadAccessSetting> {
        let bad = |key, reason| Err(BadAccessSetting { key, reason });
        let limits = [
            ("requests_per_s", self.requests_per_s),
            ("failures_per_minute", self.failures_per_minute),
            ("session_h", self.session_h),
        ];
        if let Some((key, _)) = limits.into_iter().find(|(_, limit)| *limit == 0) {
            return bad(key, "must be at least 1");
        }
        if self.session_h > 24 * 7 {
            return bad("session_h", "must be at most 168, a week");
        }
        if self.listen.is_some() && self.folder.is_none() {
            return bad("folder", "must be set where `listen` is: tokens lie in it");
        }
        if self.certificate.is_some() != self.key.is_some() {
            return bad("certificate", "needs `key`, and `key` needs it");
        }
        if self.names.len() > MOST_NAMES {
            return bad("names", "must be at most 32");
        }
        if !self.names.iter().all(|name| is_name(name)) {
            return bad(
                "names",
                "must hold names and addresses as they stand in a URL, without a port: \"board.clinic.example\", \"10.0.0.7\"",
            );
        }
        Ok(())
    }

    pub(crate) fn requests_per_s(&self) -> NonZeroU32 {
        NonZeroU32::new(self.requests_per_s).unwrap_or(NonZeroU32::MIN)
    }

    pub(crate) fn failures_per_minute(&self) -> NonZeroU32 {
        NonZeroU32::new(self.failures_per_minute).unwrap_or(NonZeroU32::MIN)
    }

    pub(crate) fn session(&self) -> Duration {
        Duration::from_secs(u64::from(self.session_h) * 3600)
    }

    /// What a certificate made here is for, on a machine of that name.
    #[must_use]
    pub fn all_names(&self, host: &str) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let own = [host.to_owned(), format!("{host}.local"), "localhost".into()];
        let own = own.into_iter().filter(|name| is_name(name));
        for name in own.chain(self.names.iter().cloned()) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        all
    }
}

/// A name of DNS (RFC 1123 §2.1), or an address.
fn is_name(text: &str) -> bool {
    let fit = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let label = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(fit);
    text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.split('.').all(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_let_in_unless_it_is_set() {
        let config = AccessConfig::default();
        assert_eq!((config.listen, config.check()), (None, Ok(())));
    }

    #[test]
    fn settings_that_cannot_work_name_their_key() {
        let key = |config: AccessConfig| config.check().unwrap_err().key;
        let base = AccessConfig::default;
        let half = || Some(PathBuf::from("a.pem"));
        #[rustfmt::skip]
        let found = [
            key(AccessConfig { requests_per_s: 0, ..base() }),
            key(AccessConfig { failures_per_minute: 0, ..base() }),
            key(AccessConfig { session_h: 169, ..base() }),
            key(AccessConfig { listen: "0.0.0.0:8443".parse().ok(), ..base() }),
            key(AccessConfig { certificate: half(), ..base() }),
            key(AccessConfig { key: half(), ..base() }),
            key(AccessConfig { names: vec!["a b".into()], ..base() }),
            key(AccessConfig { names: vec!["a:443".into()], ..base() }),
            key(AccessConfig { names: vec!["a".into(); 33], ..base() }),
        ];
        let expected = [
            "requests_per_s",
            "failures_per_minute",
            "session_h",
            "folder",
            "certificate",
            "certificate",
            "names",
            "names",
            "names",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_certificate_is_for_the_machine_s_names_and_those_that_are_set() {
        let config = AccessConfig {
            names: ["10.0.0.7", "localhost"].map(String::from).into(),
            ..AccessConfig::default()
        };
        assert_eq!(config.check(), Ok(()));
        let names = ["board", "board.local", "localhost", "10.0.0.7"];
        assert_eq!(config.all_names("board"), names);
        // A machine may be called what no certificate can be for.
        assert_eq!(config.all_names("a_b"), ["localhost", "10.0.0.7"]);
    }
}
