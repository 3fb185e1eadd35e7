use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::frame::FrameLimits;
use crate::model::manifest::ModelSpec;
use crate::model::runtime::panic_message;
use crate::model::store::{Choice, Store};

use super::pin;
use super::plan::Plan;
use super::stats::{Recorder, Stats, millis};
use super::{
    Ask, Done, EngineError, Job, ModalityInfo, ModelInfo, Pipeline, Readiness, Segmentation,
    Segmenter,
};

/// How the engine is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// Jobs computed at once. One is best for latency: a single job already uses all threads.
    pub workers: usize,
    /// Computing threads of each worker; 0: one per core.
    pub threads: usize,
    /// Keep each of these threads on a core of its own.
    pub pin: bool,
    /// Jobs that may wait; one more is answered [`EngineError::Overloaded`] at once.
    pub queue: usize,
    /// Modalities of the default model loaded before the engine is ready. If empty, its first one:
    /// ready means that a picture has gone through.
    pub preload: Vec<String>,
    /// What a picture may cost.
    pub limits: FrameLimits,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            workers: 1,
            threads: 0,
            pin: false,
            queue: 8,
            preload: Vec::new(),
            limits: FrameLimits::default(),
        }
    }
}

/// Runs the flow on threads of its own behind a bounded queue.
///
/// Dropping it, or [`Engine::shutdown`], finishes every accepted job before the threads end.
#[derive(Debug)]
pub struct Engine {
    shared: Arc<Shared>,
    /// `None` once shut down. Closing it is what ends the workers, after the queue has drained.
    queue: Mutex<Option<SyncSender<Queued>>>,
    workers: Mutex<Vec<JoinHandle<()>>>,
    capacity: usize,
    limits: FrameLimits,
}

/// What the engine and its workers both see.
#[derive(Debug)]
struct Shared {
    store: Arc<Store>,
    readiness: Mutex<Readiness>,
    waiting: AtomicUsize,
    recorder: Mutex<Recorder>,
}

/// An accepted job.
struct Queued {
    job: Job,
    accepted: Instant,
    reply: Reply,
}

/// Answers exactly once, whatever becomes of the job.
struct Reply(Option<Done>);

impl Reply {
    fn send(mut self, outcome: Result<Segmentation, EngineError>) {
        self.answer(outcome);
    }

    fn answer(&mut self, outcome: Result<Segmentation, EngineError>) {
        if let Some(done) = self.0.take()
            && let Err(panic) = catch_unwind(AssertUnwindSafe(|| done(outcome)))
        {
            tracing::error!(panic = panic_message(&*panic), "a job's callback failed");
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.answer(Err(EngineError::Stopped));
    }
}

impl Engine {
    /// Starts the workers and returns at once; loading and warm-up go on behind [`Readiness::Starting`].
    ///
    /// # Errors
    /// Threads that cannot be started, or names in `preload` that the default model does not have.
    pub fn start(store: Arc<Store>, options: &EngineOptions) -> Result<Self, EngineError> {
        let mut warm_up = Vec::new();
        for modality in &options.preload {
            store.choose(None, modality)?;
            warm_up.push(Ask {
                modality: modality.clone(),
                model: None,
                ..Ask::default()
            });
        }
        if warm_up.is_empty() {
            let first = store.model(None)?.modalities.first();
            warm_up.extend(first.map(|first| Ask {
                modality: first.name.clone(),
                model: None,
                ..Ask::default()
            }));
        }
        let capacity = options.queue.max(1);
        let (sender, receiver) = sync_channel(capacity);
        let receiver = Arc::new(Mutex::new(receiver));
        let shared = Arc::new(Shared {
            store: store.clone(),
            readiness: Mutex::new(Readiness::Starting),
            waiting: AtomicUsize::new(0),
            recorder: Mutex::default(),
        });
        let mut workers = Vec::new();
        for number in 0..options.workers.max(1) {
            let worker = Worker {
                pipeline: match options.pin {
                    false => Pipeline::new(store.clone(), options.threads, options.limits)?,
                    true => {
                        Pipeline::pinned(store.clone(), options.threads, options.limits, number)?
                    }
                },
                shared: shared.clone(),
                receiver: receiver.clone(),
            };
            // The first worker warms up; the others find the graphs loaded.
            let warm_up = if number == 0 {
                std::mem::take(&mut warm_up)
            } else {
                Vec::new()
            };
            let core = options.pin.then(|| number * worker.pipeline.threads());
            let thread = std::thread::Builder::new().name(format!("engine-{number}"));
            let handle = thread
                .spawn(move || {
                    if let Some(core) = core {
                        pin::to_core(core);
                    }
                    worker.run(number == 0, &warm_up);
                })
                .map_err(|error| {
                    EngineError::Internal(format!("cannot start an engine thread: {error}"))
                })?;
            workers.push(handle);
        }
        Ok(Self {
            shared,
            queue: Mutex::new(Some(sender)),
            workers: Mutex::new(workers),
            capacity,
            limits: options.limits,
        })
    }

    /// Counts and recent latencies.
    #[must_use]
    pub fn stats(&self) -> Stats {
        lock(&self.shared.recorder).stats()
    }

