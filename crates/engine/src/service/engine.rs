use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use picture::frame::FrameLimits;
use picture::segmenter::{
    Ask, Clock, Done, EngineError, Job, Lane, LaneCounts, LaneSpec, LiveSink, ModalityInfo,
    ModelInfo, Readiness, Segmenter, SystemClock,
};

use super::post::Post;
use super::reader::FileReader;
use super::shared::{READERS, Running, Shared};
use super::stats::Stats;
use super::worker::{Work, Worker};
use crate::flow::{Pipeline, Plan, Reading};
use crate::manifest::ModelSpec;
use crate::model::store::{Choice, Store};
use crate::options::EngineOptions;
use picture::sync::lock;

/// How long dropping an engine may take.
const DROP_PATIENCE: Duration = Duration::from_secs(4);

/// How often who waits for readiness looks for workers that will not come back.
const GLANCE: Duration = Duration::from_millis(200);

/// Engine threads that did not come back when the engine was shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{threads} of the engine's threads did not come back and were left behind")]
pub struct LeftBehind {
    /// How many.
    pub threads: usize,
}

/// Who is to work.
pub(super) struct Staff {
    /// One for each worker.
    pub work: Vec<Box<dyn Work>>,
    /// How pictures are read before.
    pub reading: Reading,
}

