//! Keys of a maker and what is signed with them: Ed25519 (RFC 8032).

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::digest::Sha256Sum;

/// Said before the list when it is signed: the key's word on anything else is not its word on a package.
const SIGNED_AS: &[u8] = b"espmedsam package, format 1\n";
/// What a seal begins with.
const SEAL: &str = "ed25519";
/// What the file of a secret key begins with, so that it is not taken for a public one.
const SECRET: &str = "espmedsam-secret-key";
/// A secret key's file is a line.
const SECRET_BYTES: u64 = 256;
/// Letters of a key's name.
const NAME: usize = 64;

/// Which key signed: the first eight bytes of its SHA-256, as hex.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; 8]);

/// A maker's public key, as `[update] keys` has it: `NAME BASE64`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UpdateKey {
    name: String,
    key: VerifyingKey,
}

/// A maker's secret key. It never comes near a device.
pub struct SigningSecret {
    name: String,
    key: SigningKey,
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is not written as one.
    #[error("not a key: {0}")]
    Form(&'static str),
    /// The file cannot be read or written; it is never overwritten.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than its owner may read it.
    #[error("{}: others may read this secret key: chmod 600 it, and think about whether it is still secret", path.display())]
    Open {
        /// Which.
        path: PathBuf,
    },
    /// The system gives no random numbers.
    #[error("no random numbers from the system: {0}")]
    Random(getrandom::Error),
}

fn id_of(key: &VerifyingKey) -> KeyId {
    let sum = Sha256Sum::of(key.as_bytes());
    let mut id = [0; 8];
    id.copy_from_slice(&sum.bytes()[..8]);
    KeyId(id)
}

/// `NAME BASE64` of 32 bytes.
fn read_line(line: &str) -> Result<(String, [u8; 32]), KeyError> {
    let (name, text) = line
        .split_once(' ')
        .ok_or(KeyError::Form("expected a name, a blank, and base64"))?;
    check_name(name)?;
    let bytes = STANDARD
        .decode(text)
        .map_err(|_| KeyError::Form("what comes after the name is not base64"))?;
    let bytes = bytes
        .try_into()
        .map_err(|_| KeyError::Form("what comes after the name has not 32 bytes"))?;
    Ok((name.into(), bytes))
}

fn check_name(name: &str) -> Result<(), KeyError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match (1..=NAME).contains(&name.len()) && name.bytes().all(plain) {
        true => Ok(()),
        false => Err(KeyError::Form(
            "a name has 1 to 64 letters, digits, '-', '_' or '.'",
        )),
    }
}

impl UpdateKey {
    /// What its owner calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a package calls it.
    #[must_use]
    pub fn id(&self) -> KeyId {
        id_of(&self.key)
    }

    /// Whether the seal is this key's word on the list. Strict, as in RFC 8032, 5.1.7, with keys and points of small order refused.
    pub(crate) fn approves(&self, list: &[u8], seal: &Seal) -> bool {
        let signature = Signature::from_bytes(&seal.signature);
        self.key
            .verify_strict(&[SIGNED_AS, list].concat(), &signature)
            .is_ok()
    }
}

impl FromStr for UpdateKey {
    type Err = KeyError;

    fn from_str(line: &str) -> Result<Self, KeyError> {
        let (name, bytes) = read_line(line)?;
        let key = VerifyingKey::from_bytes(&bytes)
            .ok()
            .filter(|key| !key.is_weak())
            .ok_or(KeyError::Form("these bytes are no Ed25519 key"))?;
        Ok(Self { name, key })
    }
}

impl TryFrom<String> for UpdateKey {
    type Error = KeyError;

    fn try_from(line: String) -> Result<Self, KeyError> {
        line.parse()
    }
}

impl From<UpdateKey> for String {
    fn from(key: UpdateKey) -> Self {
        key.to_string()
    }
}

impl fmt::Display for UpdateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, STANDARD.encode(self.key.as_bytes()))
    }
}

impl SigningSecret {
    /// A new one, from the system's random numbers.
    ///
    /// # Errors
    /// [`KeyError::Form`] of the name, [`KeyError::Random`].
    pub fn generate(name: &str) -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(KeyError::Random)?;
        Self::from_seed(name, &seed)
    }

    /// The one that these bytes make (RFC 8032, 5.1.5).
    ///
    /// # Errors
    /// [`KeyError::Form`] of the name.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        check_name(name)?;
        Ok(Self {
            name: name.into(),
            key: SigningKey::from_bytes(seed),
        })
    }

    /// Reads the file that [`SigningSecret::save`] wrote.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let failed = |source| KeyError::File {
            path: path.into(),
            source,
        };
        let file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.mode() & 0o077 != 0 {
            return Err(KeyError::Open { path: path.into() });
        }
        let mut line = String::new();
        file.take(SECRET_BYTES)
            .read_to_string(&mut line)
            .map_err(failed)?;
        let rest = line
            .strip_suffix('\n')
            .and_then(|line| line.strip_prefix(SECRET)?.strip_prefix(' '))
            .ok_or(KeyError::Form("not the file of a secret key"))?;
        let (name, seed) = read_line(rest)?;
        Self::from_seed(&name, &seed)
    }

    /// Writes it to a new file, which its owner alone may read.
    ///
    /// # Errors
    /// [`KeyError::File`], also if the file is there.
    pub fn save(&self, path: &Path) -> Result<(), KeyError> {
        let seed = STANDARD.encode(self.key.as_bytes());
        let line = format!("{SECRET} {} {seed}\n", self.name);
        let write = || {
            let mut options = OpenOptions::new();
            let mut file = options
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)?;
            file.write_all(line.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|source| KeyError::File {
            path: path.into(),
            source,
        })
    }

    /// What devices are given to know it by.
    #[must_use]
    pub fn public(&self) -> UpdateKey {
        UpdateKey {
            name: self.name.clone(),
            key: self.key.verifying_key(),
        }
    }

    pub(crate) fn seal(&self, list: &[u8]) -> Seal {
        let signature = self.key.sign(&[SIGNED_AS, list].concat());
        Seal {
            key: id_of(&self.key.verifying_key()),
            signature: signature.to_bytes(),
        }
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never its bytes.
        write!(f, "SigningSecret({})", self.name)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a package's second entry says: `ed25519 KEY BASE64`, one line, one way to write it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seal {
    pub key: KeyId,
    signature: [u8; 64],
}

