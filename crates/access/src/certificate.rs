//! What TLS is spoken with: the owner's certificate, or one that is made at the first start and signed by itself. People compare
//! its fingerprint, which the service tells at its start, and programs are given the file.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::{Disk, FOR_ALL, FOR_OWNER};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

use crate::folder::give_to_owner_of;

/// Key and certificate in one file, so that there is never one without the other.
const IDENTITY: &str = "identity.pem";
/// The certificate again, for whoever is to be given it.
const PUBLIC: &str = "certificate.pem";
/// How the handshake names what is spoken (RFC 7301).
const ALPN: &[u8] = b"http/1.1";

/// A certificate and its key.
pub struct TlsIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read, is not what it should be, or cannot be written.
    #[error("{}: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It could not be made.
    #[error("no certificate could be made: {0}")]
    Made(rcgen::Error),
    /// Certificate and key do not belong together, or are of no kind that is taken.
    #[error("certificate and key: {0}")]
    Unusable(rustls::Error),
}

impl TlsIdentity {
    /// The owner's own: a chain of certificates, the service's first, and its key, as PEM.
    ///
    /// # Errors
    /// [`IdentityError::File`].
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, IdentityError> {
        let chain = CertificateDer::pem_file_iter(certificate);
        let chain = chain.and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let chain = chain.map_err(|error| wrong(certificate, error))?;
        if chain.is_empty() {
            return Err(wrong(certificate, "there is no certificate in it"));
        }
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error))?;
        Ok(Self { chain, key })
    }

    /// The one that was made in this folder, if one was.
    ///
    /// # Errors
    /// [`IdentityError::File`].
    pub fn kept(folder: &Path) -> Result<Option<Self>, IdentityError> {
        let path = folder.join(IDENTITY);
        match path.metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(wrong(&path, error)),
            Ok(_) => Self::read(&path, &path).map(Some),
        }
    }

    /// The one that was made in this folder; made now, for these names and addresses, if none was. It has no end
    /// (RFC 5280 §4.1.2.5, as for devices): a board's clock may stand anywhere, and nobody would renew it.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn kept_or_made(
        folder: &Path,
        names: &[String],
        disk: &dyn Disk,
    ) -> Result<Self, IdentityError> {
        if let Some(kept) = Self::kept(folder)? {
            return Ok(kept);
        }
        let made = make(names).map_err(IdentityError::Made)?;
        let write = |name: &str, text: &str, mode| {
            let (path, part) = (folder.join(name), folder.join(format!("{name}.part")));
            let written = || {
                // What a power cut may have left.
                disk.remove(&part)?;
                let mut file = disk.create(&part, mode)?;
                disk.write(&mut file, text.as_bytes())?;
                give_to_owner_of(folder, &part)?;
                disk.sync(&file, &part)?;
                disk.put(&part, &path)
            };
            written().map_err(|error| wrong(&path, error))
        };
        write(PUBLIC, &made.certificate, FOR_ALL)?;
        write(
            IDENTITY,
            &format!("{}{}", made.key, made.certificate),
            FOR_OWNER,
        )?;
        let path = folder.join(IDENTITY);
        Self::read(&path, &path)
    }

    /// SHA-256 of the certificate, as browsers show it: `AB:CD:…`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let sum = self.chain.first().map(Sha256::digest).unwrap_or_default();
        let bytes: Vec<String> = sum.iter().map(|byte| format!("{byte:02X}")).collect();
        bytes.join(":")
    }

    /// What a server speaks: TLS 1.2 and 1.3 by rustls, as its defaults are (BCP 195). Clients show tokens, not certificates.
    ///
    /// # Errors
    /// [`IdentityError::Unusable`].
    pub fn server(&self) -> Result<Arc<ServerConfig>, IdentityError> {
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(IdentityError::Unusable)?
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(IdentityError::Unusable)?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Arc::new(config))
    }
}

/// Nothing of the key.
impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsIdentity({})", self.fingerprint())
    }
}

/// Two texts of PEM.
struct Made {
    key: String,
    certificate: String,
}

fn make(names: &[String]) -> Result<Made, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut wanted = CertificateParams::new(names)?;
    wanted.not_before = date_time_ymd(2000, 1, 1);
    wanted.not_after = date_time_ymd(9999, 12, 31);
    let name = names.first().map_or("espmedsam", String::as_str);
    wanted.distinguished_name.push(DnType::CommonName, name);
    wanted.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = wanted.self_signed(&key)?.pem();
    let key = key.serialize_pem();
    Ok(Made { key, certificate })
}

fn wrong(path: &Path, reason: impl fmt::Display) -> IdentityError {
    IdentityError::File {
        path: path.into(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use durable::SystemDisk;
    use testing::power::{LOSSES, PowerDisk};

    use super::*;

    fn names() -> Vec<String> {
        ["board.local", "192.0.2.7"].map(String::from).into()
    }

    #[test]
    fn it_is_made_once_and_its_key_is_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        assert!(TlsIdentity::kept(dir.path()).unwrap().is_none());
        let made = TlsIdentity::kept_or_made(dir.path(), &names(), &SystemDisk).unwrap();
        let again = TlsIdentity::kept_or_made(dir.path(), &[], &SystemDisk).unwrap();
        assert_eq!(made.fingerprint(), again.fingerprint());
        assert_eq!(made.fingerprint().len(), 32 * 3 - 1);
        made.server().unwrap();
        let about = dir.path().join(IDENTITY).metadata().unwrap();
        assert_eq!(about.permissions().mode() & 0o777, 0o600);
        let public = fs::read_to_string(dir.path().join(PUBLIC)).unwrap();
        assert!(public.contains("CERTIFICATE") && !public.contains("PRIVATE"));
        assert!(!format!("{made:?}").contains("PRIVATE"));
        let own = TlsIdentity::read(&dir.path().join(PUBLIC), &dir.path().join(IDENTITY)).unwrap();
        assert_eq!(own.fingerprint(), made.fingerprint());
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let [one, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        for dir in [&one, &other] {
            TlsIdentity::kept_or_made(dir.path(), &names(), &SystemDisk).unwrap();
        }
        let mixed = TlsIdentity::read(&one.path().join(PUBLIC), &other.path().join(IDENTITY));
        let refused = mixed.unwrap().server();
        assert!(matches!(refused, Err(IdentityError::Unusable(_))));
        let public = one.path().join(PUBLIC);
        assert!(TlsIdentity::read(&public, &public).is_err());
        fs::write(&public, "nothing").unwrap();
        let error = TlsIdentity::read(&public, &other.path().join(IDENTITY)).unwrap_err();
        assert!(
            error.to_string().contains("no certificate in it"),
            "{error}"
        );
    }

    #[test]
    fn a_power_cut_leaves_none_or_a_whole_one() {
        for operations in 0..16 {
            for loss in LOSSES {
                let dir = tempfile::tempdir().unwrap();
                let disk = PowerDisk::with(operations);
                let made = TlsIdentity::kept_or_made(dir.path(), &names(), &disk).ok();
                disk.lose(loss);
                let found = TlsIdentity::kept(dir.path()).unwrap();
                let print = |identity: &TlsIdentity| identity.fingerprint();
                if let Some(made) = made {
                    assert_eq!(found.as_ref().map(print), Some(print(&made)));
                }
                TlsIdentity::kept_or_made(dir.path(), &names(), &SystemDisk).unwrap();
            }
        }
    }
}
