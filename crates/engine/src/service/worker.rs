use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use picture::segmenter::{Ask, EngineError, Entrance, Job, Readiness, Segmentation, Taken, millis};
use picture::sync::lock;

use super::post::{Duty, OnDuty, Post, Reply};
use super::shared::Shared;
use crate::flow::Pipeline;
use crate::model::runtime::panic_message;
use crate::pin;

/// What a worker does with a job: the [`Pipeline`], and in tests what never ends.
pub(super) trait Work: Send {
    fn warm_up(&self, ask: &Ask) -> Result<(), EngineError>;
    fn segment(&self, job: &Job) -> Result<Segmentation, EngineError>;
}

impl Work for Pipeline {
    fn warm_up(&self, ask: &Ask) -> Result<(), EngineError> {
        Self::warm_up(self, ask).map(|_| ())
    }

    fn segment(&self, job: &Job) -> Result<Segmentation, EngineError> {
        Self::segment(self, &job.into(), &job.ask)
    }
}

/// One engine thread.
pub(super) struct Worker {
    /// From 0.
    pub number: usize,
    pub work: Box<dyn Work>,
    /// The core its thread stays on.
    pub core: Option<usize>,
    pub shared: Arc<Shared>,
}

impl Worker {
    /// Until the inbox is closed and empty. `warm_up`: what the first worker loads before the engine is ready; the
    /// others find it loaded.
    pub(super) fn run(self, warm_up: Option<&[Ask]>) {
        if let Some(core) = self.core {
            pin::to_core(core);
        }
        if let Some(asks) = warm_up
            && !self.warm_up(asks)
        {
            return;
        }
        while let Some(taken) = self.shared.inbox.take() {
            self.serve(taken);
        }
    }

    /// Whether to go on: not if the engine ends before it was ready.
    fn warm_up(&self, asks: &[Ask]) -> bool {
        let stop = &self.shared.warm_up;
        let load = |ask: &Ask| {
            stop.check()?;
            let _duty = self.begin(Duty {
                what: "loading a modality",
                since: self.shared.clock.now(),
                stop: stop.clone(),
                reply: None,
            });
            self.work.warm_up(ask)
        };
        let readiness = match guarded(|| asks.iter().try_for_each(load)) {
            Ok(()) => Readiness::Ready,
            Err(EngineError::GivenUp(_)) => return false,
            Err(error) => {
                let folder = self.shared.store.dir().display();
                tracing::error!(%error, %folder, "the model cannot be used");
                Readiness::Failed(error.to_string())
            }
        };
        *lock(&self.shared.readiness) = readiness;
        self.shared.warmed_up.ring();
        true
    }

    fn serve(&self, taken: Taken) {
        let Taken {
            job,
            accepted,
            entrance,
            due,
            done,
        } = taken;
        let clock = &self.shared.clock;
        let reply = Reply::new(done);
        let since = clock.now();
        let waited = since.saturating_duration_since(accepted);
        // Reading it was not waiting.
        let queued = waited.saturating_sub(job.picture.decoding_took());
        let _duty = self.begin(Duty {
            what: match entrance {
                Entrance::Queue => "at one picture",
                Entrance::Lane => "at one live frame",
            },
            since,
            stop: job.stop.clone(),
            reply: Some(reply.clone()),
        });
        let outcome = guarded(|| due.and_then(|()| self.work.segment(&job)));
        let outcome = outcome.map(|mut result| {
            result.times.queue = millis(queued);
            result.times.total = millis(clock.now().saturating_duration_since(accepted));
            result
        });
        self.shared.record(entrance, &outcome);
        reply.answer(outcome);
    }

    fn begin(&self, duty: Duty) -> OnDuty<'_> {
        let post: &Post = &self.shared.posts[self.number];
        post.begin(duty)
    }
}

/// A fault in one job must cost that job alone.
pub(super) fn guarded<R>(work: impl FnOnce() -> Result<R, EngineError>) -> Result<R, EngineError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic_message(&*panic);
        tracing::error!(panic = message, "a job failed inside the engine");
        Err(EngineError::Internal(message.into()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let outcome: Result<(), _> = guarded(|| panic!("fault {}", 7));
        assert!(
            matches!(outcome, Err(EngineError::Internal(message)) if message.to_string() == "fault 7")
        );
    }
}
