//! Whole PDUs over a connection, each within its time.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use picture::segmenter::Clock;

use crate::pdu::{Abort, AbortReason, PDU_HEADER, PduFault, PduKind};
use crate::times::TimeLimits;

/// Bytes that a buffer grows by at most before they have come.
const STEP: usize = 16 * 1024;
/// The longest PDU about an association: 128 contexts with all transfer syntaxes that there are, three times over.
pub(crate) const MOST_ABOUT: u32 = 512 * 1024;
/// The longest PDU of data that is taken, as it is told to peers.
pub(crate) const MOST_DATA: u32 = 64 * 1024;

/// How long an association takes to end, whatever its time was.
const FAREWELL: Duration = Duration::from_secs(1);

/// What PDUs come and go over.
pub(crate) trait Connection: Read + Write {
    /// How long reading or writing blocks at most.
    fn set_patience(&mut self, patience: Duration) -> std::io::Result<()>;
    /// Says that nothing more is said.
    fn end(&mut self);
}

impl Connection for Box<dyn Connection + Send> {
    fn set_patience(&mut self, patience: Duration) -> std::io::Result<()> {
        self.as_mut().set_patience(patience)
    }

    fn end(&mut self) {
        self.as_mut().end();
    }
}

impl Connection for TcpStream {
    fn set_patience(&mut self, patience: Duration) -> std::io::Result<()> {
        self.set_read_timeout(Some(patience))?;
        self.set_write_timeout(Some(patience))
    }

    fn end(&mut self) {
        // A peer that is gone is told nothing.
        let _ = self.shutdown(Shutdown::Write);
    }
}

/// Why a connection is of no use any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("the connection was closed")]
    Closed,
    #[error("the connection was cut off in the middle of a PDU")]
    CutOff,
    #[error("it took too long")]
    TooSlow,
    #[error(transparent)]
    Fault(#[from] PduFault),
    #[error("the connection failed: {0}")]
    Io(#[source] std::io::Error),
}

/// A connection, and the last PDU that came over it.
pub(crate) struct PduWire<C> {
    connection: C,
    clock: Arc<dyn Clock>,
    times: TimeLimits,
    /// When the association has to be over.
    end: Instant,
    body: Vec<u8>,
}

impl<C: Connection> PduWire<C> {
    pub fn new(connection: C, times: TimeLimits, clock: Arc<dyn Clock>) -> Self {
        let end = clock.now() + times.association;
        Self {
            connection,
            clock,
            times,
            end,
            body: Vec::new(),
        }
    }

    /// Waits for a PDU to begin, and then for all of it; its bytes are those of [`PduWire::body`].
    pub fn receive(&mut self) -> Result<PduKind, WireError> {
        self.body.clear();
        let mut header = [0; PDU_HEADER];
        let (first, others) = header.split_at_mut(1);
        let idle = self.until(self.times.idle);
        if self.read(first, idle)? == 0 {
            return Err(WireError::Closed);
        }
        let until = self.until(self.times.pdu);
        self.read_all(others, until)?;
        let [code, _, length @ ..] = header;
        let length = u32::from_be_bytes(length);
        let kind = PduKind::of(code).ok_or(PduFault::Unknown(code))?;
        let most = match kind {
            PduKind::AssociateRequest | PduKind::AssociateAccept => MOST_ABOUT,
            PduKind::Data => MOST_DATA,
            _ => 4,
        };
        if length > most {
            return Err(PduFault::Long {
                claimed: length,
                most,
            }
            .into());
        }
        let mut body = std::mem::take(&mut self.body);
        let read = self.read_body(&mut body, length as usize, until);
        self.body = body;
        read.map(|()| kind)
    }

    /// Of the PDU that came last.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    fn read_body(
        &mut self,
        body: &mut Vec<u8>,
        length: usize,
        until: Instant,
    ) -> Result<(), WireError> {
        while body.len() < length {
            let have = body.len();
            body.resize(length.min(have + STEP), 0);
            self.read_all(&mut body[have..], until)?;
        }
        Ok(())
    }

    pub fn send(&mut self, pdu: &[u8]) -> Result<(), WireError> {
        let until = self.until(self.times.pdu);
        let mut rest = pdu;
        while !rest.is_empty() {
            self.have_patience(until)?;
            match self.connection.write(rest) {
                Ok(0) => return Err(WireError::CutOff),
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) => goes_on(error)?,
            }
        }
        Ok(())
    }

    /// Ends the association. What became of that nobody asks.
    pub fn abort(&mut self, reason: AbortReason) {
        self.end = self.clock.now() + FAREWELL;
        let _ = self.send(&Abort(reason).pdu());
        // Nothing is waited for of who does not know how to behave.
        self.connection.end();
        self.part();
    }

    /// Leaves it to the peer to close the connection, for a moment (PS3.8, 9.1.5: ARTIM): some take a connection that is closed
    /// with what was said last for one that is broken. What it still says is heard out: closed while bytes wait in it, a
    /// connection takes back what was said last.
    pub fn part(&mut self) {
        self.end = self.clock.now() + FAREWELL;
        let until = self.end;
        let mut drain = [0; 4096];
        while matches!(self.read(&mut drain, until), Ok(1..)) {}
        self.connection.end();
    }

    fn until(&self, limit: Duration) -> Instant {
        self.end.min(self.clock.now() + limit)
    }

    fn have_patience(&mut self, until: Instant) -> Result<(), WireError> {
        let left = until.saturating_duration_since(self.clock.now());
        if left.is_zero() {
            return Err(WireError::TooSlow);
        }
        // The system knows no less.
        let patience = left.max(Duration::from_millis(1));
        self.connection
            .set_patience(patience)
            .map_err(WireError::Io)
    }

    /// As many bytes as there are; 0 at the end.
    fn read(&mut self, room: &mut [u8], until: Instant) -> Result<usize, WireError> {
        loop {
            self.have_patience(until)?;
            match self.connection.read(room) {
                Ok(count) => return Ok(count),
                Err(error) => goes_on(error)?,
            }
        }
    }

    fn read_all(&mut self, mut room: &mut [u8], until: Instant) -> Result<(), WireError> {
        while !room.is_empty() {
            let count = self.read(room, until)?;
            if count == 0 {
                return Err(WireError::CutOff);
            }
            room = room.get_mut(count..).unwrap_or_default();
        }
        Ok(())
    }
}

