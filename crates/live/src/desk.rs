//! What is known of a source and of the model's answers to it, and what follows for whoever looks. No thread, no lock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use picture::frame::Frame;
use picture::segmenter::EngineError;
use video::placement::Placement;
use video::source::Shot;

use crate::counts::{CaptureCounts, LiveCounts, Rate};
use crate::pace::Pace;
use crate::settings::LiveSettings;
use crate::state::{Signal, Standing};
use crate::view::{LiveAnswer, LivePicture, LiveView, Rates};

/// More pictures than a lane can have at once, whatever becomes of them.
const MOST_OFFERED: usize = 8;

/// What is known.
pub(crate) struct Desk {
    pub standing: Standing,
    pub capture: CaptureCounts,
    pub overtaken: u64,
    pub published: u64,
    held: u64,
    /// How often something else was asked.
    asked: u64,
    pub pace: Pace,
    /// The newest answer, and the newest picture that it is an answer to.
    answer: Option<(Arc<LiveAnswer>, LivePicture)>,
    newest: Option<LivePicture>,
    question: Option<Question>,
    /// Where the pictures lie that the model was offered and may still answer: one in work, one that waits, one on its way.
    offered: BTreeMap<u64, Placement>,
    /// The first picture whose answer counts: those before were asked about something else.
    first: u64,
    /// Since when every picture is equal to the one before.
    still_since: Option<Instant>,
    frozen: Option<LiveView>,
    /// Whether masks are not to be drawn, by a person's wish.
    pub hidden: bool,
    captured: Rate,
    segmented: Rate,
}

/// The newest picture that was offered to the model.
struct Question {
    sequence: u64,
    /// When it was offered.
    asked: Instant,
    /// Whether it may still be answered, or has been.
    open: bool,
    /// The newest picture that is equal to it, or itself.
    same: LivePicture,
}

/// What is to be done with a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The model is to be asked.
    Ask,
    /// Nothing: it is equal to one whose answer is known or on its way.
    Same,
    /// Nothing: it is not its turn.
    LeftOut,
}

impl Desk {
    pub fn new(now: Instant, settings: &LiveSettings) -> Self {
        Self {
            standing: Standing::new(now),
            capture: CaptureCounts::default(),
            overtaken: 0,
            published: 0,
            held: 0,
            asked: 0,
            pace: Pace::new(settings.patience.budget),
            answer: None,
            newest: None,
            question: None,
            offered: BTreeMap::new(),
            first: 0,
            still_since: None,
            frozen: None,
            hidden: false,
            captured: Rate::new(now),
            segmented: Rate::new(now),
        }
    }

    /// Takes a picture in, and says what is to be done with it.
    pub fn arrived(
        &mut self,
        frame: Arc<Frame>,
        shot: Shot,
        now: Instant,
        settings: &LiveSettings,
    ) -> (LivePicture, Arrival) {
        let newest = self.newest.as_ref();
        let pixel = |placement: Option<Placement>| placement.and_then(|of| of.pixel());
        // What is measured of a picture is so of another size of its pixels, too.
        let alike = |newest: &LivePicture| pixel(newest.placement) == pixel(shot.placement);
        let unchanged = newest.is_some_and(|newest| *newest.frame == *frame && alike(newest));
        self.still_since = match unchanged {
            true => self.still_since.or(Some(now)),
            false => None,
        };
        let picture = LivePicture {
            sequence: self.capture.captured,
            captured: shot.captured,
            frame,
            placement: shot.placement,
        };
        self.capture.captured += 1;
        self.captured.tick(now);
        self.standing.seen = Some(now);
        self.standing.signal = Signal::Up;
        let before = self.newest.replace(picture.clone());
        // What lies between was perhaps never asked about: equal to it is not equal to what was.
        let asked = before.zip(self.question.as_ref());
        let same = asked.is_some_and(|(before, question)| {
            unchanged && before.sequence == question.same.sequence
        });
        if same && self.is_answer_of(&picture, now, settings) {
            self.capture.same += 1;
            return (picture, Arrival::Same);
        }
        if !self.pace.is_turn(picture.sequence) {
            self.capture.left_out += 1;
            return (picture, Arrival::LeftOut);
        }
        // Before it is offered: its answer may be here before the offer returns.
        if let Some(placement) = picture.placement {
            self.offered.insert(picture.sequence, placement);
            while self.offered.len() > MOST_OFFERED {
                self.offered.pop_first();
            }
        }
        self.question = Some(Question {
            sequence: picture.sequence,
            asked: now,
            open: true,
            same: picture.clone(),
        });
        (picture, Arrival::Ask)
    }

    /// Whether the answer to the picture before is known or on its way, and then is this one's as well.
    fn is_answer_of(
        &mut self,
        picture: &LivePicture,
        now: Instant,
        settings: &LiveSettings,
    ) -> bool {
        let Some(question) = self.question.as_mut().filter(|question| question.open) else {
            return false;
        };
        match &mut self.answer {
            Some((answer, shown)) if answer.sequence == question.sequence => {
                *shown = picture.clone();
                if let Some((captured, _)) = &mut self.standing.answer {
                    *captured = picture.captured;
                }
            }
            // What is long overdue may never come.
            _ if now.saturating_duration_since(question.asked) > settings.patience.budget => {
                return false;
            }
            _ => {}
        }
        question.same = picture.clone();
        true
    }

    /// What became of the offer of a picture.
    pub fn was_offered(&mut self, sequence: u64, offered: bool) {
        if offered {
            self.capture.offered += 1;
        } else {
            self.capture.left_out += 1;
            self.close(sequence);
            self.forget(sequence);
        }
    }

