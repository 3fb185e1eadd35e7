use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::frame::{FrameLimits, Stop};
use crate::model::manifest::ModelSpec;
use crate::model::store::{Choice, Store};

use super::clock::{Clock, SystemClock};
use super::memory::Memory;
use super::plan::Plan;
use super::post::{Post, Reply};
use super::stats::{Recorder, Stats};
use super::worker::{Queued, Work, Worker};
use super::{
    Ask, Done, EngineError, EngineOptions, Job, LeftBehind, ModalityInfo, ModelInfo, Pipeline,
    Readiness, Segmenter, lock,
};

/// How long dropping an engine may take.
const DROP_PATIENCE: Duration = Duration::from_secs(4);

/// Runs the flow on threads of its own behind a bounded queue.
///
/// Dropping it is [`Engine::shutdown`] with four seconds' patience.
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
pub(super) struct Shared {
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    watchdog: Duration,
    pub receiver: Mutex<Receiver<Queued>>,
    /// One for each worker.
    pub posts: Vec<Post>,
    /// Ends the warm-up early.
    pub warm_up: Stop,
    /// Apart from workers that are stuck.
    pub readiness: Mutex<Readiness>,
    pub waiting: AtomicUsize,
    pub recorder: Mutex<Recorder>,
    /// Worker threads that have not ended.
    running: Mutex<usize>,
    ended: Condvar,
}

impl Engine {
    /// Starts the workers and returns at once; loading and warm-up go on behind [`Readiness::Starting`].
    ///
    /// # Errors
    /// Threads that cannot be started, or names in `preload` that the default model does not have.
    pub fn start(store: Arc<Store>, options: &EngineOptions) -> Result<Self, EngineError> {
        Self::start_by(store, options, Arc::new(SystemClock))
    }

    /// As [`Engine::start`], the watchdog looking at this clock.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub fn start_by(
        store: Arc<Store>,
        options: &EngineOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, EngineError> {
        let memory = Memory::new(options.picture_budget);
        let pipeline = |number| -> Result<Box<dyn Work>, EngineError> {
            let pipeline = Pipeline::of_worker(store.clone(), options, number, &memory)?;
            Ok(Box::new(pipeline))
        };
        let work = (0..options.workers.max(1)).map(pipeline);
        let work = work.collect::<Result<_, _>>()?;
        Self::staff(store, options, clock, work)
    }

    /// Starts one worker for each of `work`.
    pub(super) fn staff(
        store: Arc<Store>,
        options: &EngineOptions,
        clock: Arc<dyn Clock>,
        work: Vec<Box<dyn Work>>,
    ) -> Result<Self, EngineError> {
        let warm_up = warm_up(&store, options)?;
        let capacity = options.queue.max(1);
        let (sender, receiver) = sync_channel(capacity);
        let shared = Arc::new(Shared {
            store,
            clock,
            watchdog: options.watchdog,
            receiver: Mutex::new(receiver),
            posts: work.iter().map(|_| Post::default()).collect(),
            warm_up: Stop::never(),
            readiness: Mutex::new(Readiness::Starting),
            waiting: AtomicUsize::new(0),
            recorder: Mutex::default(),
            running: Mutex::new(0),
            ended: Condvar::new(),
        });
        let engine = Self {
            shared: shared.clone(),
            queue: Mutex::new(Some(sender)),
            workers: Mutex::default(),
            capacity,
            limits: options.limits,
        };
        for (number, work) in work.into_iter().enumerate() {
            let worker = Worker {
                number,
                work,
                core: options.pin.then(|| number * options.threads_each()),
                shared: shared.clone(),
            };
            let warm_up = (number == 0).then(|| warm_up.clone());
            let running = Running::count(&shared);
            let thread = std::thread::Builder::new().name(format!("engine-{number}"));
            let handle = thread.spawn(move || {
                let _running = running;
                worker.run(warm_up.as_deref());
            });
            lock(&engine.workers).push(handle.map_err(|error| {
                EngineError::Internal(format!("cannot start an engine thread: {error}"))
            })?);
        }
        Ok(engine)
    }

    /// Counts and recent latencies.
    #[must_use]
    pub fn stats(&self) -> Stats {
        lock(&self.shared.recorder).stats()
    }

