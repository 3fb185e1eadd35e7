//! The thread that sends what waits.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use picture::segmenter::Clock;

use super::route::Deliver;
use super::shelf::{Due, Outbox};

/// How long nothing is looked for when nothing waits; the bell rings before.
const HOUR: Duration = Duration::from_secs(3600);

/// How long a destination that failed is left alone: twice as long each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure.
    pub first: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(300),
        }
    }
}

impl Backoff {
    fn after(self, attempts: u32) -> Duration {
        let times = 1_u32
            .checked_shl(attempts.saturating_sub(1))
            .unwrap_or(u32::MAX);
        self.first.saturating_mul(times).min(self.longest)
    }
}

/// Sends an outbox's entries on a thread of its own: one at a time, each destination's in their order, and one destination's failures
/// hold up no other. Told to end when it is dropped.
pub struct Courier {
    ends: Arc<AtomicBool>,
    outbox: Arc<Outbox>,
    thread: JoinHandle<()>,
}

struct Round {
    ends: Arc<AtomicBool>,
    outbox: Arc<Outbox>,
    deliver: Arc<dyn Deliver>,
    backoff: Backoff,
    clock: Arc<dyn Clock>,
}

impl Courier {
    /// Begins to send.
    ///
    /// # Errors
    /// The system's, where there is no thread to be had.
    pub fn start(
        outbox: Arc<Outbox>,
        deliver: Arc<dyn Deliver>,
        backoff: Backoff,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let ends = Arc::new(AtomicBool::new(false));
        let round = Round {
            ends: ends.clone(),
            outbox: outbox.clone(),
            deliver,
            backoff,
            clock,
        };
        let spawn = thread::Builder::new().name("dimse-courier".into());
        Ok(Self {
            ends,
            outbox,
            thread: spawn.spawn(move || round.go())?,
        })
    }

    /// Whether it is over: told to end, it finishes what it is sending.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Tells it to end; it finishes what it is sending. Nothing is lost by a process that does not wait for that.
    pub fn end(&self) {
        self.ends.store(true, Ordering::Release);
        self.outbox.bell.ring();
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.end();
    }
}

impl Round {
    fn go(&self) {
        loop {
            self.outbox.bell.hush();
            if self.ends.load(Ordering::Acquire) {
                return;
            }
            let now = self.clock.now();
            match self.outbox.due(now) {
                Due::Wait(until) => self
                    .clock
                    .wait(until.unwrap_or(now + HOUR), &self.outbox.bell),
                Due::Send(entry, place) => {
                    let delivered = self.deliver.deliver(&entry.route, &place);
                    let noted = match delivered {
                        Ok(_) => self.outbox.acknowledged(&entry),
                        Err(error) if error.is_lasting() => {
                            tracing::error!(route = %entry.route, %error, "an object was set aside");
                            self.outbox.set_aside(&entry, error.to_string())
                        }
                        Err(error) => {
                            tracing::warn!(route = %entry.route, %error, "an object was not sent yet");
                            let when = |attempts| self.then(attempts);
                            self.outbox.postpone(&entry, error.to_string(), when);
                            Ok(())
                        }
                    };
                    if let Err(error) = noted {
                        tracing::error!(%error, "what became of an object could not be written down");
                    }
                }
            }
        }
    }

    fn then(&self, attempts: u32) -> Instant {
        self.clock.now() + self.backoff.after(attempts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_doubles_up_to_a_limit() {
        let backoff = Backoff::default();
        let seconds = [1, 2, 3, 9, 10, 33, u32::MAX].map(|n| backoff.after(n).as_secs());
        assert_eq!(seconds, [1, 2, 4, 256, 300, 300, 300]);
    }
}
