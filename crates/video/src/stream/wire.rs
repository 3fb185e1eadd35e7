//! Waiting for bytes, and no longer than until then: the one place that asks the system whether there are any.

use std::io::{ErrorKind, Read, Result};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use picture::segmenter::Clock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// The longest time that the system is asked to wait at once.
const HOUR: Duration = Duration::from_secs(3600);

/// Where a stream's bytes come from.
pub(crate) trait Intake: Send {
    /// Puts bytes that are there, or come until then, into `room`: how many; 0 at the end, `None` if none came.
    ///
    /// # Errors
    /// The system's.
    fn read(&mut self, room: &mut [u8], until: Instant) -> Result<Option<usize>>;
}

/// An open pipe or socket.
#[derive(Debug)]
pub(crate) struct Wire<F> {
    file: F,
    clock: Arc<dyn Clock>,
}

impl<F: Read + AsFd> Wire<F> {
    pub fn new(file: F, clock: Arc<dyn Clock>) -> Self {
        Self { file, clock }
    }
}

impl<F: Read + AsFd + Send> Intake for Wire<F> {
    fn read(&mut self, room: &mut [u8], until: Instant) -> Result<Option<usize>> {
        loop {
            let left = until.saturating_duration_since(self.clock.now());
            if !ready(&self.file, left)? {
                match left.is_zero() || self.clock.now() >= until {
                    true => return Ok(None),
                    false => continue,
                }
            }
            match self.file.read(room) {
                // Another reader was faster.
                Err(error) if error.kind() == ErrorKind::WouldBlock && left.is_zero() => {
                    return Ok(None);
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                read => return read.map(Some),
            }
        }
    }
}

/// Whether it can be read at once, or within that time; its end and its errors are there to be read as well.
fn ready(file: &impl AsFd, within: Duration) -> Result<bool> {
    // Of what the system cannot express it is asked again.
    let timeout = Timespec::try_from(within.min(HOUR)).unwrap_or_default();
    match poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&timeout)) {
        Ok(count) => Ok(count > 0),
        // Nor is the time that is left known any more.
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
