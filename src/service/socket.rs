//! The socket that a service manager opened before this process was there (sd_listen_fds(3)).

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use http::Door;
use listenfd::ListenFd;

/// A socket that was handed over.
#[derive(Debug)]
pub enum HandedSocket {
    /// A port.
    Tcp(TcpListener),
    /// A stream socket in the file system.
    Unix(UnixListener),
}

impl HandedSocket {
    /// The one that was handed over to this process, as `LISTEN_FDS` and `LISTEN_PID` say; they are taken away, so that no
    /// child believes to be meant. To be called before there are threads.
    ///
    /// # Errors
    /// More than one, or one that is neither a TCP nor a Unix stream socket that listens.
    pub fn take() -> io::Result<Option<Self>> {
        let mut handed = ListenFd::from_env();
        if handed.len() > 1 {
            let count = handed.len();
            return Err(io::Error::other(format!(
                "one socket can be served, {count} were handed over"
            )));
        }
        if let Ok(Some(listener)) = handed.take_tcp_listener(0) {
            return Ok(Some(Self::Tcp(listener)));
        }
        let unix = handed.take_unix_listener(0).map_err(|error| {
            let what = "the socket that was handed over is neither of TCP nor a Unix stream's";
            io::Error::new(error.kind(), what)
        })?;
        Ok(unix.map(Self::Unix))
    }

    /// Opens it to clients. Within the runtime.
    ///
    /// # Errors
    /// The system's.
    pub fn open(self) -> io::Result<Door> {
        match self {
            Self::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Ok(tokio::net::TcpListener::from_std(listener)?.into())
            }
            Self::Unix(listener) => {
                listener.set_nonblocking(true)?;
                Ok(tokio::net::UnixListener::from_std(listener)?.into())
            }
        }
    }
}
