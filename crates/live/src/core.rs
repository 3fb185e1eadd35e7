//! What the threads of a source share: what is known, and what is told of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use picture::frame::Frame;
use picture::segmenter::{
    Ask, Bell, Clock, EngineError, Lane, LiveFrame, LiveOutcome, LiveSink, Offered, Readiness,
    Segmenter,
};
use picture::sync::lock;
use video::prepare::PixelRect;
use video::surround::SurroundProposal;
use video::viewfinder::{AimError, Viewfinder};

use crate::clip::{ClipFate, ClipKeeper, ClipPicture};
use crate::condition::BoardStrain;
use crate::desk::{Arrival, Desk};
use crate::ears::Ears;
use crate::lane_desk::LaneDesk;
use crate::observer::Observers;
use crate::pace::PaceStep;
use crate::settings::LiveSettings;
use crate::state::{Signal, State};
use crate::view::{LiveAnswer, LivePicture, LiveView};

/// How often a model that cannot be used is asked again whether it can.
const ASK_AGAIN: Duration = Duration::from_millis(250);

pub(crate) struct Core {
    pub clock: Arc<dyn Clock>,
    pub settings: LiveSettings,
    pub ears: Ears,
    pub clip: ClipKeeper,
    pub observers: Observers,
    /// What is to be seen of the source.
    pub viewfinder: Viewfinder,
    proposed: Mutex<Proposed>,
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

/// Where a lane's answers go.
struct LaneSink {
    core: Weak<Core>,
    lane: u64,
}

impl LiveSink for LaneSink {
    fn take(&self, outcome: LiveOutcome) {
        let Some(core) = self.core.upgrade() else {
            return;
        };
        let overtaken = {
            let mut line = lock(&core.line);
            match self.lane == line.number {
                true => line
                    .outcome
                    .replace((self.lane, outcome))
                    .map(|(_, before)| before),
                // To an old question: what waits is not put away for it.
                false => Some(outcome),
            }
        };
        if let Some(overtaken) = overtaken {
            core.overtake(&overtaken);
        }
        core.answered.ring();
    }
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

    // --- what the capture thread tells ---

    /// How the source does now; told to all who listen if that is news.
    pub fn signal(&self, signal: Signal) {
        let news = {
            let mut desk = lock(&self.desk);
            // The end is the end, whatever a source says of itself that returns late.
            let signal = match self.is_stopped() {
                true => Signal::Ended,
                false => signal,
            };
            let news = desk.standing.signal != signal;
            desk.standing.signal = signal;
            news
        };
        if news {
            self.ears.tell();
        }
    }

    /// The source was opened.
    pub fn opened(&self) {
        lock(&self.desk).capture.opened += 1;
        self.signal(Signal::Up);
    }

    /// A picture came that could not be read.
    pub fn garbage(&self) {
        lock(&self.desk).capture.garbage += 1;
    }

    /// By the source's own count so many pictures never came in.
    pub fn missed(&self, count: u64) {
        lock(&self.desk).capture.missed += count;
    }

    /// A picture came in: it is shown, and the model is asked, unless its answer is known. If it has a JPEG, that is kept.
    pub fn arrived(
        self: &Arc<Self>,
        frame: Arc<Frame>,
        captured: Instant,
        jpeg: Option<Arc<[u8]>>,
    ) {
        let now = self.clock.now();
        // A source whose clock is ahead must not make its pictures look fresher than they are.
        let captured = captured.min(now);
        let mut desk = lock(&self.desk);
        if self.is_stopped() {
            return;
        }
        // Cut as is not to be seen any more. Asked under the lock: a change comes before this, or lets go of it after.
        if !self.viewfinder.is_current() {
            desk.capture.missed += 1;
            return;
        }
        let (picture, arrival) = desk.arrived(frame, captured, now, &self.settings);
        drop(desk);
        self.see_to_lane(&mut lock(&self.line), now);
        if let Some(jpeg) = jpeg {
            let fate = match arrival {
                Arrival::Ask => ClipFate::Waiting,
                Arrival::Same => ClipFate::Same,
                Arrival::LeftOut => ClipFate::LeftOut,
            };
            self.clip
                .arrived(ClipPicture::new(&picture, jpeg, fate), now);
        }
        if arrival == Arrival::Ask {
            let offered = self.offer(&picture);
            lock(&self.desk).was_offered(picture.sequence, offered);
            if !offered {
                self.clip.became(picture.sequence, ClipFate::LeftOut);
            }
        }
        // While there is an answer it is shown with its own picture, and this one is nothing to look at yet.
        if !self.next_change().0.is_answer() {
            self.ears.tell();
        }
    }

