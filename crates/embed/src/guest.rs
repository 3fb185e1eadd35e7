//! The models folder, and an engine of the caller's own over it.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use engine::EngineOptions;
use engine::model::store::Store;
use engine::service::Engine;
use picture::frame::{FrameLimits, PixelRect, Stop};
use picture::scale::{PixelSize, Scale};
use picture::segmenter::{Ask, EngineError, Job, ModelInfo, Picture, Segmentation, Segmenter};

use crate::fault::{GuestError, GuestFault};
use crate::places::find_models;

/// Calls that may wait at once; each is a thread of the caller's, with a picture of its own.
const QUEUE: usize = 64;
/// Beyond any machine this runs on.
const MAX_THREADS: usize = 256;

/// How a guest is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuestOptions {
    /// Computing threads of each worker; 0: one per core.
    pub threads: usize,
    /// Pictures computed at once; 0: one, which has all threads.
    pub workers: usize,
}

/// What is asked of a picture.
#[derive(Clone, Debug)]
pub struct GuestWish {
    /// Which modality, by which model, and what of a mismatch.
    pub ask: Ask,
    /// How large its pixels are, if that is known.
    pub pixel: Option<PixelSize>,
    /// The part of it to look at; `None`: all of it.
    pub region: Option<PixelRect>,
    /// How long it may take, waiting included; `None`: as long as it takes.
    pub timeout: Option<Duration>,
}

/// An engine of the caller's own, whose threads end with it. Shared by as many threads as like.
#[derive(Debug)]
pub struct Guest {
    engine: Engine,
    models: Vec<ModelInfo>,
}

impl Guest {
    /// Opens a models folder ([`find_models`] says which) and returns once a picture has gone through its first modality;
    /// the others load when they are first asked for.
    ///
    /// # Errors
    /// [`GuestFault::ModelUnusable`], [`GuestFault::BadArgument`].
    pub fn open(models: Option<&Path>, options: GuestOptions) -> Result<Self, GuestError> {
        let GuestOptions { threads, workers } = options;
        if threads.max(workers) > MAX_THREADS {
            let message = format!("threads and workers are at most {MAX_THREADS}");
            return Err(GuestFault::BadArgument.because(message));
        }
        let store = Store::open(&find_models(models, None)?, None)?;
        let options = EngineOptions {
            threads,
            workers: workers.max(1),
            queue: QUEUE,
            ..EngineOptions::default()
        };
        let engine = Engine::start(Arc::new(store), &options)?;
        engine.wait_until_ready()?;
        let models = engine.models();
        Ok(Self { engine, models })
    }

    /// What there is to choose from.
    #[must_use]
    pub fn models(&self) -> &[ModelInfo] {
        &self.models
    }

    /// What a picture may cost.
    #[must_use]
    pub fn limits(&self) -> FrameLimits {
        self.engine.limits()
    }

    /// A picture's mask, on the engine's threads; the caller's waits.
    ///
    /// # Errors
    /// Any [`GuestFault`] but those of live sources.
    pub fn segment(&self, picture: Picture, wish: &GuestWish) -> Result<Segmentation, GuestError> {
        self.answer(picture, wish.pixel.into(), wish)
    }

    pub(crate) fn answer(
        &self,
        picture: Picture,
        scale: Scale,
        wish: &GuestWish,
    ) -> Result<Segmentation, GuestError> {
        let deadline = wish
            .timeout
            .and_then(|time| Instant::now().checked_add(time));
        let job = Job {
            picture,
            scale,
            region: wish.region,
            ask: wish.ask.clone(),
            stop: deadline.map_or_else(Stop::never, Stop::at),
        };
        let (sender, receiver) = mpsc::sync_channel(1);
        // Nobody else holds the other end, and there is room for the one answer.
        let done = Box::new(move |outcome| drop(sender.send(outcome)));
        self.engine.submit(job, done)?;
        let outcome = receiver.recv().unwrap_or(Err(EngineError::Stopped));
        Ok(outcome?)
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }
}
