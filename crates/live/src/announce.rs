//! The thread that makes answers of what the model gave, and tells who listens when a state has changed by time alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use picture::segmenter::{EngineError, LiveOutcome};

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
            Some((question, outcome)) => {
                let sequence = outcome.sequence;
                let judged = AssertUnwindSafe(|| answer(core, &mut judge, question, outcome));
                if catch_unwind(judged).is_err() {
                    // It costs that answer, and what was known of those before it.
                    judge = Judge::new(&core.settings);
                    let fault = EngineError::Internal("an answer could not be judged".into());
                    core.unanswered(sequence, &fault);
                }
            }
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
                // It gets its own when it is published.
                number: 0,
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
