//! The one place that threads take their work from.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use super::agenda::{Agenda, Fate, Next, Refused, Size};
use super::clock::Clock;
use super::done::Done;
use super::error::EngineError;
use super::job::Job;
use super::live::{LaneCounts, LiveOutcome};
use super::segmentation::Segmentation;
use super::tray::{InTray, Offer, Queued, Terms};
use crate::sync::lock;

/// Jobs in a bounded queue and the newest frames of live sources, for any number of threads to take from.
///
/// Where both have something, jobs and lanes have turns; jobs have theirs in their order, lanes one after the other in a
/// round; a lane has one frame in work at a time, so that its answers come in the order of its offers. Hence a job behind
/// `k` others begins after at most these and `k + 1` frames; and a frame whose lane has none in work, with `n` lanes in
/// all, after at most `n - 1` other frames and `n` jobs.
///
/// A job whose picture is to be read first ([`Inbox::push_unread`]) is read by threads of their own ([`Inbox::take_unread`]),
/// and takes its place among the jobs once it has been: so nothing waits for it, and of large pictures, one of which may
/// take a second, only large ones wait for each other.
pub struct Inbox {
    tray: Mutex<InTray>,
    /// Something can be taken, or nothing more will come.
    changed: Condvar,
    /// The same of what is to be read.
    readable: Condvar,
    clock: Arc<dyn Clock>,
    capacity: usize,
}

/// How a job comes to the others.
type Push = fn(&mut Agenda<Queued, Offer>, Queued) -> Result<(), (Refused, Queued)>;

/// Work whose turn has come.
pub struct Taken {
    /// What to do.
    pub job: Job,
    /// When it was accepted.
    pub accepted: Instant,
    /// Where it comes from.
    pub entrance: Entrance,
    /// Whether it is worth doing; its answer otherwise.
    pub due: Result<(), EngineError>,
    /// To be called with its outcome.
    pub done: Done,
}

/// By which way work came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// Through [`super::Segmenter::submit`].
    Queue,
    /// Through a [`super::Lane`].
    Lane,
}

impl Inbox {
    /// Most lanes at once: sources of a device, not those who look at them.
    pub const MOST_LANES: usize = 8;

