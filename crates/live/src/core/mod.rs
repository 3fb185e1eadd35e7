//! What the threads of a source share: what is known, and what is told of it.

mod answers;
mod arrivals;
mod question;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use picture::scale::Scale;
use picture::segmenter::{Ask, Bell, Clock, Segmenter};
use picture::sync::lock;
use video::surround::SurroundProposal;
use video::viewfinder::Viewfinder;

use crate::clip::ClipKeeper;
use crate::desk::Desk;
use crate::ears::Ears;
use crate::lane_desk::LaneDesk;
use crate::observer::Observers;
use crate::settings::LiveSettings;
use crate::state::Signal;
use crate::view::LiveView;

pub(crate) struct Core {
    pub clock: Arc<dyn Clock>,
    pub settings: LiveSettings,
    pub ears: Ears,
    pub clip: ClipKeeper,
    pub observers: Observers,
    /// What is to be seen of the source.
    pub viewfinder: Viewfinder,
    proposed: Mutex<Proposed>,
    /// How large a pixel of its pictures is now.
    scale: Mutex<Scale>,
    /// Held while something else is asked, so that wish and lane change together. Taken before every other lock.
    asking: Mutex<()>,
    segmenter: Arc<dyn Segmenter>,
    desk: Mutex<Desk>,
    line: Mutex<LaneDesk>,
    /// Rung for who waits for an answer.
    pub answered: Bell,
    /// Rung at the end.
    pub ending: Bell,
    stopped: AtomicBool,
}

/// What could be seen of the source instead.
#[derive(Clone, Copy, Debug, Default)]
enum Proposed {
    /// It may still be proposed.
    #[default]
    Open,
    /// This, until a person has said.
    Found(Option<SurroundProposal>),
    /// A person has said.
    Settled,
}

impl Core {
    pub fn new(
        segmenter: Arc<dyn Segmenter>,
        clock: Arc<dyn Clock>,
        settings: LiveSettings,
        ask: Ask,
        viewfinder: Viewfinder,
    ) -> Arc<Self> {
        let desk = Desk::new(clock.now(), &settings);
        let spec = settings.lane(ask.clone());
        Arc::new(Self {
            clock,
            clip: ClipKeeper::new(settings.clip),
            scale: Mutex::new(settings.scale.clone()),
            settings,
            ears: Ears::default(),
            observers: Observers::default(),
            viewfinder,
            proposed: Mutex::default(),
            asking: Mutex::default(),
            segmenter,
            desk: Mutex::new(desk),
            line: Mutex::new(LaneDesk::new(ask, spec)),
            answered: Bell::default(),
            ending: Bell::default(),
            stopped: AtomicBool::new(false),
        })
    }

    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Also to who sees a picture that is held.
        self.freeze(false);
        self.signal(Signal::Ended);
        self.ending.ring();
        self.answered.ring();
        let lane = lock(&self.line).lane.take();
        drop(lane);
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Keeps what could be cut off, for a person to say, unless that has been said.
    pub fn propose(&self, proposal: Option<SurroundProposal>) {
        let mut proposed = lock(&self.proposed);
        if !matches!(*proposed, Proposed::Settled) {
            *proposed = Proposed::Found(proposal);
        }
        drop(proposed);
        self.ears.tell();
    }

    /// What could be cut off.
    pub fn proposed(&self) -> Option<SurroundProposal> {
        match *lock(&self.proposed) {
            Proposed::Found(proposal) => proposal,
            Proposed::Open | Proposed::Settled => None,
        }
    }

    /// What there is to see now.
    pub fn look(&self) -> LiveView {
        let lanes = lock(&self.line).counts();
        // The time is asked under the lock: what is known then is not newer than it.
        let desk = lock(&self.desk);
        let mut view = desk.view(self.clock.now(), &self.settings);
        drop(desk);
        view.counts.lanes = lanes;
        view
    }

    /// Holds what there is to see now, or lets it go.
    pub fn freeze(&self, frozen: bool) {
        let mut desk = lock(&self.desk);
        desk.freeze(frozen, self.clock.now(), &self.settings);
        drop(desk);
        self.ears.tell();
    }

    /// Has no mask drawn, or has them drawn again.
    pub fn hide_mask(&self, hidden: bool) {
        lock(&self.desk).hidden = hidden;
        self.ears.tell();
    }
}
