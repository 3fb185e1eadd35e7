//! TLS (PS3.15, B.12): both sides show a certificate of one authority. In programs that are built with the feature `tls`; in
//! others it is refused by name.

#[cfg(not(feature = "tls"))]
mod absent;
mod files;
#[cfg(feature = "tls")]
mod kit;
#[cfg(feature = "tls")]
mod timed;

use std::fmt;
use std::net::TcpStream;
use std::sync::Arc;

use crate::wire::Connection;
pub use files::{TlsError, TlsFiles};

#[cfg(feature = "tls")]
use kit::{self as made, TlsSides as Sides};
#[cfg(not(feature = "tls"))]
use {absent as made, std::convert::Infallible as Sides};

/// What TLS is spoken with: this node's certificate, and the authority by which peers are believed.
#[derive(Clone)]
pub struct TlsKit(Arc<Sides>);

impl TlsKit {
    /// Reads certificates and key.
    ///
    /// # Errors
    /// [`TlsError`]
    pub fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        made::read(files).map(|sides| Self(Arc::new(sides)))
    }

    /// Whoever called shows a certificate before a byte of DICOM is read.
    pub(crate) fn accept(&self, stream: TcpStream) -> Result<Box<dyn Connection + Send>, TlsError> {
        made::accept(&self.0, stream)
    }

    /// The node's certificate has to be of that name or address.
    pub(crate) fn connect(
        &self,
        stream: TcpStream,
        host: &str,
    ) -> Result<Box<dyn Connection + Send>, TlsError> {
        made::connect(&self.0, stream, host)
    }

    /// The same for DICOMweb servers.
    #[cfg(feature = "tls")]
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