    /// In which `capacity` jobs may wait. Ages and times are by this clock.
    #[must_use]
    pub fn new(capacity: usize, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            tray: Mutex::new(InTray::new(capacity, Self::MOST_LANES)),
            changed: Condvar::new(),
            readable: Condvar::new(),
            clock,
            capacity,
        })
    }

    /// Queues a job. `done` is called only by whoever takes it.
    ///
    /// # Errors
    /// [`EngineError::Overloaded`] or [`EngineError::Stopped`]; `done` is then dropped.
    pub fn push(&self, job: Job, done: Done) -> Result<(), EngineError> {
        self.queue_up(job, done, Agenda::push)?;
        self.changed.notify_one();
        Ok(())
    }

    /// As [`Inbox::push`], a job whose picture is to be read first.
    ///
    /// # Errors
    /// As [`Inbox::push`].
    pub fn push_unread(&self, job: Job, done: Done) -> Result<(), EngineError> {
        self.queue_up(job, done, Agenda::push_unread)?;
        self.readable.notify_one();
        Ok(())
    }

    fn queue_up(&self, job: Job, done: Done, push: Push) -> Result<(), EngineError> {
        let queued = Queued {
            job,
            accepted: self.clock.now(),
            done,
        };
        // What is refused is freed here, without the lock.
        let refused = self.change(|agenda| push(agenda, queued).err());
        match refused.map(|(why, _)| why) {
            None => Ok(()),
            Some(Refused::Full) => Err(EngineError::Overloaded {
                capacity: self.capacity,
            }),
            Some(Refused::Closed) => Err(EngineError::Stopped),
        }
    }

    /// Waits for work; `None` once the inbox is closed and there is nothing left to take.
    pub fn take(self: &Arc<Self>) -> Option<Taken> {
        let mut tray = lock(&self.tray);
        let next = loop {
            match tray.take(&*self.clock) {
                Some(next) => break next,
                None if tray.is_over() => return None,
                None => {
                    tray = (self.changed.wait(tray)).unwrap_or_else(PoisonError::into_inner);
                }
            }
        };
        let closed = tray.agenda.is_closed();
        drop(tray);
        // There may be room for one more that has been read.
        self.readable.notify_one();
        Some(self.taken(next, closed))
    }

    /// Waits for what is to be read; see [`Inbox::take_unread`].
    pub(super) fn next_unread(&self) -> Option<(Size, Queued)> {
        let mut tray = lock(&self.tray);
        loop {
            match tray.take_unread(&*self.clock) {
                Some(next) => return Some(next),
                None if tray.is_over() => return None,
                None => {
                    tray = (self.readable.wait(tray)).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// What there is now, to be computed or read; for who answers what nobody will come to.
    pub fn try_take(self: &Arc<Self>) -> Option<Taken> {
        let mut tray = lock(&self.tray);
        let next = tray.take(&*self.clock);
        let next = next.or_else(|| tray.agenda.take_unread().map(Next::Job))?;
        tray.note(&*self.clock);
        let closed = tray.agenda.is_closed();
        drop(tray);
        Some(self.taken(next, closed))
    }

    /// Since when there has been something to take, and nobody has taken anything: a thread that has nothing else to do
    /// should have.
    #[must_use]
    pub fn untaken_since(&self) -> Option<Instant> {
        lock(&self.tray).untaken
    }

    /// The same of what is to be read.
    #[must_use]
    pub fn unread_since(&self) -> Option<Instant> {
        lock(&self.tray).unread
    }

    pub(super) fn change<R>(&self, change: impl FnOnce(&mut Agenda<Queued, Offer>) -> R) -> R {
        let mut tray = lock(&self.tray);
        let changed = change(&mut tray.agenda);
        tray.note(&*self.clock);
        changed
    }

    /// Accepts nothing more. What was accepted can still be taken, and whoever closes it sees to it that it is: jobs to be
    /// done, frames to be answered [`EngineError::Stopped`].
    pub fn close(&self) {
        lock(&self.tray).agenda.close();
        self.wake_all();
    }

    /// Once closed: who waits for work does not wait for what is being read.
    pub fn give_up(&self) {
        lock(&self.tray).given_up = true;
        self.wake_all();
    }

    /// After what may concern several: whoever waits looks again.
    pub(super) fn wake_all(&self) {
        self.changed.notify_all();
        self.readable.notify_all();
    }

    /// Whether it is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        lock(&self.tray).agenda.is_closed()
    }

    /// Jobs that wait, and the most that may.
    #[must_use]
    pub fn queue(&self) -> (usize, usize) {
        (lock(&self.tray).agenda.jobs(), self.capacity)
    }

    /// What became of the frames of all lanes, those that are gone among them.
    #[must_use]
    pub fn lanes(&self) -> LaneCounts {
        lock(&self.tray).agenda.all_counts()
    }

    fn taken(self: &Arc<Self>, next: Next<Queued, Offer>, closed: bool) -> Taken {
        match next {
            Next::Job(Queued {
                job,
                accepted,
                done,
            }) => Taken {
                job,
                accepted,
                entrance: Entrance::Queue,
                due: Ok(()),
                done,
            },
            Next::Frame(lane, offer) => self.frame(lane, offer, closed),
        }
    }

    fn frame(self: &Arc<Self>, lane: usize, offer: Offer, closed: bool) -> Taken {
        let Offer {
            frame,
            accepted,
            terms,
        } = offer;
        let started = self.clock.now();
        let age = started.saturating_duration_since(frame.captured);
        let due = match terms.spec.stale_after {
            _ if closed => Err(EngineError::Stopped),
            Some(limit) if age > limit => Err(EngineError::Stale { age, limit }),
            _ => Ok(()),
        };
        let job = Job {
            picture: frame.picture,
            scale: frame.scale,
            region: None,
            ask: terms.spec.ask.clone(),
            stop: terms.stop.clone(),
        };
        let delivery = Delivery {
            turn: Turn {
                inbox: self.clone(),
                lane,
            },
            sequence: frame.sequence,
            captured: frame.captured,
            started,
            terms,
        };
        Taken {
            job,
            accepted,
            entrance: Entrance::Lane,
            due,
            done: Box::new(move |result| delivery.tell(result)),
        }
    }

    pub(super) fn open(&self) -> Result<usize, EngineError> {
        let agenda = &mut lock(&self.tray).agenda;
        if agenda.is_closed() {
            return Err(EngineError::Stopped);
        }
        let most = Self::MOST_LANES;
        agenda.open().ok_or(EngineError::TooManyLanes { most })
    }

    /// The offer that was replaced.
    pub(super) fn offer(&self, lane: usize, offer: Offer) -> Result<Option<Offer>, EngineError> {
        let offered = self.change(|agenda| agenda.offer(lane, offer));
        let replaced = offered.map_err(|_| EngineError::Stopped)?;
        self.changed.notify_one();
        Ok(replaced)
    }

    pub(super) fn leave(&self, lane: usize) {
        let waited = self.change(|agenda| agenda.leave(lane));
        // Freed without the lock.
        drop(waited);
    }

    pub(super) fn counts(&self, lane: usize) -> LaneCounts {
        lock(&self.tray).agenda.counts(lane)
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }
}

/// A lane's frame in work: while this lives the lane has no other turn.
struct Turn {
    inbox: Arc<Inbox>,
    lane: usize,
}

/// Tells a lane's sink of the frame that was in work.
struct Delivery {
    turn: Turn,
    sequence: u64,
    captured: Instant,
    started: Instant,
    terms: Arc<Terms>,
}

impl Delivery {
    /// Counted first, so that the sink finds itself in the counts, and whatever it does.
    fn tell(self, result: Result<Segmentation, EngineError>) {
        let Turn { inbox, lane } = &self.turn;
        let fate = match &result {
            Ok(_) => Fate::Computed,
            Err(_) => Fate::Failed,
        };
        if inbox.change(|agenda| agenda.settle(*lane, fate)) {
            self.terms.sink.take(LiveOutcome {
                sequence: self.sequence,
                captured: self.captured,
                started: self.started,
                finished: inbox.now(),
                result,
            });
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.inbox.change(|agenda| agenda.release(self.lane)) {
            self.inbox.changed.notify_one();
        }
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox")
            .field("queue", &self.queue())
            .field("lanes", &self.lanes())
            .finish_non_exhaustive()
    }
}