    /// Whether the model has it now, in a lane's waiting place.
    fn offer(&self, picture: &LivePicture) -> bool {
        let line = lock(&self.line);
        let Some(lane) = &line.lane else {
            return false;
        };
        let frame = LiveFrame {
            sequence: picture.sequence,
            captured: picture.captured,
            picture: picture::segmenter::Picture::Frame(picture.frame.clone()),
            scale: self.settings.scale.clone(),
        };
        match lane.offer(frame) {
            Ok(Offered { replaced }) => {
                if let Some(replaced) = replaced {
                    self.clip.became(replaced, ClipFate::Replaced);
                }
                true
            }
            Err(_) => false,
        }
    }

    /// Opens a lane if there is none, and asks from time to time whether the model is well.
    fn see_to_lane(self: &Arc<Self>, line: &mut LaneDesk, now: Instant) {
        if line.next_asking.is_some_and(|next| now < next) || self.is_stopped() {
            return;
        }
        line.next_asking = Some(now + ASK_AGAIN);
        let readiness = self.segmenter.readiness();
        let starting = readiness == Readiness::Starting;
        let well = readiness.check().and_then(|()| match line.lane {
            Some(_) => Ok(()),
            None => self.open(line),
        });
        let mut desk = lock(&self.desk);
        if starting {
            desk.standing.begun = now;
        }
        desk.standing.unready = match well {
            Ok(()) | Err(EngineError::NotReady) => None,
            Err(fault) => Some(fault.to_string().into()),
        };
    }

    fn open(self: &Arc<Self>, line: &mut LaneDesk) -> Result<(), EngineError> {
        if self.is_stopped() {
            return Err(EngineError::Stopped);
        }
        let sink = LaneSink {
            core: Arc::downgrade(self),
            lane: line.number + 1,
        };
        let lane = (self.segmenter).open_lane(line.spec.clone(), Arc::new(sink))?;
        line.number += 1;
        line.lane = Some(lane);
        Ok(())
    }

    /// Asks the model for something else from now on. Nothing that was asked before is answered after this.
    pub fn ask(self: &Arc<Self>, ask: Ask) -> Result<(), EngineError> {
        let _one = lock(&self.asking);
        self.change(ask.clone())?;
        lock(&self.line).wish = ask;
        // What a person held was of the old one.
        self.freeze(false);
        self.ask_by_pace();
        Ok(())
    }

    /// Asks the smaller model if the pace says so, and the one that was asked for if not.
    fn follow_pace(self: &Arc<Self>) {
        let _one = lock(&self.asking);
        self.ask_by_pace();
    }

    fn ask_by_pace(self: &Arc<Self>) {
        let small = lock(&self.desk).pace.step() >= PaceStep::SmallModel;
        let small = self.settings.small_model.as_ref().filter(|_| small);
        let (wish, asked) = {
            let line = lock(&self.line);
            (line.wish.clone(), line.spec.ask.model.clone())
        };
        let model = small.or(wish.model.as_ref());
        if asked.as_ref() != model {
            let ask = Ask {
                model: model.cloned(),
                ..wish
            };
            // A model that has not this modality: the other one goes on.
            if let Err(refused) = self.change(ask) {
                tracing::warn!("a live source stays with its model: {refused}");
            }
        }
    }

    fn change(self: &Arc<Self>, ask: Ask) -> Result<(), EngineError> {
        let (overtaken, old) = {
            let mut line = lock(&self.line);
            let before = std::mem::replace(&mut line.spec, self.settings.lane(ask));
            let old = line.lane.take();
            if let Err(refused) = self.open(&mut line) {
                (line.spec, line.lane) = (before, old);
                return Err(refused);
            }
            (self.retire(&mut line, old.as_ref()), old)
        };
        drop(old);
        lock(&self.desk).ask_anew(self.clock.now());
        self.overtake_all(overtaken);
        Ok(())
    }

