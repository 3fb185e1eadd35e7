//! What is to be thought of the model's answers, one after the other: steadied, and in words that do not blink.

use std::time::Instant;

use picture::mask::presence::PresenceState;
use picture::mask::upsample;
use picture::segmenter::{ModalityCheck, Segmentation};

use crate::settings::LiveSettings;
use crate::state::Verdict;
use crate::steady::{Debounce, Insistence, Steady, SteadySettings};

/// Judges the answers of one source, in their order.
pub struct Judge {
    steady: Option<Steady>,
    unsure_below: f32,
    insistence: [Insistence; 2],
    /// Which question the answers so far were to, and what is said of them.
    word: Option<(u64, Debounce<Verdict>)>,
}

/// What is to be shown of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It, with this word. Unless that is settled, an equal picture may get another one.
    Answer {
        /// The word.
        verdict: Verdict,
        /// Whether this answer says so itself.
        settled: bool,
    },
    /// The answer before, for a little longer: this one is odd, and may be alone.
    Before,
}

impl Judge {
    /// Of nothing yet.
    pub fn new(settings: &LiveSettings) -> Self {
        Self {
            steady: settings
                .steady
                .then(|| Steady::new(SteadySettings::default())),
            unsure_below: settings.unsure_below,
            insistence: settings.insistence,
            word: None,
        }
    }

    /// Steadies an answer to a question of that number, to a picture of that time, and says what is to be shown of it. A
    /// mask that is not to be shown is gone from it where the word says that nothing was found.
    pub fn judge(
        &mut self,
        question: u64,
        segmentation: &mut Segmentation,
        captured: Instant,
    ) -> Shown {
        if self.word.as_ref().is_some_and(|(of, _)| *of != question) {
            self.word = None;
            if let Some(steady) = &mut self.steady {
                steady.reset();
            }
        }
        // Of the frame's own mask, as its confidence is: what is there by the past alone is vouched for by nothing.
        let verdict = self.verdict(segmentation);
        self.steady(segmentation, captured);
        let verdict = match segmentation.probability {
            Some(_) => verdict,
            None => verdict.max(Verdict::NothingFound),
        };
        let [safer, back] = self.insistence;
        let begin = || (question, Debounce::new(verdict, safer, back));
        let (_, word) = self.word.get_or_insert_with(begin);
        let said = word.observe(verdict, captured);
        if said == Verdict::Mask && verdict != Verdict::Mask {
            return Shown::Before;
        }
        if said == Verdict::NothingFound {
            segmentation.withhold();
        }
        Shown::Answer {
            verdict: said,
            settled: said == verdict,
        }
    }

    /// Blends its logits with the past's.
    fn steady(&mut self, segmentation: &mut Segmentation, captured: Instant) {
        // An odd picture has no part in the past, nor has one of nothing: its logits mark what is not there.
        let counts = !is_odd(segmentation) && presence(segmentation) != Some(PresenceState::Absent);
        let Some(steady) = self.steady.as_mut().filter(|_| counts) else {
            return;
        };
        let frame = segmentation.frame.clone();
        let steadied = steady.next(&frame, &segmentation.low_res, captured);
        if steadied.motion.is_some() && !steadied.cut {
            // The engine has refused what is no number, and blends of numbers are numbers.
            if let Ok(blended) = upsample(steadied.logits, frame.width(), frame.height()) {
                let logits = steadied.logits.clone();
                segmentation.low_res = logits;
                segmentation.probability = blended.probability;
                segmentation.mask = blended.mask;
            }
        }
    }

    fn verdict(&self, segmentation: &Segmentation) -> Verdict {
        let confidence = segmentation.confidence;
        let presence = presence(segmentation);
        if is_odd(segmentation) {
            Verdict::WrongModality
        } else if segmentation.probability.is_none() {
            Verdict::NothingFound
        } else if presence == Some(PresenceState::Unsure)
            || confidence.is_some_and(|confidence| confidence < self.unsure_below)
        {
            Verdict::Unsure
        } else {
            Verdict::Mask
        }
    }
}

fn presence(segmentation: &Segmentation) -> Option<PresenceState> {
    segmentation.presence.map(|presence| presence.state)
}

fn is_odd(segmentation: &Segmentation) -> bool {
    (segmentation.check.as_ref()).is_some_and(ModalityCheck::is_mismatch)
}
