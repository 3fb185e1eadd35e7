//! The thread that makes answers of what the model gave, and tells who listens when a state has changed by time alone.

use std::sync::Arc;
use std::time::Duration;

use picture::segmenter::{LiveOutcome, Segmentation};

use crate::core::Core;
use crate::settings::LiveSettings;
use crate::state::Verdict;
use crate::view::LiveAnswer;

/// Longest wait, so that a change is noticed that was not to be foreseen.
const LONGEST: Duration = Duration::from_secs(1);

/// Runs until the core is stopped.
pub(crate) fn announce(core: &Arc<Core>) {
    let mut told = None;
    while !core.is_stopped() {
        match core.outcome() {
            Some(outcome) => answer(core, outcome),
            None => {
                let (state, change) = core.next_change();
                if told.replace(state) != Some(state) {
                    core.ears.tell();
                }
                let longest = core.clock.now() + LONGEST;
                let until = change.map_or(longest, |change| change.min(longest));
                core.clock.wait(until, &core.answered);
            }
        }
    }
}

fn answer(core: &Arc<Core>, outcome: LiveOutcome) {
    match outcome.result {
        Ok(segmentation) => core.publish(LiveAnswer {
            number: core.next_number(),
            sequence: outcome.sequence,
            captured: outcome.captured,
            finished: outcome.finished,
            verdict: judge(&segmentation, &core.settings),
            segmentation,
        }),
        Err(why) => core.unanswered(outcome.sequence, &why),
    }
}

/// What is to be thought of a mask.
fn judge(segmentation: &Segmentation, settings: &LiveSettings) -> Verdict {
    let Segmentation {
        check,
        confidence,
        probability,
        ..
    } = segmentation;
    if check
        .as_ref()
        .is_some_and(picture::segmenter::ModalityCheck::is_mismatch)
    {
        Verdict::WrongModality
    } else if probability.is_none() {
        Verdict::NothingFound
    } else if confidence.is_some_and(|confidence| confidence < settings.unsure_below) {
        Verdict::Unsure
    } else {
        Verdict::Mask
    }
}