/// The system refused one.
#[derive(Debug, thiserror::Error)]
#[error("cannot start an engine thread: {0}")]
struct NoThread(#[source] std::io::Error);

/// Runs the flow on threads of its own, behind a bounded queue and the newest frames of live sources.
///
/// Dropping it is [`Engine::shutdown`] with four seconds' patience, by its clock.
#[derive(Debug)]
pub struct Engine {
    pub(super) shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    limits: FrameLimits,
}

impl Engine {
    /// Starts the workers and returns at once; loading and warm-up go on behind [`Readiness::Starting`].
    ///
    /// # Errors
    /// Threads that cannot be started, or names in `preload` that the default model does not have.
    pub fn start(store: Arc<Store>, options: &EngineOptions) -> Result<Self, EngineError> {
        Self::start_by(store, options, Arc::new(SystemClock))
    }

    /// As [`Engine::start`]; what waits and what is late, old or stuck is so by this clock. Decoding, the deadline of a
    /// [`Stop`](picture::frame::Stop) and the times of the stages go by the system's.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub fn start_by(
        store: Arc<Store>,
        options: &EngineOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, EngineError> {
        let reading = Reading::of_engine(options);
        let pipeline = |number| -> Result<Box<dyn Work>, EngineError> {
            let pipeline = Pipeline::of_worker(store.clone(), options, number, &reading)?;
            Ok(Box::new(pipeline))
        };
        let work = (0..options.workers.max(1)).map(pipeline);
        let work = work.collect::<Result<_, _>>()?;
        let staff = Staff { work, reading };
        Self::staff(store, options, clock, staff)
    }

    /// Starts one worker for each of `staff`'s work, and its readers.
    pub(super) fn staff(
        store: Arc<Store>,
        options: &EngineOptions,
        clock: Arc<dyn Clock>,
        staff: Staff,
    ) -> Result<Self, EngineError> {
        let Staff { work, reading } = staff;
        let warm_up = warm_up(&store, options)?;
        let shared = Shared::new(store, options, clock, work.len());
        let engine = Self {
            shared: shared.clone(),
            threads: Mutex::default(),
            limits: options.limits,
        };
        // All are counted before the first may end.
        let count = |_: &Post| Running::count(&shared);
        let mut running: Vec<Running> = shared.posts.iter().map(count).collect();
        let readers = running.split_off(work.len());
        for (number, (work, running)) in work.into_iter().zip(running).enumerate() {
            let worker = Worker {
                number,
                work,
                core: options.pin.then(|| number * options.threads_each()),
                shared: shared.clone(),
            };
            let warm_up = (number == 0).then(|| warm_up.clone());
            let work = move || worker.run(warm_up.as_deref());
            engine.hire(format!("engine-{number}"), running, work)?;
        }
        for (number, running) in readers.into_iter().enumerate() {
            let reader = FileReader {
                post: shared.posts.len() - READERS + number,
                reading: reading.clone(),
                shared: shared.clone(),
            };
            engine.hire(format!("reader-{number}"), running, move || reader.run())?;
        }
        Ok(engine)
    }

    /// Starts one thread.
    fn hire(
        &self,
        name: String,
        running: Running,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), EngineError> {
        let thread = std::thread::Builder::new().name(name);
        let handle = thread.spawn(move || {
            let _running = running;
            work();
        });
        let handle = handle.map_err(|error| EngineError::Internal(NoThread(error).into()))?;
        lock(&self.threads).push(handle);
        Ok(())
    }

    /// What is answered before anything is accepted. Names from the manifest alone; what needs files or the picture is
    /// answered on a worker.
    fn admit(&self, ask: &Ask) -> Result<(), EngineError> {
        Plan::of(&self.shared.store, std::slice::from_ref(ask))?;
        if self.shared.inbox.is_closed() {
            return Err(EngineError::Stopped);
        }
        self.shared.readiness().check()
    }

    /// Waits until the engine serves, or will not.
    ///
    /// # Errors
    /// What [`Readiness::check`] says then.
    pub fn wait_until_ready(&self) -> Result<(), EngineError> {
        let clock = &self.shared.clock;
        loop {
            match self.shared.readiness() {
                // A worker that hangs or has died rings no bell.
                Readiness::Starting => clock.wait(clock.now() + GLANCE, &self.shared.warmed_up),
                known => return known.check(),
            }
        }
    }

    /// Counts and recent latencies, of jobs.
    #[must_use]
    pub fn stats(&self) -> Stats {
        lock(&self.shared.recorder).stats()
    }

    /// What became of all live frames, whichever lane they came by.
    #[must_use]
    pub fn live(&self) -> LaneCounts {
        self.shared.inbox.lanes()
    }

    /// Accepts nothing more and ends within `patience`, whatever hangs: what was accepted is finished in the first three
    /// quarters of it, frames that wait are answered [`EngineError::Stopped`]; what is not finished is cancelled; a thread
    /// that does not come back even so is left behind, and its job answered [`EngineError::Stopped`]. May be called again.
    ///
    /// # Errors
    /// [`LeftBehind`]: such threads still run, until the process ends.
    pub fn shutdown(&self, patience: Duration) -> Result<(), LeftBehind> {
        let started = self.shared.clock.now();
        self.shared.inbox.close();
        self.shared.warm_up.cancel();
        let mut threads = lock(&self.threads);
        if threads.is_empty() {
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
        // Frames that waited behind one in work.
        self.shared.answer_waiting();
        for thread in threads.drain(..).filter(|_| left == 0) {
            // They catch their jobs' faults; one that died all the same has already answered through `Reply`.
            let _ = thread.join();
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

/// What is loaded before the engine is ready.
fn warm_up(store: &Store, options: &EngineOptions) -> Result<Vec<Ask>, EngineError> {
    let ask = |modality: &String| Ask::new(modality.as_str());
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
        self.admit(&job.ask)?;
        let pushed = match job.picture.is_coded() {
            true => self.shared.inbox.push_unread(job, done),
            false => self.shared.inbox.push(job, done),
        };
        if let Err(EngineError::Overloaded { .. }) = pushed {
            lock(&self.shared.recorder).rejected();
        }
        pushed
    }

    fn open_lane(&self, spec: LaneSpec, sink: Arc<dyn LiveSink>) -> Result<Lane, EngineError> {
        self.admit(&spec.ask)?;
        Lane::open(&self.shared.inbox, spec, sink)
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
        self.shared.inbox.queue()
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