impl Seal {
    /// Bytes of the line.
    pub const BYTES: u64 = 7 + 1 + 16 + 1 + 88 + 1;

    /// `None`: it is not written as one.
    pub fn read(line: &[u8]) -> Option<Self> {
        let text = str::from_utf8(line).ok()?.strip_suffix('\n')?;
        let (id, signature) = text
            .strip_prefix(SEAL)?
            .strip_prefix(' ')?
            .split_once(' ')?;
        let id = u64::from_str_radix(id, 16).ok()?;
        let seal = Self {
            key: KeyId(id.to_be_bytes()),
            signature: STANDARD.decode(signature).ok()?.try_into().ok()?,
        };
        (seal.to_string().as_bytes() == line).then_some(seal)
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = STANDARD.encode(self.signature);
        writeln!(f, "{SEAL} {} {signature}", self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> SigningSecret {
        SigningSecret::from_seed("maker-2026", &[7; 32]).unwrap()
    }

    #[test]
    fn keys_are_written_and_read_back() {
        let key = secret().public();
        assert_eq!(key.to_string().parse::<UpdateKey>().unwrap(), key);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let made = SigningSecret::generate("maker").unwrap();
        made.save(&path).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        let loaded = SigningSecret::load(&path).unwrap();
        assert_eq!(loaded.public(), made.public());
        assert!(matches!(made.save(&path), Err(KeyError::File { .. })));
        let other = SigningSecret::generate("maker").unwrap();
        assert_ne!(other.public(), made.public());
    }

    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        secret().save(&path).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let error = SigningSecret::load(&path).unwrap_err();
        assert!(matches!(error, KeyError::Open { .. }), "{error}");
    }

    #[test]
    fn one_kind_of_key_is_not_taken_for_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        secret().save(&path).unwrap();
        let line = std::fs::read_to_string(&path).unwrap();
        assert!(line.trim_end().parse::<UpdateKey>().is_err());
        assert!(!format!("{:?}", secret()).contains(line.trim_end().rsplit(' ').next().unwrap()));
        std::fs::write(&path, format!("{}\n", secret().public())).unwrap();
        let error = SigningSecret::load(&path).unwrap_err();
        assert!(matches!(error, KeyError::Form(_)), "{error}");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let key = secret().public().to_string();
        let (name, text) = key.split_once(' ').unwrap();
        for wrong in [
            String::new(),
            name.into(),
            format!("{name} "),
            format!(" {text}"),
            format!("a b {text}"),
            format!("{name}  {text}"),
            format!("{name} {text}\n"),
            format!("{name} {}", &text[..text.len() - 4]),
            format!("{name} {text}AAAA"),
            // The neutral point, whose signatures fit anything.
            format!("{name} AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
            format!("{} {text}", "a".repeat(65)),
        ] {
            assert!(wrong.parse::<UpdateKey>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn signatures_are_those_of_rfc_8032() {
        // 7.1, test 1: the key alone, as nothing but lists is signed here.
        let seed: Sha256Sum = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
            .parse()
            .unwrap();
        let public: Sha256Sum = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
            .parse()
            .unwrap();
        let secret = SigningSecret::from_seed("rfc", seed.bytes()).unwrap();
        assert_eq!(secret.public().key.as_bytes(), public.bytes());
    }

    #[test]
    fn a_seal_fits_one_list_and_one_key() {
        let seal = secret().seal(b"list");
        let key = secret().public();
        assert!(key.approves(b"list", &seal));
        assert!(!key.approves(b"lost", &seal));
        let other = SigningSecret::from_seed("other", &[8; 32]).unwrap();
        assert!(!other.public().approves(b"list", &seal));
        // What the key signs elsewhere is not a package.
        let elsewhere = Seal {
            key: seal.key,
            signature: secret().key.sign(b"list").to_bytes(),
        };
        assert!(!key.approves(b"list", &elsewhere));

        let line = seal.to_string();
        assert_eq!(line.len() as u64, Seal::BYTES);
        assert!(Seal::read(line.as_bytes()).is_some_and(|again| key.approves(b"list", &again)));
        for wrong in [
            line.to_uppercase(),
            line.replace(' ', "  "),
            format!("{line}\n"),
            line.trim_end().into(),
        ] {
            assert!(Seal::read(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }
}
