//! A socket with a deadline instead of a time for each read: a handshake is many of them, and who sends a byte of it now and then
//! has no longer for it.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

pub struct TimedStream {
    stream: TcpStream,
    until: Option<Instant>,
}

impl TimedStream {
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            until: None,
        }
    }

    /// All that is read and written from now on has so long together.
    pub fn set_patience(&mut self, patience: Duration) {
        self.until = Some(Instant::now() + patience);
    }

    /// Says that nothing more is said.
    pub fn end(&self) {
        // A peer that is gone is told nothing.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    fn left(&self) -> Result<Option<Duration>> {
        let left = self
            .until
            .map(|until| until.saturating_duration_since(Instant::now()));
        match left {
            Some(Duration::ZERO) => Err(ErrorKind::TimedOut.into()),
            // The system knows no less.
            left => Ok(left.map(|left| left.max(Duration::from_millis(1)))),
        }
    }
}

impl Read for TimedStream {
    fn read(&mut self, room: &mut [u8]) -> Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(room)
    }
}

impl Write for TimedStream {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    #[test]
    fn who_drips_has_no_longer() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let mut peer = TcpStream::connect(address).unwrap();
        let mut stream = TimedStream::new(listener.accept().unwrap().0);
        peer.write_all(&[1; 3]).unwrap();
        let mut byte = [0];
        stream.set_patience(Duration::from_secs(60));
        assert_eq!(stream.read(&mut byte).unwrap(), 1);
        // Its time is over, though there are bytes.
        stream.set_patience(Duration::ZERO);
        assert_eq!(
            stream.read(&mut byte).unwrap_err().kind(),
            ErrorKind::TimedOut
        );
        assert_eq!(stream.write(&byte).unwrap_err().kind(), ErrorKind::TimedOut);
        stream.set_patience(Duration::from_secs(60));
        assert_eq!(stream.read(&mut byte).unwrap(), 1);
    }
}
