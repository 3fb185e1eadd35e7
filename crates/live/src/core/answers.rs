//! What the announcer asks and tells.

use std::sync::Arc;
use std::time::Instant;

use picture::segmenter::{EngineError, LiveOutcome};
use picture::sync::lock;

use super::Core;
use crate::clip::ClipFate;
use crate::condition::BoardStrain;
use crate::state::State;
use crate::view::LiveAnswer;

impl Core {
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
}
