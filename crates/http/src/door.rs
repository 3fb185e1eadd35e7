//! Where clients come in: a TCP port or a Unix socket, opened here or handed over by whoever started this process; and, for other
//! machines, a port with TLS in front of it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

/// Bytes that wait unsent in the system.
const UNSENT: u32 = 128 << 10;

/// A client's connection, whatever it came by.
pub trait ClientWire: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> ClientWire for T {}

/// A socket that listens.
#[derive(Debug)]
pub enum Door {
    /// A port.
    Tcp(TcpListener),
    /// A socket in the file system: who may call is the file's owner's to say.
    Unix(UnixListener),
}

impl From<TcpListener> for Door {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl From<UnixListener> for Door {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(listener)
    }
}

impl Door {
    /// The address that decides which names clients may call this server by. Behind a Unix socket stands a proxy, whose
    /// public name is to be listed: as on loopback.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr(),
            Self::Unix(_) => Ok((Ipv4Addr::LOCALHOST, 0).into()),
        }
    }

    /// The next client, cut off once it takes nothing for `write_timeout`.
    ///
    /// # Errors
    /// The system's; the door stays open.
    pub(super) async fn accept(
        &self,
        write_timeout: Duration,
    ) -> io::Result<Pin<Box<dyn ClientWire>>> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(prepared(stream, write_timeout))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(patient(stream, write_timeout))
            }
        }
    }
}

/// The door for other machines. Whoever comes in by it shows a token.
pub struct FarDoor {
    /// Where they call.
    pub listener: TcpListener,
    /// What is spoken with them, before anything else.
    pub tls: TlsAcceptor,
}

/// All doors of a server.
pub struct Doors {
    /// For this machine; nobody is asked for anything.
    pub near: Door,
    /// For others.
    pub far: Option<FarDoor>,
    /// For programs of this machine that speak gRPC.
    pub grpc: Option<TcpListener>,
}

impl<D: Into<Door>> From<D> for Doors {
    fn from(near: D) -> Self {
        let near = near.into();
        Self {
            near,
            far: None,
            grpc: None,
        }
    }
}

/// By which door a client came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CameBy {
    /// That of this machine.
    Near,
    /// That of others, from this address.
    Far(IpAddr),
}

/// A client's connection, and where it came from. By the far door TLS is still to be spoken.
pub(super) struct Connected {
    pub wire: Pin<Box<dyn ClientWire>>,
    pub came_by: CameBy,
}

impl Doors {
    /// The next client of either door, cut off once it takes nothing for `write_timeout`.
    ///
    /// # Errors
    /// The system's; the doors stay open.
    pub(super) async fn accept(&self, write_timeout: Duration) -> io::Result<Connected> {
        let far = async {
            match &self.far {
                Some(far) => far.listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            wire = self.near.accept(write_timeout) => Ok(Connected { wire: wire?, came_by: CameBy::Near }),
            accepted = far => {
                let (stream, from) = accepted?;
                Ok(Connected { wire: prepared(stream, write_timeout), came_by: CameBy::Far(from.ip()) })
            }
        }
    }
}

/// A TCP connection as all of them are.
fn prepared(stream: TcpStream, write_timeout: Duration) -> Pin<Box<dyn ClientWire>> {
    // Small replies go out at once.
    let _ = stream.set_nodelay(true);
    // What waits in the system's buffers is old: a live picture is drawn when there is room for it, not before.
    let _ = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT);
    patient(stream, write_timeout)
}

fn patient<S: AsyncRead + AsyncWrite + Send + 'static>(
    stream: S,
    write_timeout: Duration,
) -> Pin<Box<dyn ClientWire>> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(write_timeout));
    Box::pin(stream)
}