    /// Counts what becomes of a lane that is given up; the answer that waited is one to nobody any more.
    fn retire(&self, line: &mut LaneDesk, old: Option<&Lane>) -> Option<LiveOutcome> {
        line.retire(old);
        self.clip.asked_anew();
        line.outcome.take().map(|(_, outcome)| outcome)
    }

    fn overtake_all(&self, overtaken: Option<LiveOutcome>) {
        overtaken.iter().for_each(|outcome| self.overtake(outcome));
        self.ears.tell();
    }

    /// Nobody looks at this one.
    fn overtake(&self, outcome: &LiveOutcome) {
        // Of answers only: what gave none is among the lane's failures.
        lock(&self.desk).overtaken += u64::from(outcome.result.is_ok());
        self.clip.became(outcome.sequence, ClipFate::Overtaken);
    }

    /// Has another region of the pictures seen from the next one on. Nothing that was seen before is after this.
    pub fn aim(self: &Arc<Self>, region: Option<PixelRect>) -> Result<(), AimError> {
        self.viewfinder.aim(region)?;
        let (overtaken, old) = {
            let mut line = lock(&self.line);
            let old = line.lane.take();
            // A lane is opened for the next picture; nothing of this one counts any more.
            line.number += 1;
            line.next_asking = None;
            (self.retire(&mut line, old.as_ref()), old)
        };
        drop(old);
        lock(&self.desk).see_anew(self.clock.now());
        *lock(&self.proposed) = Proposed::Settled;
        self.overtake_all(overtaken);
        Ok(())
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

    /// What the model was asked for.
    pub fn asked(&self) -> Ask {
        lock(&self.line).wish.clone()
    }

    // --- what the announcer asks and tells ---

    /// The answer that waits, and the number of its question, unless that is an old one.
    pub fn outcome(&self) -> Option<(u64, LiveOutcome)> {
        let mut line = lock(&self.line);
        self.answered.hush();
        let (lane, outcome) = line.outcome.take()?;
        let current = lane == line.number;
        drop(line);
        if current && !lock(&self.desk).is_past(outcome.sequence) {
            return Some((lane, outcome));
        }
        self.overtake(&outcome);
        None
    }

    /// Makes an answer the newest. Whoever listens is told. Unless it is settled, pictures that are equal are asked about anew.
    pub fn publish(self: &Arc<Self>, answer: LiveAnswer, settled: bool) {
        let (sequence, verdict, now) = (answer.sequence, answer.verdict, self.clock.now());
        let published = lock(&self.desk).publish(answer, settled, now, &self.settings);
        let Some((answer, stepped)) = published else {
            return self.clip.became(sequence, ClipFate::Overtaken);
        };
        self.clip.judged(sequence, verdict);
        self.observers.tell(&answer);
        if stepped {
            self.follow_pace();
        }
        self.ears.tell();
    }

    /// The answer to a picture is not shown, and the one before is for a little longer.
    pub fn held(&self, sequence: u64) {
        lock(&self.desk).held(sequence);
    }

    /// A picture got no answer; why.
    pub fn unanswered(self: &Arc<Self>, sequence: u64, why: &EngineError) {
        let now = self.clock.now();
        let stepped = lock(&self.desk).unanswered(sequence, why, now);
        if stepped {
            self.follow_pace();
        }
        self.ears.tell();
    }

    /// When the state will be another one, if nothing comes until then.
    pub fn next_change(&self) -> (State, Option<Instant>) {
        let now = self.clock.now();
        let desk = lock(&self.desk);
        let (standing, patience) = (&desk.standing, &self.settings.patience);
        (
            standing.state(now, patience),
            standing.next_change(now, patience),
        )
    }

    /// For what the board is held back, if it is.
    pub fn strained(self: &Arc<Self>, by: Option<BoardStrain>) {
        let now = self.clock.now();
        if lock(&self.desk).pace.strained(by, now) {
            self.follow_pace();
            self.ears.tell();
        }
    }

    // --- what everybody sees ---

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
