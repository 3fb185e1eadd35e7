//! `http://user:password@host:port/path?query`, as far as a camera's address goes (RFC 3986).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// What every address begins with, in small or large letters.
pub(crate) const SCHEME: &str = "http://";

/// Where a stream is. The password is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HttpAddress {
    /// Without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Path and query, from the slash on.
    pub(super) target: String,
    /// Value of `Authorization` (RFC 7617).
    pub(super) authorization: Option<String>,
}

/// Why a text is no address that is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Another scheme.
    #[error("the address does not begin with 'http://', the only kind that is read here")]
    Scheme,
    /// No host.
    #[error("the address names no host")]
    Host,
    /// A port that is none.
    #[error("the address's port is no number from 1 to 65535")]
    Port,
    /// Characters that have to be written as `%XX`.
    #[error("the address has spaces or other characters that must be written as %XX")]
    Characters,
    /// Credentials with a wrong `%XX`.
    #[error("the address's user or password has a '%' without two hexadecimal digits")]
    Percent,
}

impl HttpAddress {
    /// Reads it.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let parts = text.split_at_checked(SCHEME.len());
        let (scheme, rest) = parts.ok_or(AddressError::Scheme)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(AddressError::Scheme);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AddressError::Characters);
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, target) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let (host, port) = match place.strip_prefix('[') {
            Some(v6) => v6.split_once(']').ok_or(AddressError::Host)?,
            None => place.split_at(place.find(':').unwrap_or(place.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(digits) => digits.parse().ok().filter(|port| *port > 0),
            None => port.is_empty().then_some(80),
        };
        if host.is_empty() {
            return Err(AddressError::Host);
        }
        Ok(Self {
            host: host.into(),
            port: port.ok_or(AddressError::Port)?,
            target: match target.starts_with('/') {
                true => target.into(),
                false => format!("/{target}"),
            },
            authorization: user.map(basic).transpose()?,
        })
    }

    /// Host and port as a header has them.
    pub(super) fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        let host = match host.contains(':') {
            true => format!("[{host}]"),
            false => host.clone(),
        };
        match port {
            80 => host,
            port => format!("{host}:{port}"),
        }
    }
}

impl TryFrom<String> for HttpAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl From<HttpAddress> for String {
    fn from(address: HttpAddress) -> Self {
        address.to_string()
    }
}

/// Neither user and password nor the query, where tokens are.
impl fmt::Display for HttpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.target.split('?').next().unwrap_or_default();
        write!(f, "http://{}{path}", self.authority())
    }
}

impl fmt::Debug for HttpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

fn basic(user: &str) -> Result<String, AddressError> {
    let mut bytes = user.bytes();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let value = digit()
                    .zip(digit())
                    .map(|(high, low)| (16 * high + low) as u8);
                value.ok_or(AddressError::Percent)?
            }
            byte => byte,
        });
    }
    if !plain.contains(&b':') {
        plain.push(b':');
    }
    Ok(format!("Basic {}", STANDARD.encode(plain)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        for (text, host, port, target, shown) in [
            ("http://cam", "cam", 80, "/", "http://cam/"),
            ("HTTP://cam/", "cam", 80, "/", "http://cam/"),
            (
                "http://cam:8081?action=stream",
                "cam",
                8081,
                "/?action=stream",
                "http://cam:8081/",
            ),
            (
                "http://10.0.0.2/a/b?c=/d#e",
                "10.0.0.2",
                80,
                "/a/b?c=/d",
                "http://10.0.0.2/a/b",
            ),
            ("http://[::1]:90/v", "::1", 90, "/v", "http://[::1]:90/v"),
            ("http://u:p%40@cam/", "cam", 80, "/", "http://cam/"),
        ] {
            let address = HttpAddress::parse(text).unwrap();
            let found = (&*address.host, address.port, &*address.target);
            assert_eq!(found, (host, port, target), "{text}");
            assert_eq!(
                (address.to_string(), format!("{address:?}")),
                (shown.into(), shown.into())
            );
        }
    }

    #[test]
    fn credentials_are_those_of_rfc_7617() {
        let sent = |text| HttpAddress::parse(text).unwrap().authorization;
        let example = "http://Aladdin:open%20sesame@cam/";
        assert_eq!(
            sent(example).as_deref(),
            Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        );
        assert_eq!(sent("http://u@cam/").as_deref(), Some("Basic dTo="));
        assert_eq!(sent("http://cam/a@b"), None);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (text, error) in [
            ("https://cam/", AddressError::Scheme),
            ("rtsp://cam/", AddressError::Scheme),
            ("", AddressError::Scheme),
            ("http://", AddressError::Host),
            ("http:///a", AddressError::Host),
            ("http://[::1/a", AddressError::Host),
            ("http://cam:0/", AddressError::Port),
            ("http://cam:65536/", AddressError::Port),
            ("http://cam:/", AddressError::Port),
            ("http://[::1]x/", AddressError::Port),
            ("http://cam/a b", AddressError::Characters),
            ("http://cam/\r\nX: y", AddressError::Characters),
            ("http://u:%4@cam/", AddressError::Percent),
        ] {
            assert_eq!(HttpAddress::parse(text), Err(error), "{text:?}");
        }
    }
}