    /// Nobody answers that picture.
    pub fn forget(&mut self, sequence: u64) {
        self.offered.remove(&sequence);
    }

    /// Makes an answer the newest, and gives it its number; whether the pace changed. `None`: something else was asked or seen
    /// meanwhile.
    pub fn publish(
        &mut self,
        mut answer: LiveAnswer,
        settled: bool,
        now: Instant,
        settings: &LiveSettings,
    ) -> Option<(Arc<LiveAnswer>, bool)> {
        if self.is_past(answer.sequence) {
            self.overtaken += 1;
            return None;
        }
        let took = answer.finished.saturating_duration_since(answer.captured);
        let stepped = self.pace.answered(Some(took), now);
        if took > settings.patience.budget {
            self.standing.late = Some(answer.finished);
        }
        let placement = self.offered.remove(&answer.sequence);
        let question = self.question.as_ref();
        let shown = match question.filter(|question| question.sequence == answer.sequence) {
            // A newer picture may be equal to the one that was computed: the answer is to both.
            Some(question) => question.same.clone(),
            None => LivePicture {
                sequence: answer.sequence,
                captured: answer.captured,
                frame: answer.segmentation.frame.clone(),
                placement,
            },
        };
        self.standing.answer = Some((shown.captured, answer.verdict));
        self.standing.refused = None;
        self.published += 1;
        answer.number = self.published;
        self.segmented.tick(now);
        if !settled {
            self.close(answer.sequence);
        }
        let answer = Arc::new(answer);
        self.answer = Some((answer.clone(), shown));
        Some((answer, stepped))
    }

    /// The answer to a picture is not shown; pictures that are equal to it are asked about anew.
    pub fn held(&mut self, sequence: u64) {
        self.close(sequence);
        self.forget(sequence);
        self.held += 1;
    }

    /// A picture got no answer; why. Whether the pace changed.
    pub fn unanswered(&mut self, sequence: u64, why: &EngineError, now: Instant) -> bool {
        if self.is_past(sequence) {
            return false;
        }
        self.close(sequence);
        self.forget(sequence);
        match why {
            EngineError::Stale { .. } => {
                self.standing.late = Some(now);
                self.standing.refused = None;
                return self.pace.answered(None, now);
            }
            EngineError::GivenUp(_) | EngineError::NotReady => {}
            refusal => self.standing.refused = Some(refusal.to_string().into()),
        }
        false
    }

    /// Something else is asked from now on: nothing that was answered before counts any more.
    pub fn ask_anew(&mut self, now: Instant) {
        self.standing = Standing {
            signal: self.standing.signal.clone(),
            seen: self.standing.seen,
            ..Standing::new(now)
        };
        (self.answer, self.question) = (None, None);
        self.offered.clear();
        self.asked += 1;
        self.first = self.capture.captured;
    }

    /// Another part of the pictures is seen from now on: none of those before is any more.
    pub fn see_anew(&mut self, now: Instant) {
        self.ask_anew(now);
        (self.newest, self.frozen, self.still_since) = (None, None, None);
    }

    /// Whether that picture came before something else was asked or seen: its answer counts no more.
    pub fn is_past(&self, sequence: u64) -> bool {
        sequence < self.first
    }

    /// Where the newest picture lies.
    pub fn placement(&self) -> Option<Placement> {
        self.newest.as_ref()?.placement
    }

    /// That one will not be answered.
    fn close(&mut self, sequence: u64) {
        let question = self.question.as_mut();
        if let Some(question) = question.filter(|question| question.sequence == sequence) {
            question.open = false;
        }
    }

    /// Holds what there is to see, or lets it go. What is held already stays so.
    pub fn freeze(&mut self, frozen: bool, now: Instant, settings: &LiveSettings) {
        if frozen && self.frozen.is_some() {
            return;
        }
        self.frozen = None;
        self.frozen = frozen.then(|| LiveView {
            frozen: Some(now),
            ..self.view(now, settings)
        });
    }

    /// What there is to see at that time. The lanes' counts are not known here.
    pub fn view(&self, now: Instant, settings: &LiveSettings) -> LiveView {
        let live = self.live_view(now, settings);
        match &self.frozen {
            None => live,
            Some(frozen) => LiveView {
                now,
                hidden: live.hidden,
                step: live.step,
                reason: live.reason,
                rates: live.rates,
                counts: live.counts,
                ..frozen.clone()
            },
        }
    }

    fn live_view(&self, now: Instant, settings: &LiveSettings) -> LiveView {
        let state = self.standing.state(now, &settings.patience);
        let (answer, shown) = self.answer.clone().unzip();
        let still = self
            .still_since
            .map(|since| now.saturating_duration_since(since));
        LiveView {
            now,
            state,
            question: self.asked,
            detail: self.standing.detail(state),
            answer,
            newest: self.newest.clone(),
            picture: match state.is_answer() {
                true => shown,
                false => self.newest.clone(),
            },
            frozen: None,
            hidden: self.hidden,
            still: still.filter(|still| *still >= settings.still_after),
            step: self.pace.step(),
            reason: self.pace.reason(),
            rates: Rates {
                captured: self.captured.per_second(now),
                segmented: self.segmented.per_second(now),
            },
            counts: LiveCounts {
                capture: self.capture,
                published: self.published,
                overtaken: self.overtaken,
                held: self.held,
                ..LiveCounts::default()
            },
        }
    }
}
