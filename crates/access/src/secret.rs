//! Secrets that nobody guesses, and what is kept of them.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// What a secret begins with, so that whoever finds one in a file knows what it is.
const MARK: &str = "espm_";
const BYTES: usize = 32;

/// 256 random bits, as text: a token, or what a browser's cookie holds.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessSecret(String);

/// What is kept of a secret: its SHA-256. Of 256 random bits that is enough: there is nothing to try one after the other, so a
/// slow hash, which passwords need, would only slow every request down.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretDigest([u8; BYTES]);

impl AccessSecret {
    /// A new one.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn draw() -> Result<Self, getrandom::Error> {
        let mut random = [0; BYTES];
        getrandom::fill(&mut random)?;
        Ok(Self(format!(
            "{MARK}{}",
            BASE64_URL_SAFE_NO_PAD.encode(random)
        )))
    }

    /// To be shown once.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Nothing of it.
impl fmt::Debug for AccessSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessSecret(..)")
    }
}

impl SecretDigest {
    /// Of a text that may be a secret.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// Whether it is the same, in the same time whether it is or not.
    pub fn is(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(..)")
    }
}

impl From<SecretDigest> for String {
    fn from(digest: SecretDigest) -> Self {
        BASE64_URL_SAFE_NO_PAD.encode(digest.0)
    }
}

/// It is no SHA-256 in base64url.
#[derive(Debug, thiserror::Error)]
#[error("not 32 bytes in base64url")]
pub struct NoDigest;

impl TryFrom<String> for SecretDigest {
    type Error = NoDigest;

    fn try_from(text: String) -> Result<Self, NoDigest> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| NoDigest)?;
        Ok(Self(bytes.try_into().map_err(|_| NoDigest)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_different_and_shown_to_nobody_by_chance() {
        let [one, other] = [(); 2].map(|()| AccessSecret::draw().unwrap());
        assert_ne!(one, other);
        // 256 bits, six a letter (RFC 4648 §5).
        assert_eq!(one.text().len(), MARK.len() + 43);
        assert!(one.text().starts_with(MARK));
        let shown = format!("{one:?} {:?}", SecretDigest::of(one.text()));
        assert!(!shown.contains(&one.text()[MARK.len()..]));
    }

    #[test]
    fn what_is_kept_is_sha_256_and_tells_secrets_apart() {
        // FIPS 180-4, the example of one block: SHA-256("abc").
        let kept = String::from(SecretDigest::of("abc"));
        assert_eq!(kept, "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
        let again = SecretDigest::try_from(kept).unwrap();
        assert!(bool::from(again.is(&SecretDigest::of("abc"))));
        assert!(!bool::from(again.is(&SecretDigest::of("abd"))));
        for bad in ["", "ungW", "not base64 at all!"] {
            assert!(SecretDigest::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