    /// Accepts nothing more, finishes what was accepted, and waits for the threads to end. May be called again.
    pub fn shutdown(&self) {
        lock(&self.queue).take();
        for worker in lock(&self.workers).drain(..) {
            // A worker catches its jobs' faults; one that died all the same has already answered through `Reply`.
            let _ = worker.join();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl Segmenter for Engine {
    fn submit(&self, job: Job, done: Done) -> Result<(), EngineError> {
        // Names are answered here; what needs the picture, on a worker.
        Plan::of(&self.shared.store, std::slice::from_ref(&job.ask))?;
        let queue = lock(&self.queue);
        let Some(sender) = &*queue else {
            return Err(EngineError::Stopped);
        };
        match &*lock(&self.shared.readiness) {
            Readiness::Ready => {}
            Readiness::Starting => return Err(EngineError::NotReady),
            Readiness::Failed(reason) => return Err(EngineError::Model(reason.clone())),
        }
        // Counted before it is sent, so that the worker's subtraction never comes first.
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let queued = Queued {
            job,
            accepted: Instant::now(),
            reply: Reply(Some(done)),
        };
        sender.try_send(queued).map_err(|refused| {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            // Not accepted, so `done` must not be called.
            let (mut queued, error) = match refused {
                TrySendError::Full(queued) => {
                    lock(&self.shared.recorder).rejected();
                    (
                        queued,
                        EngineError::Overloaded {
                            capacity: self.capacity,
                        },
                    )
                }
                TrySendError::Disconnected(queued) => (queued, EngineError::Stopped),
            };
            queued.reply.0 = None;
            error
        })
    }

    fn models(&self) -> Vec<ModelInfo> {
        let store = &self.shared.store;
        let default = store
            .model(None)
            .map(|model| model.name.clone())
            .unwrap_or_default();
        store
            .manifest()
            .models
            .iter()
            .map(|model| describe(store, model, model.name == default))
            .collect()
    }

    fn readiness(&self) -> Readiness {
        lock(&self.shared.readiness).clone()
    }

    fn queue(&self) -> (usize, usize) {
        (
            self.shared
                .waiting
                .load(Ordering::Relaxed)
                .min(self.capacity),
            self.capacity,
        )
    }

    fn limits(&self) -> FrameLimits {
        self.limits
    }
}

/// One engine thread.
struct Worker {
    pipeline: Pipeline,
    shared: Arc<Shared>,
    receiver: Arc<Mutex<Receiver<Queued>>>,
}

impl Worker {
    fn run(self, first: bool, warm_up: &[Ask]) {
        if first {
            let outcome = guarded(|| {
                warm_up
                    .iter()
                    .try_for_each(|ask| self.pipeline.warm_up(ask).map(|_| ()))
            });
            let readiness = match outcome {
                Ok(()) => Readiness::Ready,
                Err(error) => {
                    tracing::error!(%error, "the model cannot be used");
                    Readiness::Failed(error.to_string())
                }
            };
            *lock(&self.shared.readiness) = readiness;
        }
        // The lock is held while waiting: the others wait for it instead of for the queue, to the same effect.
        while let Ok(queued) = { lock(&self.receiver).recv() } {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            self.serve(queued);
        }
    }

    fn serve(&self, queued: Queued) {
        let Queued {
            job,
            accepted,
            reply,
        } = queued;
        let queue = millis(accepted.elapsed());
        let outcome = guarded(|| self.pipeline.segment(&job.bytes, &job.ask)).map(|mut result| {
            result.times.queue = queue;
            result.times.total = millis(accepted.elapsed());
            result
        });
        match &outcome {
            Ok(result) => lock(&self.shared.recorder).done(result.times.total),
            Err(_) => lock(&self.shared.recorder).failed(),
        }
        reply.send(outcome);
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

fn describe(store: &Store, model: &ModelSpec, default: bool) -> ModelInfo {
    let mut modalities: Vec<ModalityInfo> = model
        .modalities
        .iter()
        .map(|modality| ModalityInfo {
            name: modality.name.clone(),
            index: modality.index,
            label: modality.label.clone(),
            controller: modality.controller,
            passes: modality.views.passes(),
            loaded: store.is_loaded(Choice { model, modality }),
            trained_on: modality.trained_on.clone(),
            validation: modality
                .validation
                .iter()
                .map(|v| (v.dataset.clone(), v.dice, v.iou))
                .collect(),
        })
        .collect();
    modalities.sort_by_key(|modality| modality.index);
    ModelInfo {
        name: model.name.clone(),
        side: model.side,
        sha256: model.sha256.clone(),
        modalities,
        default,
    }
}

/// A poisoned lock here guards only whole values, so it stays usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let outcome: Result<(), _> = guarded(|| panic!("fault {}", 7));
        assert!(matches!(outcome, Err(EngineError::Internal(message)) if message == "fault 7"));
    }

    #[test]
    fn a_job_that_is_lost_is_answered_once() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let done: Done = Box::new(move |outcome| sender.send(outcome.map(|_| ())).unwrap());
        drop(Reply(Some(done)));
        assert!(matches!(
            receiver.recv().unwrap(),
            Err(EngineError::Stopped)
        ));
        assert!(receiver.recv().is_err(), "answered twice");
    }
}
