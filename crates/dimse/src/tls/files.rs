//! Where certificates lie, and what can be wrong with them.

use std::io;
use std::path::PathBuf;

/// Where certificates lie, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// This node's, and those between it and the authority's.
    pub certificate: PathBuf,
    /// Its key: PKCS#8, SEC1 or PKCS#1.
    pub key: PathBuf,
    /// Of whom peers have to show a certificate.
    pub authority: PathBuf,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that cannot be read, or is not what it should be.
    #[error("{}: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not; nothing of a key is in it.
        reason: String,
    },
    /// A certificate and a key that do not fit, or are not understood.
    #[error("{0}")]
    Unusable(String),
    /// What a peer is called, which no certificate can say.
    #[error("'{0}' is neither a name nor an address")]
    Name(String),
    /// The system.
    #[error(transparent)]
    Io(#[from] io::Error),
}
