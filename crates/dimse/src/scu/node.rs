//! Who objects are sent to.

use std::net::{TcpStream, ToSocketAddrs};

use crate::ae::AeTitle;
use crate::error::SendError;
use crate::times::TimeLimits;
use crate::tls::TlsKit;
use crate::wire::Connection;

/// A node that objects are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteNode {
    /// A name or an address.
    pub host: String,
    /// Often 104 or 11112.
    pub port: u16,
    /// What it is called.
    pub title: AeTitle,
    /// What it is told that calls.
    pub own_title: AeTitle,
    /// How long it is waited for.
    pub times: TimeLimits,
    /// If there is one, the node is spoken to by TLS, and has to show a certificate of the authority and of its host's name.
    pub tls: Option<TlsKit>,
}

impl RemoteNode {
    /// A connection, and no association yet.
    pub(super) fn connect(&self) -> Result<Box<dyn Connection + Send>, SendError> {
        let stream = self.reach()?;
        match &self.tls {
            None => Ok(Box::new(stream)),
            Some(kit) => Ok(kit.connect(stream, &self.host)?),
        }
    }

    fn reach(&self) -> Result<TcpStream, SendError> {
        let unreachable = |source| SendError::Unreachable {
            node: format!("{}:{}", self.host, self.port),
            source,
        };
        let addresses = (self.host.as_str(), self.port).to_socket_addrs();
        let mut last = std::io::ErrorKind::AddrNotAvailable.into();
        for address in addresses.map_err(unreachable)? {
            let connected = TcpStream::connect_timeout(&address, self.times.connect);
            match connected.and_then(|stream| stream.set_nodelay(true).map(|()| stream)) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(unreachable(last))
    }
}
