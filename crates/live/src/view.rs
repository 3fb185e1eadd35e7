//! What there is to see of a source at a moment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use picture::frame::Frame;
use picture::segmenter::Segmentation;
use video::placement::Placement;

use crate::counts::LiveCounts;
use crate::pace::{PaceReason, PaceStep};
use crate::state::{State, Verdict};

/// A picture as it came in. Clones share its pixels.
#[derive(Clone, Debug)]
pub struct LivePicture {
    /// Its number among the pictures of this source, from 0.
    pub sequence: u64,
    /// When it was taken; never later than it came in.
    pub captured: Instant,
    /// Its pixels.
    pub frame: Arc<Frame>,
    /// Where it lies in the room, if its source says so.
    pub placement: Option<Placement>,
}

/// The model's answer to a picture.
#[derive(Debug)]
pub struct LiveAnswer {
    /// Its number among the answers of this source, from 1.
    pub number: u64,
    /// The number of the picture that was computed.
    pub sequence: u64,
    /// When that was taken.
    pub captured: Instant,
    /// When the answer was given.
    pub finished: Instant,
    /// What is to be thought of it.
    pub verdict: Verdict,
    /// The mask, and the very picture that it was computed from.
    pub segmentation: Segmentation,
}

/// What there is to see at a moment. It is true for that moment only: whoever has kept it looks again.
#[derive(Clone, Debug)]
pub struct LiveView {
    /// The moment.
    pub now: Instant,
    /// What may be shown.
    pub state: State,
    /// Why, where there is more to say than the word.
    pub detail: Option<Arc<str>>,
    /// Counts what the model was asked for so far: nothing of an earlier question is to be shown.
    pub question: u64,
    /// The newest answer, however old. What may be shown of it says [`LiveView::masked`].
    pub answer: Option<Arc<LiveAnswer>>,
    /// The picture to be shown: the one that the answer is about, if the state is one; else the newest.
    pub picture: Option<LivePicture>,
    /// The newest picture.
    pub newest: Option<LivePicture>,
    /// Since when it is held by a person's wish ([`super::Session::freeze`]).
    pub frozen: Option<Instant>,
    /// Whether masks are not to be drawn, by a person's wish ([`super::Session::hide_mask`]).
    pub hidden: bool,
    /// For so long every picture has been equal to the one before.
    pub still: Option<Duration>,
    /// How much is asked of the board.
    pub step: PaceStep,
    /// Why it is less than all, if it is.
    pub reason: Option<PaceReason>,
    /// Pictures, and answers, in a second.
    pub rates: Rates,
    /// What became of everything.
    pub counts: LiveCounts,
}

/// How many come in a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Pictures.
    pub captured: f64,
    /// Answers.
    pub segmented: f64,
}

impl LiveView {
    /// The mask that may be shown, with the picture that it was computed from; also while [`LiveView::hidden`] says that
    /// it is not to be drawn.
    #[must_use]
    pub fn masked(&self) -> Option<&Segmentation> {
        let answer = self.answer.as_ref()?;
        (self.state == State::Mask).then_some(&answer.segmentation)
    }

    /// How old the picture is that is shown.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let picture = self.picture.as_ref()?;
        Some(self.now.saturating_duration_since(picture.captured))
    }

    /// Whether this may still be told when `now` is what there is to see: the state is the same, and if that is an answer,
    /// this one is no older than the budget, whatever newer one there is. What is frozen is held on purpose.
    #[must_use]
    pub fn holds(&self, now: &Self, budget: Duration) -> bool {
        let picture = self.picture.as_ref();
        let age = picture.map(|picture| now.now.saturating_duration_since(picture.captured));
        let fresh = !self.state.is_answer() || age.is_none_or(|age| age <= budget);
        let wishes = |view: &Self| (view.question, view.frozen, view.hidden);
        let same = self.state == now.state && wishes(self) == wishes(now);
        same && (self.frozen.is_some() || fresh)
    }

    /// This moment for somebody who cannot be shown a mask in time: the newest picture without one.
    #[must_use]
    pub fn too_late(self) -> Self {
        match self.state.is_answer() && self.frozen.is_none() {
            true => Self {
                state: State::Overload,
                picture: self.newest.clone(),
                ..self
            },
            false => self,
        }
    }

    /// The words that are to be written over the picture, if any.
    #[must_use]
    pub fn words(&self) -> &'static str {
        let frozen = self.frozen.is_some() && self.state.is_answer();
        match (frozen, self.hidden && self.state == State::Mask) {
            (true, true) => "FROZEN - MASK HIDDEN",
            (true, false) => "FROZEN",
            (false, true) => "MASK HIDDEN",
            (false, false) => self.state.words(),
        }
    }
}
