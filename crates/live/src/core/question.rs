//! What the model is asked, and through which lane.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use picture::frame::PixelRect;
use picture::scale::Scale;
use picture::segmenter::{
    Ask, EngineError, Lane, LiveFrame, LiveOutcome, LiveSink, Offered, Picture, Readiness,
};
use picture::sync::lock;
use video::placement::Placement;
use video::viewfinder::AimError;

use super::{Core, Proposed};
use crate::clip::ClipFate;
use crate::lane_desk::LaneDesk;
use crate::pace::PaceStep;
use crate::view::LivePicture;

/// How often a model that cannot be used is asked again whether it can.
const ASK_AGAIN: Duration = Duration::from_millis(250);

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
    /// Whether the model has it now, in a lane's waiting place.
    pub(super) fn offer(&self, picture: &LivePicture) -> bool {
        let line = lock(&self.line);
        let Some(lane) = &line.lane else {
            return false;
        };
        let frame = LiveFrame {
            sequence: picture.sequence,
            captured: picture.captured,
            picture: Picture::Frame(picture.frame.clone()),
            scale: self.scale_of(picture.placement),
        };
        match lane.offer(frame) {
            Ok(Offered { replaced }) => {
                if let Some(replaced) = replaced {
                    lock(&self.desk).forget(replaced);
                    self.clip.became(replaced, ClipFate::Replaced);
                }
                true
            }
            Err(_) => false,
        }
    }

    /// Opens a lane if there is none, and asks from time to time whether the model is well.
    pub(super) fn see_to_lane(self: &Arc<Self>, line: &mut LaneDesk, now: Instant) {
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
    pub(super) fn follow_pace(self: &Arc<Self>) {
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
    pub(super) fn overtake(&self, outcome: &LiveOutcome) {
        // Of answers only: what gave none is among the lane's failures.
        let mut desk = lock(&self.desk);
        desk.overtaken += u64::from(outcome.result.is_ok());
        desk.forget(outcome.sequence);
        drop(desk);
        self.clip.became(outcome.sequence, ClipFate::Overtaken);
    }

    /// Has another region of the pictures seen from the next one on. Nothing that was seen before is after this.
    pub fn aim(self: &Arc<Self>, region: Option<PixelRect>) -> Result<(), AimError> {
        self.viewfinder.aim(region)?;
        *lock(&self.proposed) = Proposed::Settled;
        self.see_anew();
        Ok(())
    }

    /// Has pixels taken to be so large from the next picture on. Nothing that was measured before is told after this.
    pub fn rescale(&self, scale: Scale) {
        *lock(&self.scale) = scale;
        self.see_anew();
    }

    /// How large a pixel is of the newest picture.
    pub fn scale(&self) -> Scale {
        let placement = lock(&self.desk).placement();
        self.scale_of(placement)
    }

    /// How large a pixel is of a picture that lies so: as a person has said, and where nobody has, as the source says.
    fn scale_of(&self, placement: Option<Placement>) -> Scale {
        match lock(&self.scale).clone() {
            Scale::Unknown => placement.and_then(|of| of.pixel()).into(),
            told => told,
        }
    }

    /// Nothing of the pictures so far counts any more: a lane is opened for the next one.
    fn see_anew(&self) {
        let (overtaken, old) = {
            let mut line = lock(&self.line);
            let old = line.lane.take();
            line.number += 1;
            line.next_asking = None;
            (self.retire(&mut line, old.as_ref()), old)
        };
        drop(old);
        lock(&self.desk).see_anew(self.clock.now());
        self.overtake_all(overtaken);
    }

    /// What the model was asked for.
    pub fn asked(&self) -> Ask {
        lock(&self.line).wish.clone()
    }
}
