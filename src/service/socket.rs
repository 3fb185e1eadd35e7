//! The socket that a service manager opened before this process was there (sd_listen_fds(3)).

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use http::Door;
use listenfd::ListenFd;
use picture::NOTICE;
use socket2::Socket;

/// Most clients that are turned away in one go, and how long each may take.
const MOST_TURNED_AWAY: usize = 64;
const EACH: Duration = Duration::from_millis(50);

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

    /// Another handle of the same.
    ///
    /// # Errors
    /// The system's.
    pub fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(listener) => listener.try_clone().map(Self::Tcp),
            Self::Unix(listener) => listener.try_clone().map(Self::Unix),
        }
    }

    /// Tells all who wait in it that there is no service (503), and why they should not wait on.
    pub fn turn_away(self) {
        let waiting = match self {
            Self::Tcp(listener) => Socket::from(listener),
            Self::Unix(listener) => Socket::from(listener),
        };
        if waiting.set_nonblocking(true).is_err() {
            return;
        }
        for _ in 0..MOST_TURNED_AWAY {
            let Ok((client, _)) = waiting.accept() else {
                return;
            };
            // One that has gone is told nothing.
            let _ = send_away(&client);
        }
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

fn send_away(mut client: &Socket) -> io::Result<()> {
    let text = format!(
        "The configuration of espmedsam cannot be used: on the device, systemctl status espmedsam says why.\n{NOTICE}\n"
    );
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    client.set_nonblocking(false)?;
    client.set_read_timeout(Some(EACH))?;
    client.set_write_timeout(Some(EACH))?;
    // To close upon a request that was not read would take the answer back.
    let _ = client.read(&mut [0; 16 * 1024]);
    client.write_all((head + &text).as_bytes())?;
    client.shutdown(Shutdown::Both)
}
