//! Pictures from an OpenIGTLink server: PLUS's, 3D Slicer's, or any other that sends IMAGE messages.
//!
//! A client that says nothing: it takes what is sent, keeps the newest picture with its place in the room, and passes everything
//! else over by its length.

mod address;
mod reel;

#[cfg(test)]
mod tests;

use std::io::{ErrorKind, Result as IoResult};
use std::sync::Arc;
use std::time::{Duration, Instant};

use igtl::DeviceName;
use picture::segmenter::Clock;

use self::reel::ImageReel;
use crate::source::{Opener, Source, SourceContext, SourceError};
use crate::stream::{Ending, Intake, SILENCE, Stream, Wire, connect};

pub use self::address::{BadLinkAddress, LinkAddress};
pub use self::reel::ImageRefusal;

/// How long connecting may take.
const OPENING: Duration = Duration::from_secs(5);

/// A server's pictures.
#[derive(Clone, Debug)]
pub struct LinkStream {
    /// Where it is.
    pub address: LinkAddress,
    /// Whose pictures, if it sends those of several devices; `None`: of the one whose picture comes first.
    pub device: Option<String>,
    /// What they are read with.
    pub context: SourceContext,
}

impl Opener for LinkStream {
    fn open(&self) -> Result<Box<dyn Source>, SourceError> {
        let lost = |error: std::io::Error| SourceError::Lost(error.into());
        let clock = &self.context.clock;
        let until = clock.now() + OPENING;
        let LinkAddress { host, port } = &self.address;
        let socket = connect(host, *port, clock.as_ref(), until).map_err(lost)?;
        socket.set_nonblocking(true).map_err(lost)?;
        let heard = HeardLink {
            intake: Wire::new(socket, clock.clone()),
            at: clock.now(),
            clock: clock.clone(),
        };
        let device = self.device.as_deref().map(DeviceName::new);
        let reel = ImageReel::new(device, self.context.limits);
        let stream = Stream::of(heard, reel, &self.context, Ending::Reopens);
        Ok(Box::new(stream))
    }

    fn label(&self) -> String {
        self.address.to_string()
    }
}

/// A connection that counts as broken once it was silent for too long.
struct HeardLink<I> {
    intake: I,
    /// When a byte came last.
    at: Instant,
    clock: Arc<dyn Clock>,
}

impl<I: Intake> Intake for HeardLink<I> {
    fn read(&mut self, room: &mut [u8], until: Instant) -> IoResult<Option<usize>> {
        let read = self.intake.read(room, until)?;
        let now = self.clock.now();
        match read {
            Some(_) => self.at = now,
            None if now.saturating_duration_since(self.at) >= SILENCE => {
                return Err(ErrorKind::TimedOut.into());
            }
            None => {}
        }
        Ok(read)
    }
}
