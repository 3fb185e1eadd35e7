//! A client's connection, real or scripted.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What a client says and takes.
pub(crate) trait LinkSocket: Send {
    /// Puts what the client has said into `room`: how much; 0 when it hung up, `None` when it has said nothing more.
    fn hear(&mut self, room: &mut [u8]) -> Result<Option<usize>>;
    /// Has the client take some of these bytes: how many; `None` if it took nothing within that time.
    fn say(&mut self, bytes: &[u8], within: Duration) -> Result<Option<usize>>;
}

/// One that was made not to block.
impl LinkSocket for TcpStream {
    fn hear(&mut self, room: &mut [u8]) -> Result<Option<usize>> {
        unless_blocked(self.read(room))
    }

    fn say(&mut self, bytes: &[u8], within: Duration) -> Result<Option<usize>> {
        if let Some(taken) = unless_blocked(self.write(bytes))? {
            return Ok(Some(taken));
        }
        let within = Timespec::try_from(within).unwrap_or_default();
        // Whatever it says: whether there is room is seen by writing.
        let _ = poll(&mut [PollFd::new(self, PollFlags::OUT)], Some(&within));
        unless_blocked(self.write(bytes))
    }
}

fn unless_blocked(done: Result<usize>) -> Result<Option<usize>> {
    match done {
        Ok(count) => Ok(Some(count)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
