//! `host:port`.

use std::fmt;

use igtl::IGTL_PORT;
use serde::{Deserialize, Serialize};

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LinkAddress {
    /// Its name or address, without brackets.
    pub(super) host: String,
    /// Its port; [`IGTL_PORT`] where none is said.
    pub(super) port: u16,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a server as host:port, its port ({IGTL_PORT} if left out) from 1 to 65535")]
pub struct BadLinkAddress;

impl TryFrom<String> for LinkAddress {
    type Error = BadLinkAddress;

    fn try_from(text: String) -> Result<Self, BadLinkAddress> {
        let (host, port) = match text.strip_prefix('[') {
            Some(v6) => v6.split_once(']').ok_or(BadLinkAddress)?,
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(digits) => digits.parse().ok().filter(|port| *port > 0),
            None => port.is_empty().then_some(IGTL_PORT),
        };
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'@' | b'[');
        match !host.is_empty() && host.bytes().all(plain) {
            true => Ok(Self {
                host: host.into(),
                port: port.ok_or(BadLinkAddress)?,
            }),
            false => Err(BadLinkAddress),
        }
    }
}

impl From<LinkAddress> for String {
    fn from(address: LinkAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for LinkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        match host.contains(':') {
            true => write!(f, "[{host}]:{port}"),
            false => write!(f, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, shown) in [
            ("127.0.0.1:18945", "127.0.0.1:18945"),
            ("plus.local", "plus.local:18944"),
            ("[::1]:7", "[::1]:7"),
            ("[fe80::1]", "[fe80::1]:18944"),
        ] {
            let address = LinkAddress::try_from(text.to_owned()).unwrap();
            assert_eq!(String::from(address), shown);
        }
        for text in [
            "", ":18944", "a:0", "a:65536", "a:", "a:b", "::1", "[::1", "[::1]x", "a b",
            "http://a", "a/b", "u@a",
        ] {
            assert!(LinkAddress::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
