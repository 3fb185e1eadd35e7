//! Connections to where pictures come from.

use std::io::{Error, ErrorKind, Result};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use picture::segmenter::Clock;

/// Without a byte for so long a connection counts as broken: of a camera that was unplugged TCP would never tell.
pub(crate) const SILENCE: Duration = Duration::from_secs(10);

/// Connects to the first of a name's addresses that takes it. Looking the name up takes what the system allows it.
///
/// # Errors
/// The system's; [`ErrorKind::TimedOut`].
pub(crate) fn connect(
    host: &str,
    port: u16,
    clock: &dyn Clock,
    until: Instant,
) -> Result<TcpStream> {
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    let mut refused = Error::new(ErrorKind::NotFound, "the name has no address");
    for address in found {
        let left = until.saturating_duration_since(clock.now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(socket) => return Ok(socket),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}
