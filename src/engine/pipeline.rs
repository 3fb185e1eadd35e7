use std::sync::Arc;
use std::time::Instant;

use crate::decode::Decoder;
use crate::encode::Encoder;
use crate::frame::{self, Frame, FrameLimits};
use crate::mask::{self, Upsampled};
use crate::model::ModelError;
use crate::model::runtime::Threads;
use crate::model::store::{Choice, Store};
use crate::preprocess::Preprocess;
use crate::self_prompt::SelfPrompt;

use super::pin;
use super::stats::millis;
use super::{Ask, EngineError, Segmentation, StageTimes};

/// The whole flow for one picture at a time, on the caller's thread plus `threads` computing ones; no queue.
#[derive(Clone, Debug)]
pub struct Pipeline {
    store: Arc<Store>,
    threads: Threads,
    limits: FrameLimits,
}

impl Pipeline {
    /// A pipeline over a models folder, computing on `threads` threads (0: one per core).
    ///
    /// # Errors
    /// [`ModelError::Threads`].
    pub fn new(store: Arc<Store>, threads: usize, limits: FrameLimits) -> Result<Self, ModelError> {
        Self::start(store, threads, limits, None)
    }

    /// As [`Pipeline::new`], for the worker of this number: each thread it starts stays on a core of its own, those of
    /// worker 0 first.
    ///
    /// # Errors
    /// As [`Pipeline::new`].
    pub fn pinned(
        store: Arc<Store>,
        threads: usize,
        limits: FrameLimits,
        worker: usize,
    ) -> Result<Self, ModelError> {
        Self::start(store, threads, limits, Some(worker))
    }

    fn start(
        store: Arc<Store>,
        threads: usize,
        limits: FrameLimits,
        pinned: Option<usize>,
    ) -> Result<Self, ModelError> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            some => some,
        };
        let pool = match pinned {
            None => Threads::new(store.cpu(), threads),
            Some(worker) => Threads::with_start(store.cpu(), threads, move |number| {
                pin::to_core(worker * threads + number);
            }),
        };
        let pool = pool.map_err(|message| ModelError::Threads { threads, message })?;
        Ok(Self {
            store,
            threads: pool,
            limits,
        })
    }

    /// Number of computing threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.count()
    }

    /// The models folder.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// From a picture file to its mask. [`StageTimes::queue`] is left at 0.
    ///
    /// # Errors
    /// The picture is refused, the names are unknown, or the model is unusable.
    pub fn segment(&self, bytes: &[u8], ask: &Ask) -> Result<Segmentation, EngineError> {
        // Names first: a question that cannot be answered should not cost the decoding of a picture.
        let choice = self.store.choose(ask.model.as_deref(), &ask.modality)?;
        let mut watch = Watch::start();
        let frame = frame::decode(bytes, &self.limits)?;
        let times = StageTimes {
            frame: watch.lap(),
            ..StageTimes::default()
        };
        self.flow(Arc::new(frame), choice, times, watch)
    }

    /// From a decoded picture to its mask.
    ///
    /// # Errors
    /// The names are unknown, or the model is unusable.
    pub fn segment_frame(&self, frame: Arc<Frame>, ask: &Ask) -> Result<Segmentation, EngineError> {
        let choice = self.store.choose(ask.model.as_deref(), &ask.modality)?;
        self.flow(frame, choice, StageTimes::default(), Watch::start())
    }

    /// Loads a modality and runs it once on a grey picture, so that the first real one pays for neither.
    ///
    /// # Errors
    /// As [`Pipeline::segment_frame`].
    pub fn warm_up(&self, ask: &Ask) -> Result<StageTimes, EngineError> {
        let side = self.store.model(ask.model.as_deref())?.side;
        let pixels =
            u32::try_from(side).map_err(|error| EngineError::Internal(error.to_string()))?;
        let grey = Frame {
            width: pixels,
            height: pixels,
            rgb: vec![128; 3 * side * side],
        };
        Ok(self.segment_frame(Arc::new(grey), ask)?.times)
    }

    fn flow(
        &self,
        frame: Arc<Frame>,
        choice: Choice<'_>,
        mut times: StageTimes,
        mut watch: Watch,
    ) -> Result<Segmentation, EngineError> {
        let Choice { model, modality } = choice;
        let graphs = self.store.graphs(choice)?;
        // Loading is nobody's stage: it happens once, and shows in the total.
        watch.lap();
        let image = Preprocess::new(model).run(&frame);
        times.preprocess = watch.lap();
        let threads = &self.threads;
        let embedding = Encoder::new(graphs.encoder)
            .run(threads, &image)
            .map_err(EngineError::Model)?;
        times.encode = watch.lap();
        let (patch, prompted) = SelfPrompt::new(graphs.self_prompt)
            .run(threads, &embedding)
            .map_err(EngineError::Model)?;
        times.self_prompt = watch.lap();
        let low_res = Decoder::new(graphs.decoder)
            .run(threads, &prompted, modality.index)
            .map_err(EngineError::Model)?;
        times.decode = watch.lap();
        let Upsampled {
            mask, confidence, ..
        } = mask::upsample(&low_res.logits, low_res.side, frame.width, frame.height)
            .map_err(|error| EngineError::Model(error.to_string()))?;
        times.mask = watch.lap();
        times.total = watch.total();
        Ok(Segmentation {
            frame,
            mask,
            low_res,
            patch,
            confidence,
            model: model.name.clone(),
            model_sha256: choice.sha256(),
            modality: modality.name.clone(),
            modality_index: modality.index,
            label: modality.label.clone(),
            times,
        })
    }
}

/// Times one stage after the other.
struct Watch {
    start: Instant,
    last: Instant,
}

impl Watch {
    fn start() -> Self {
        let now = Instant::now();
        Self {
            start: now,
            last: now,
        }
    }

    /// Milliseconds since the last call.
    fn lap(&mut self) -> f64 {
        let now = Instant::now();
        millis(now - std::mem::replace(&mut self.last, now))
    }

    fn total(&self) -> f64 {
        millis(self.start.elapsed())
    }
}
