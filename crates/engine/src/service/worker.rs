use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::model::runtime::panic_message;

use picture::segmenter::{Ask, EngineError, Job, Readiness, Segmentation};

use super::post::{Duty, OnDuty, Post};
use super::shared::{Queued, Shared};
use crate::flow::Pipeline;
use crate::pin;
use crate::sync::{lock, millis};

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
    /// Until the queue is closed and empty. `warm_up`: what the first worker loads before the engine is ready; the
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
        // The lock is held while waiting: the others wait for it instead of for the queue, to the same effect.
        while let Ok(queued) = { lock(&self.shared.receiver).recv() } {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            self.serve(queued);
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
        true
    }

    fn serve(&self, queued: Queued) {
        let Queued {
            job,
            accepted,
            reply,
        } = queued;
        let queue = millis(accepted.elapsed());
        let _duty = self.begin(Duty {
            what: "at one picture",
            since: self.shared.clock.now(),
            stop: job.stop.clone(),
            reply: Some(reply.clone()),
        });
        let outcome = guarded(|| self.work.segment(&job)).map(|mut result| {
            result.times.queue = queue;
            result.times.total = millis(accepted.elapsed());
            result
        });
        match &outcome {
            Ok(result) => lock(&self.shared.recorder).done(result.times.total),
            Err(error) => {
                lock(&self.shared.recorder).failed();
                if let EngineError::Model(_) = error {
                    let folder = self.shared.store.dir().display();
                    tracing::error!(%error, %folder, "the model cannot be used");
                }
            }
        }
        reply.answer(outcome);
    }

    fn begin(&self, duty: Duty) -> OnDuty<'_> {
        let post: &Post = &self.shared.posts[self.number];
        post.begin(duty)
    }
}

/// A fault in one job must cost that job alone.
fn guarded<R>(work: impl FnOnce() -> Result<R, EngineError>) -> Result<R, EngineError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic_message(&*panic);
        tracing::error!(panic = message, "a job failed inside the engine");
        Err(EngineError::Internal(message.to_string()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let outcome: Result<(), _> = guarded(|| panic!("fault {}", 7));
        assert!(matches!(outcome, Err(EngineError::Internal(message)) if message == "fault 7"));
    }
}
