//! The thread that makes answers of what the model gave, and tells who listens when a state has changed by time alone.

use std::sync::Arc;
use std::time::Duration;

use picture::segmenter::LiveOutcome;

use crate::core::Core;
use crate::judge::{Judge, Shown};
use crate::view::LiveAnswer;

/// Longest wait, so that a change is noticed that was not to be foreseen.
const LONGEST: Duration = Duration::from_secs(1);

/// Runs until the core is stopped.
pub(crate) fn announce(core: &Arc<Core>) {
    let mut told = None;
    let mut judge = Judge::new(&core.settings);
    while !core.is_stopped() {
        match core.outcome() {
            Some((question, outcome)) => answer(core, &mut judge, question, outcome),
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

fn answer(core: &Arc<Core>, judge: &mut Judge, question: u64, outcome: LiveOutcome) {
    core.clip.answered(&outcome);
    let mut segmentation = match outcome.result {
        Ok(segmentation) => segmentation,
        Err(why) => return core.unanswered(outcome.sequence, &why),
    };
    match judge.judge(question, &mut segmentation, outcome.captured) {
        Shown::Answer { verdict, settled } => {
            let answer = LiveAnswer {
                number: core.next_number(),
                sequence: outcome.sequence,
                captured: outcome.captured,
                finished: outcome.finished,
                verdict,
                segmentation,
            };
            core.publish(answer, settled);
        }
        Shown::Before => core.held(outcome.sequence),
    }
}
