//! What lies in the inbox, without threads.

use std::sync::Arc;
use std::time::Instant;

use crate::frame::Stop;

use super::agenda::{Agenda, Next, Size};
use super::clock::Clock;
use super::done::Done;
use super::job::Job;
use super::live::{LaneSpec, LiveFrame, LiveSink};

/// What can be taken, and for how long that has been so.
pub(super) struct InTray {
    pub agenda: Agenda<Queued, Offer>,
    /// Since when something could be taken, and nothing was.
    pub untaken: Option<Instant>,
    /// The same of what is to be read.
    pub unread: Option<Instant>,
    /// Whether what is being read will not be waited for.
    pub given_up: bool,
}

impl InTray {
    /// Empty, with room for so many jobs and lanes.
    pub(super) fn new(jobs: usize, lanes: usize) -> Self {
        Self {
            agenda: Agenda::new(jobs, lanes),
            untaken: None,
            unread: None,
            given_up: false,
        }
    }

    /// What is next.
    pub(super) fn take(&mut self, clock: &dyn Clock) -> Option<Next<Queued, Offer>> {
        let next = self.agenda.next()?;
        self.untaken = None;
        self.note(clock);
        Some(next)
    }

    /// What is to be read next.
    pub(super) fn take_unread(&mut self, clock: &dyn Clock) -> Option<(Size, Queued)> {
        let next = self.agenda.next_unread()?;
        self.unread = None;
        self.note(clock);
        Some(next)
    }

    /// After whatever may have changed whether something can be taken.
    pub(super) fn note(&mut self, clock: &dyn Clock) {
        let since = |due: bool, known: Option<Instant>| match due {
            true => known.or_else(|| Some(clock.now())),
            false => None,
        };
        self.untaken = since(self.agenda.is_due(), self.untaken);
        self.unread = since(self.agenda.is_readable(), self.unread);
    }

    /// Whether nothing will come any more.
    pub(super) fn is_over(&self) -> bool {
        self.agenda.is_closed() && (self.given_up || !self.agenda.expects_jobs())
    }
}

/// An accepted job.
pub(super) struct Queued {
    pub job: Job,
    pub accepted: Instant,
    pub done: Done,
}

/// A frame in its lane.
pub(super) struct Offer {
    pub frame: LiveFrame,
    pub accepted: Instant,
    pub terms: Arc<Terms>,
}

/// What holds for all frames of a lane.
pub(super) struct Terms {
    pub spec: LaneSpec,
    pub sink: Arc<dyn LiveSink>,
    /// Gives up what is in work.
    pub stop: Stop,
}
