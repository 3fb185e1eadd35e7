//! The thread that works on what was received, one object at a time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dimse::{EntryKey, FolderError, Outbox, OutboxError, Posted, Spool, SpooledObject};
use picture::segmenter::Bell;

use crate::attempts::Attempts;
use crate::fate::{ObjectFate, Unanswered, WorkStop};
use crate::hold::{Ended, Obstacle, WorkerHold};
use crate::maker::{AnswerDesk, MadeAnswer};
use crate::meter::GatewayMeter;
use crate::plan::AnswerRoute;

/// How long nothing is looked for when nothing waits; the bell rings before.
const HOUR: Duration = Duration::from_secs(3600);

/// What is worked with.
pub struct GatewayWorker {
    pub spool: Arc<Spool>,
    pub outbox: Arc<Outbox>,
    pub routes: Vec<AnswerRoute>,
    pub desk: AnswerDesk,
    pub attempts: Attempts,
    pub meter: Arc<GatewayMeter>,
    pub hold: Arc<WorkerHold>,
    /// Rung when an object has come, and when it is to end.
    pub bell: Bell,
}

impl GatewayWorker {
    /// Until it is told to end. What it is at then is begun anew by who is started next.
    pub fn go(&self) {
        // Those that could not be removed: they are done all the same.
        let mut done = BTreeSet::new();
        while self.hold.check().is_ok() {
            self.bell.hush();
            let mut waiting = self.spool.waiting().into_iter();
            let next = waiting.find(|object| !done.contains(&object.arrival));
            let Some(object) = next else {
                if self.hold.check().is_ok() {
                    self.hold.idle(&self.bell, HOUR);
                }
                continue;
            };
            let Ok(fate) = self.work(&object) else {
                return;
            };
            if let Err(error) = self.put_away(&object) {
                tracing::error!(%error, "an object that was worked on could not be removed");
                done.insert(object.arrival);
            }
            // Last: who is told of it may send it again.
            self.meter.became(fate);
        }
    }

    fn put_away(&self, object: &SpooledObject) -> Result<(), FolderError> {
        self.spool.remove(object)?;
        if let Err(error) = self.attempts.end() {
            tracing::warn!(%error, "what is being worked on could not be written down");
        }
        Ok(())
    }

    fn work(&self, object: &SpooledObject) -> Result<ObjectFate, Ended> {
        match self.answer(object) {
            Ok(fate) => {
                tracing::info!(outcome = fate.name(), "an object was worked on");
                Ok(fate)
            }
            Err(WorkStop::Unanswered(Unanswered { fate, words })) => {
                tracing::warn!(
                    outcome = fate.name(),
                    reason = words,
                    "an object has no answer"
                );
                Ok(fate)
            }
            Err(WorkStop::Ended) => Err(Ended),
        }
    }

    fn answer(&self, object: &SpooledObject) -> Result<ObjectFate, WorkStop> {
        match self.attempts.begin(&object.arrival) {
            Ok(before) if before >= Attempts::MOST => {
                let words = format!("the program ended {before} times while it worked on it");
                return Err(Unanswered::new(ObjectFate::Fault, words).into());
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "what is being worked on could not be written down");
            }
        }
        self.post(&self.desk.answers(object, &self.hold)?)
    }

    /// Puts all answers into the outbox, each destination's in their order: a report after the segmentation that it names.
    fn post(&self, answers: &[MadeAnswer]) -> Result<ObjectFate, WorkStop> {
        let mut fate = ObjectFate::AnsweredBefore;
        for route in &self.routes {
            let wanted = answers.iter();
            for answer in wanted.filter(|answer| route.answers.contains(&answer.kind)) {
                let key = EntryKey::of(&answer.instance);
                let put = || {
                    let posted = self.outbox.put(&route.name, &key, &answer.bytes[..]);
                    posted.map_err(|error| self.obstacle(error))
                };
                if self.hold.persist(put)? == Posted::New {
                    fate = ObjectFate::Answered;
                }
            }
        }
        Ok(fate)
    }

    fn obstacle(&self, error: OutboxError) -> Obstacle<WorkStop> {
        let state = self.outbox.state();
        let lasting = |fate, words: &str| Obstacle::Lasting(Unanswered::new(fate, words).into());
        match error {
            // It would not go in however long it waited.
            OutboxError::Folder(FolderError::Full { .. }) if state.bytes == 0 => {
                let words = "the outbox is smaller than one answer (dicom.outbox_mib)";
                lasting(ObjectFate::TooLarge, words)
            }
            OutboxError::Folder(error) => Obstacle::Passing(error.to_string()),
            OutboxError::Object(words) => lasting(ObjectFate::Fault, &words),
        }
    }
}