/// Whether reading or writing may be tried again: whether there is time for it is asked there.
fn goes_on(error: std::io::Error) -> Result<(), WireError> {
    match error.kind() {
        ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut => Ok(()),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            Err(WireError::CutOff)
        }
        _ => Err(WireError::Io(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdu::pdu;
    use picture::segmenter::ManualClock;

    /// A peer whose every byte takes a second.
    struct Drip {
        bytes: std::vec::IntoIter<u8>,
        clock: Arc<ManualClock>,
    }

    impl Read for Drip {
        fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
            self.clock.advance(Duration::from_secs(1));
            match (room.first_mut(), self.bytes.next()) {
                (Some(place), Some(byte)) => *place = byte,
                _ => return Ok(0),
            }
            Ok(1)
        }
    }

    impl Write for Drip {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.clock.advance(Duration::from_secs(1));
            Ok(bytes.len().min(1))
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Connection for Drip {
        fn set_patience(&mut self, _: Duration) -> std::io::Result<()> {
            Ok(())
        }
        fn end(&mut self) {}
    }

    fn drip(bytes: Vec<u8>, times: TimeLimits) -> PduWire<Drip> {
        let clock = Arc::new(ManualClock::default());
        let drip = Drip {
            bytes: bytes.into_iter(),
            clock: clock.clone(),
        };
        PduWire::new(drip, times, clock)
    }

    #[test]
    fn who_sends_a_byte_a_second_has_no_longer_than_who_sends_none() {
        let long = pdu(PduKind::Data, &[0; 100]);
        let received = drip(long.clone(), TimeLimits::default()).receive();
        assert!(matches!(received, Err(WireError::TooSlow)), "{received:?}");
        let sent = drip(Vec::new(), TimeLimits::default()).send(&long);
        assert!(matches!(sent, Err(WireError::TooSlow)), "{sent:?}");
        let mut fast = drip(pdu(PduKind::ReleaseRequest, &[0; 4]), TimeLimits::default());
        assert!(matches!(fast.receive(), Ok(PduKind::ReleaseRequest)));
        assert_eq!(fast.body(), [0; 4]);
    }

    #[test]
    fn an_association_ends_however_busy_it_is() {
        let times = TimeLimits {
            association: Duration::from_secs(25),
            ..TimeLimits::default()
        };
        let mut wire = drip(pdu(PduKind::ReleaseRequest, &[0; 4]).repeat(9), times);
        let received: Vec<_> = (0..3).map(|_| wire.receive()).collect();
        assert!(
            matches!(received[..], [Ok(_), Ok(_), Err(WireError::TooSlow)]),
            "{received:?}"
        );
    }

    #[test]
    fn no_length_is_believed_before_there_are_bytes() {
        for (kind, length) in [
            (1, MOST_ABOUT + 1),
            (4, MOST_DATA + 1),
            (5, 5),
            (4, u32::MAX),
        ] {
            let mut header = vec![kind, 0];
            header.extend(length.to_be_bytes());
            let mut wire = drip(header, TimeLimits::default());
            let received = wire.receive();
            assert!(
                matches!(received, Err(WireError::Fault(PduFault::Long { claimed, .. })) if claimed == length),
                "{received:?}"
            );
        }
        let mut header = vec![1, 0];
        header.extend(MOST_ABOUT.to_be_bytes());
        let mut wire = drip(header, TimeLimits::default());
        assert!(matches!(wire.receive(), Err(WireError::CutOff)));
        assert!(wire.body.capacity() <= 2 * STEP);
        let unknown = drip(vec![9; 6], TimeLimits::default()).receive();
        assert!(matches!(
            unknown,
            Err(WireError::Fault(PduFault::Unknown(9)))
        ));
        let nothing = drip(Vec::new(), TimeLimits::default()).receive();
        assert!(matches!(nothing, Err(WireError::Closed)));
    }
}
