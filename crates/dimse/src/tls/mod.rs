//! TLS (PS3.15, B.12): both sides show a certificate of one authority.

mod files;
mod kit;
mod timed;

use std::fmt;
use std::net::TcpStream;
use std::sync::Arc;

use crate::wire::Connection;
pub use files::{TlsError, TlsFiles};

use kit::TlsSides;

/// What TLS is spoken with: this node's certificate, and the authority by which peers are believed.
#[derive(Clone)]
pub struct TlsKit(Arc<TlsSides>);

impl TlsKit {
    /// Reads certificates and key.
    ///
    /// # Errors
    /// [`TlsError`]
    pub fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        kit::read(files).map(|sides| Self(Arc::new(sides)))
    }

    /// Whoever called shows a certificate before a byte of DICOM is read.
    pub(crate) fn accept(&self, stream: TcpStream) -> Result<Box<dyn Connection + Send>, TlsError> {
        kit::accept(&self.0, stream)
    }

    /// The node's certificate has to be of that name or address.
    pub(crate) fn connect(
        &self,
        stream: TcpStream,
        host: &str,
    ) -> Result<Box<dyn Connection + Send>, TlsError> {
        kit::connect(&self.0, stream, host)
    }

    /// The same for DICOMweb servers.
    pub(crate) fn web(&self) -> ureq::tls::TlsConfig {
        self.0.web.clone()
    }
}

/// Nothing of the key.
impl fmt::Debug for TlsKit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsKit(..)")
    }
}

/// The same one: certificates are read once.
impl PartialEq for TlsKit {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for TlsKit {}
