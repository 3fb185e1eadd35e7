use std::sync::Arc;
use std::time::Instant;

use super::agenda::Size;
use super::done::Done;
use super::inbox::Inbox;
use super::job::Job;
use super::tray::Queued;

/// A job whose picture a reader is to read ([`Inbox::take_unread`]).
pub struct Unread {
    /// What to do once it has been read.
    pub job: Job,
    /// To be called with its outcome, if it cannot be read.
    pub done: Done,
    /// Its way back.
    pub place: HeldPlace,
}

/// The place that a job has among the others while its picture is read. Dropping it gives the place up.
pub struct HeldPlace {
    inbox: Arc<Inbox>,
    accepted: Instant,
    /// `None` once it has been given back.
    size: Option<Size>,
}

impl Inbox {
    /// Waits for a job whose picture is to be read; `None` once the inbox is closed and none is left.
    pub fn take_unread(self: &Arc<Self>) -> Option<Unread> {
        let (size, queued) = self.next_unread()?;
        Some(Unread::new(self.clone(), size, queued))
    }
}

impl Unread {
    fn new(inbox: Arc<Inbox>, size: Size, queued: Queued) -> Self {
        let Queued {
            job,
            accepted,
            done,
        } = queued;
        Self {
            job,
            done,
            place: HeldPlace {
                inbox,
                accepted,
                size: Some(size),
            },
        }
    }

    /// That its picture is a large one: `None` if another such is being read; it is then set aside until that has been.
    #[must_use]
    pub fn large(mut self) -> Option<Self> {
        let HeldPlace { inbox, size, .. } = &mut self.place;
        if *size == Some(Size::Any) {
            if !inbox.change(|agenda| agenda.may_be_large()) {
                return self.set_aside();
            }
            *size = Some(Size::Large);
        }
        Some(self)
    }

    fn set_aside(self) -> Option<Self> {
        let Self {
            job,
            done,
            mut place,
        } = self;
        let accepted = place.accepted;
        place.size = None;
        let queued = Queued {
            job,
            accepted,
            done,
        };
        place.inbox.change(|agenda| agenda.set_aside(queued));
        // The other may have been read in between.
        place.inbox.wake_all();
        None
    }
}

impl HeldPlace {
    /// Has the job wait for its turn, its picture read.
    pub fn take(mut self, job: Job, done: Done) {
        let accepted = self.accepted;
        if let Some(size) = self.size.take() {
            let queued = Queued {
                job,
                accepted,
                done,
            };
            self.inbox.change(|agenda| agenda.has_read(size, queued));
            self.inbox.wake_all();
        }
    }
}

impl Drop for HeldPlace {
    fn drop(&mut self) {
        if let Some(size) = self.size.take() {
            self.inbox.change(|agenda| agenda.dismiss(size));
            self.inbox.wake_all();
        }
    }
}

impl std::fmt::Debug for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unread")
            .field("job", &self.job)
            .finish_non_exhaustive()
    }
}