    /// Accepts nothing more and ends within `patience`, whatever hangs: what was accepted is finished in the first three
    /// quarters of it; what is not is cancelled; a thread that does not come back even so is left behind, and its job
    /// answered [`EngineError::Stopped`]. May be called again.
    ///
    /// # Errors
    /// [`LeftBehind`]: such threads still run, until the process ends.
    pub fn shutdown(&self, patience: Duration) -> Result<(), LeftBehind> {
        let started = Instant::now();
        lock(&self.queue).take();
        self.shared.warm_up.cancel();
        let mut workers = lock(&self.workers);
        if workers.is_empty() {
            return Ok(());
        }
        if self.shared.wait_until(started + patience * 3 / 4) > 0 {
            self.shared.cancel();
        }
        let left = self.shared.wait_until(started + patience);
        for post in &self.shared.posts {
            if let Some(reply) = post.duty().and_then(|duty| duty.reply) {
                reply.answer(Err(EngineError::Stopped));
            }
        }
        for worker in workers.drain(..).filter(|_| left == 0) {
            // A worker catches its jobs' faults; one that died all the same has already answered through `Reply`.
            let _ = worker.join();
        }
        match left {
            0 => Ok(()),
            threads => Err(LeftBehind { threads }),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Err(error) = self.shutdown(DROP_PATIENCE) {
            tracing::error!(%error, "the engine was dropped");
        }
    }
}

impl Shared {
    /// Waits for the workers' ends until `deadline`; returns how many still run.
    fn wait_until(&self, deadline: Instant) -> usize {
        let mut running = lock(&self.running);
        while *running > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.ended.wait_timeout(running, left);
            (running, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        *running
    }

    /// Makes every worker give up its job, and answers the waiting ones.
    fn cancel(&self) {
        for duty in self.posts.iter().filter_map(Post::duty) {
            duty.stop.cancel();
        }
        // The queue is closed, so that no worker holds the lock while it waits.
        while let Ok(queued) = { lock(&self.receiver).try_recv() } {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            lock(&self.recorder).failed();
            queued.reply.answer(Err(EngineError::Stopped));
        }
    }

    /// Why not to wait for a worker that has been at one thing for longer than the watchdog allows.
    fn stuck(&self) -> Option<String> {
        let now = self.clock.now();
        let since = |post: &Post| {
            let duty = post.duty()?;
            let time = now.saturating_duration_since(duty.since);
            (time > self.watchdog).then_some((duty.what, time))
        };
        let (what, time) = self.posts.iter().find_map(since)?;
        Some(format!(
            "an engine thread has been {what} for {} s",
            time.as_secs()
        ))
    }

    fn readiness(&self) -> Readiness {
        match self.stuck() {
            Some(reason) => Readiness::Stuck(reason),
            None => lock(&self.readiness).clone(),
        }
    }
}

/// While it lives, one more worker runs.
struct Running(Arc<Shared>);

impl Running {
    fn count(shared: &Arc<Shared>) -> Self {
        *lock(&shared.running) += 1;
        Self(shared.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *lock(&self.0.running) -= 1;
        self.0.ended.notify_all();
    }
}

/// What is loaded before the engine is ready.
fn warm_up(store: &Store, options: &EngineOptions) -> Result<Vec<Ask>, EngineError> {
    let ask = |modality: &String| Ask {
        modality: modality.clone(),
        ..Ask::default()
    };
    for modality in &options.preload {
        store.choose(None, modality)?;
    }
    if !options.preload.is_empty() {
        return Ok(options.preload.iter().map(ask).collect());
    }
    let first = store.model(None)?.modalities.first();
    Ok(first.map(|first| ask(&first.name)).into_iter().collect())
}

impl Segmenter for Engine {
    fn submit(&self, job: Job, done: Done) -> Result<(), EngineError> {
        // Names are answered here, from the manifest alone; what needs files or the picture, on a worker.
        Plan::of(&self.shared.store, std::slice::from_ref(&job.ask))?;
        let queue = lock(&self.queue);
        let Some(sender) = &*queue else {
            return Err(EngineError::Stopped);
        };
        self.shared.readiness().check()?;
        // Counted before it is sent, so that the worker's subtraction never comes first.
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let queued = Queued {
            job,
            accepted: Instant::now(),
            reply: Reply::new(done),
        };
        sender.try_send(queued).map_err(|refused| {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            let (queued, error) = match refused {
                TrySendError::Full(queued) => {
                    lock(&self.shared.recorder).rejected();
                    let capacity = self.capacity;
                    (queued, EngineError::Overloaded { capacity })
                }
                TrySendError::Disconnected(queued) => (queued, EngineError::Stopped),
            };
            // Not accepted, so `done` must not be called.
            queued.reply.forget();
            error
        })
    }

    fn models(&self) -> Vec<ModelInfo> {
        let store = &self.shared.store;
        let default = store.model(None).map(|model| &model.name).ok();
        let models = store.manifest().models.iter();
        models
            .map(|model| describe(store, model, default == Some(&model.name)))
            .collect()
    }

    fn readiness(&self) -> Readiness {
        self.shared.readiness()
    }

    fn queue(&self) -> (usize, usize) {
        let waiting = self.shared.waiting.load(Ordering::Relaxed);
        (waiting.min(self.capacity), self.capacity)
    }

    fn limits(&self) -> FrameLimits {
        self.limits
    }
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

#[cfg(test)]
mod tests;
