//! MJPEG (or Y4M) over HTTP/1.1, as cameras serve it: `multipart/x-mixed-replace`, whose parts are told apart by the JPEGs
//! in them.
//!
//! A client of one request: no encryption, no redirects, nothing kept.

mod address;
mod framing;
mod head;

#[cfg(test)]
mod tests;

use std::io::{Error, ErrorKind, Result as IoResult, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use picture::segmenter::Clock;

use self::framing::Framing;
use self::head::{HEAD, head_end, read_head};
use crate::source::{Opener, Source, SourceContext, SourceError};
use crate::stream::{Ending, Intake, SILENCE, Stream, Wire, connect};

#[cfg(feature = "openapi")]
pub(crate) use self::address::SCHEME;
pub use self::address::{AddressError, HttpAddress};
pub use self::head::HttpError;

/// How long connecting and the answer's head may take together. Looking a name up takes what the system allows it.
const OPENING: Duration = Duration::from_secs(5);

/// A stream at an address.
#[derive(Clone, Debug)]
pub struct HttpStream {
    /// Where.
    pub address: HttpAddress,
    /// What it is read with.
    pub context: SourceContext,
}

impl Opener for HttpStream {
    fn open(&self) -> Result<Box<dyn Source>, SourceError> {
        let clock = &self.context.clock;
        let until = clock.now() + OPENING;
        let socket = self.connect(until).map_err(lost)?;
        let mut wire = Wire::new(socket, clock.clone());
        let (framing, ahead) = answer(&mut wire, until)?;
        let body = Body {
            wire,
            framing,
            ahead,
            heard: clock.now(),
            clock: clock.clone(),
        };
        Ok(Box::new(Stream::new(body, &self.context, Ending::Reopens)))
    }

    fn label(&self) -> String {
        self.address.to_string()
    }
}

fn lost(error: Error) -> SourceError {
    SourceError::Lost(error.into())
}

impl HttpStream {
    /// Connects, and sends the request.
    fn connect(&self, until: Instant) -> IoResult<TcpStream> {
        let HttpAddress { host, port, .. } = &self.address;
        let clock = self.context.clock.as_ref();
        let mut socket = connect(host, *port, clock, until)?;
        let left = until.saturating_duration_since(clock.now());
        // No time is no time-out.
        socket.set_write_timeout(Some(left.max(Duration::from_millis(1))))?;
        socket.write_all(self.request().as_bytes())?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    fn request(&self) -> String {
        let HttpAddress { target, .. } = &self.address;
        let host = self.address.authority();
        let version = env!("CARGO_PKG_VERSION");
        let authorization = match &self.address.authorization {
            Some(value) => format!("Authorization: {value}\r\n"),
            None => String::new(),
        };
        format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: espmedsam/{version}\r\n\
             Accept: multipart/x-mixed-replace, */*;q=0.5\r\n{authorization}Connection: close\r\n\r\n"
        )
    }
}

/// Reads the head; what came behind it already is given as well.
fn answer(wire: &mut impl Intake, until: Instant) -> Result<(Framing, Vec<u8>), SourceError> {
    let mut bytes = vec![0; HEAD];
    let mut held = 0;
    let end = loop {
        match wire.read(&mut bytes[held..], until).map_err(lost)? {
            None => return Err(meant(HttpError::Silent)),
            // At its end or without room.
            Some(0) => return Err(meant(HttpError::NotHttp)),
            Some(count) => held += count,
        }
        if let Some(end) = head_end(&bytes[..held]) {
            break end;
        }
    };
    let framing = read_head(&bytes[..end]).map_err(meant)?;
    Ok((framing, bytes[end..held].to_vec()))
}

fn meant(error: HttpError) -> SourceError {
    match error.may_pass() {
        true => SourceError::Lost(error.into()),
        false => SourceError::Unusable(error.into()),
    }
}

/// The body of an answer.
struct Body<I> {
    wire: I,
    framing: Framing,
    /// What came with the head, to be taken first.
    ahead: Vec<u8>,
    /// When a byte came last.
    heard: Instant,
    clock: Arc<dyn Clock>,
}

impl<I: Intake> Body<I> {
    fn read_raw(&mut self, room: &mut [u8], until: Instant) -> IoResult<Option<usize>> {
        if self.ahead.is_empty() {
            return self.wire.read(room, until);
        }
        let count = self.ahead.len().min(room.len());
        room[..count].copy_from_slice(&self.ahead[..count]);
        self.ahead.drain(..count);
        Ok(Some(count))
    }
}

impl<I: Intake> Intake for Body<I> {
    fn read(&mut self, room: &mut [u8], until: Instant) -> IoResult<Option<usize>> {
        loop {
            if self.framing.is_done() {
                return Ok(Some(0));
            }
            match self.read_raw(room, until)? {
                None if self.clock.now().saturating_duration_since(self.heard) >= SILENCE => {
                    return Err(ErrorKind::TimedOut.into());
                }
                None => return Ok(None),
                Some(0) => return Ok(Some(0)),
                Some(count) => {
                    self.heard = self.clock.now();
                    let kept = self.framing.strip(&mut room[..count])?;
                    // Of lengths alone there may come any number.
                    if kept > 0 || self.heard >= until {
                        return Ok((kept > 0).then_some(kept));
                    }
                }
            }
        }
    }
}
