use std::sync::Arc;

use crate::manifest::{ConfidenceSpec, PresenceSpec};
use crate::model::ModelError;
use crate::model::runtime::Threads;
use crate::model::store::{Choice, Store};
use crate::views::Views;
use picture::frame::{Frame, FrameLimits, Stop};
use picture::mask::confidence::Signs;
use picture::mask::{self, Upsampled};
use picture::segmenter::{
    Ask, EngineError, ModalityCheck, OnMismatch, Picture, Segmentation, StageTimes, millis,
};

use super::passes::{Look, Maps, Observer, Passes, Said, Task};
use super::plan::{Plan, Settled};
use super::reading::{Opened, Reading, Subject};
use super::watch::Watch;
use crate::options::EngineOptions;
use crate::pin;

/// The whole flow for one picture at a time, on the caller's thread plus `threads` computing ones; no queue.
#[derive(Clone, Debug)]
pub struct Pipeline {
    store: Arc<Store>,
    threads: Threads,
    reading: Reading,
}

/// A picture on its way through the flow.
struct Course<'a> {
    picture: Opened,
    stop: &'a Stop,
    watch: Watch,
    /// Milliseconds that decoding took.
    decoded: f64,
}

impl Pipeline {
    /// A pipeline over a models folder, computing on `threads` threads (0: one per core).
    ///
    /// # Errors
    /// [`ModelError::Threads`].
    pub fn new(store: Arc<Store>, threads: usize, limits: FrameLimits) -> Result<Self, ModelError> {
        let options = EngineOptions {
            threads,
            limits,
            ..EngineOptions::default()
        };
        Self::start(store, &options, 0, Reading::within(limits))
    }

    /// The pipeline of the engine's worker of this number. If pinned, each thread it starts stays on a core of its own,
    /// those of worker 0 first.
    ///
    /// # Errors
    /// As [`Pipeline::new`].
    pub(crate) fn of_worker(
        store: Arc<Store>,
        options: &EngineOptions,
        worker: usize,
        reading: &Reading,
    ) -> Result<Self, ModelError> {
        Self::start(store, options, worker, reading.clone())
    }

    fn start(
        store: Arc<Store>,
        options: &EngineOptions,
        worker: usize,
        reading: Reading,
    ) -> Result<Self, ModelError> {
        let threads = options.threads_each();
        let pool = match options.pin {
            false => Threads::new(store.cpu(), threads),
            true => Threads::with_start(store.cpu(), threads, move |number| {
                pin::to_core(worker * threads + number);
            }),
        };
        let pool = pool.map_err(|message| ModelError::Threads { threads, message })?;
        Ok(Self {
            store,
            threads: pool,
            reading,
        })
    }

    /// Number of computing threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.count()
    }

    /// What a picture may cost.
    #[must_use]
    pub fn limits(&self) -> FrameLimits {
        self.reading.limits
    }

    /// The models folder.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Whether asks can be answered of one picture, as far as names tell.
    ///
    /// # Errors
    /// Unknown names, or asks of different models.
    pub fn check(&self, asks: &[Ask]) -> Result<(), EngineError> {
        Plan::of(&self.store, asks).map(|_| ())
    }

    /// From a picture to its mask. [`StageTimes::queue`] is left at 0.
    ///
    /// # Errors
    /// The picture is refused or given up, the names are unknown, or the model is unusable.
    pub fn segment(&self, subject: &Subject<'_>, ask: &Ask) -> Result<Segmentation, EngineError> {
        only(self.segment_all(subject, std::slice::from_ref(ask))?)
    }

    /// From a picture file's first page to its mask, however long it takes.
    ///
    /// # Errors
    /// As [`Pipeline::segment`].
    pub fn segment_file(&self, bytes: &[u8], ask: &Ask) -> Result<Segmentation, EngineError> {
        let picture = Picture::from(bytes.to_vec());
        self.segment(&Subject::from(&picture), ask)
    }

    /// From a picture to a mask for each of several asks of one model, in their order: the same as
    /// [`Pipeline::segment`] gives for each, bit for bit, in less time. Whatever does not depend on the modality
    /// runs once, and counts in the first result's times; so do all encoders together.
    ///
    /// # Errors
    /// As [`Pipeline::segment`]; also [`EngineError::TwoModels`]. One that fails fails all.
    pub fn segment_all(
        &self,
        subject: &Subject<'_>,
        asks: &[Ask],
    ) -> Result<Vec<Segmentation>, EngineError> {
        let plan = Plan::of(&self.store, asks)?.guarded()?;
        let mut watch = Watch::start();
        let picture = self.reading.open(subject, asks.len())?;
        let course = Course {
            picture,
            stop: &subject.stop,
            decoded: watch.lap() + millis(subject.picture.decoding_took()),
            watch,
        };
        self.flow(&plan, course, &mut |_, _, _, _| Ok(()))
    }

    /// From a decoded picture to its mask.
    ///
    /// # Errors
    /// The names are unknown, or the model is unusable.
    pub fn segment_frame(&self, frame: Arc<Frame>, ask: &Ask) -> Result<Segmentation, EngineError> {
        only(self.segment_frame_all(&frame, std::slice::from_ref(ask))?)
    }

    /// As [`Pipeline::segment_all`], from a decoded picture.
    ///
    /// # Errors
    /// As [`Pipeline::segment_frame`]; also asks of different models. One that fails fails all.
    pub fn segment_frame_all(
        &self,
        frame: &Arc<Frame>,
        asks: &[Ask],
    ) -> Result<Vec<Segmentation>, EngineError> {
        self.observe(frame, asks, &mut |_, _, _, _| Ok(()))
    }

    /// As [`Pipeline::segment_frame_all`]; `observer` sees each graph with what it is run on: views and white balance as
    /// they are served. What the observer takes counts in the times.
    ///
    /// # Errors
    /// As [`Pipeline::segment_frame_all`]; also the observer's own.
    pub fn observe(
        &self,
        frame: &Arc<Frame>,
        asks: &[Ask],
        observer: &mut Observer<'_>,
    ) -> Result<Vec<Segmentation>, EngineError> {
        let plan = Plan::of(&self.store, asks)?.guarded()?;
        let course = Course {
            picture: frame.clone().into(),
            stop: &Stop::never(),
            watch: Watch::start(),
            decoded: 0.0,
        };
        self.flow(&plan, course, observer)
    }

    /// Loads a modality and runs it once on a grey picture, so that the first real one pays for neither.
    ///
    /// # Errors
    /// As [`Pipeline::segment_frame`].
    pub fn warm_up(&self, ask: &Ask) -> Result<StageTimes, EngineError> {
        let side = self
            .store
            .choose(ask.model.as_deref(), ask.modality.as_str())?
            .model
            .side;
        let pixels = u32::try_from(side).map_err(|error| EngineError::Internal(error.into()))?;
        let grey = Frame::new(pixels, pixels, vec![128; 3 * side * side])?;
        let ask = Ask {
            on_mismatch: OnMismatch::Keep,
            ..ask.clone()
        };
        Ok(self.segment_frame(Arc::new(grey), &ask)?.times)
    }

    fn flow(
        &self,
        plan: &Plan<'_>,
        course: Course<'_>,
        observer: &mut Observer<'_>,
    ) -> Result<Vec<Segmentation>, EngineError> {
        let Course {
            picture,
            stop,
            mut watch,
            decoded,
        } = course;
        stop.check()?;
        let settled = plan.settle(&self.threads, picture.looked_at());
        let settled = settled.map_err(|error| picture.told(error))?;
        let Some((first, _)) = settled.first() else {
            return Ok(Vec::new());
        };
        stop.check()?;
        let mut times = StageTimes {
            frame: decoded,
            preprocess: watch.lap(),
            ..StageTimes::default()
        };
        let task = |(choice, _): &Settled<'_>| -> Result<Task, ModelError> {
            Ok(Task {
                graphs: self.store.graphs(*choice)?,
                index: choice.modality.index,
                look: Look {
                    views: Views::of(choice.modality.views, choice.model.side),
                    white_balance: choice.modality.white_balance,
                },
            })
        };
        let tasks = settled.iter().map(task).collect::<Result<Vec<_>, _>>()?;
        // Loading is nobody's stage: it happens once, and shows in the total.
        watch.lap();
        let mut passes = Passes {
            threads: &self.threads,
            model: first.model,
            tasks: &tasks,
            stop,
            observer,
        };
        let said = passes.run(picture.looked_at(), &mut watch)?;
        let mut results = Vec::with_capacity(said.len());
        for (settled, mut said) in settled.into_iter().zip(said) {
            stop.check()?;
            said.times.frame = times.frame;
            said.times.preprocess += times.preprocess;
            times = StageTimes::default();
            results.push(masked(&picture, settled, said, &mut watch)?);
        }
        // Each has its own stages' time as its total, the first also what is nobody's.
        if let Some((first, rest)) = results.split_first_mut() {
            first.times.total = watch.total() - rest.iter().map(|r| r.times.total).sum::<f64>();
        }
        Ok(results)
    }
}

/// The mask of what the network said, and how good it is likely to be.
fn masked(
    picture: &Opened,
    (choice, check): Settled<'_>,
    said: Said,
    watch: &mut Watch,
) -> Result<Segmentation, EngineError> {
    let Choice { model, modality } = choice;
    let looked_at = picture.looked_at();
    let Said {
        maps: Maps {
            low_res,
            patch,
            presence,
        },
        mut times,
    } = said;
    let bounds = modality.presence.as_ref().map(PresenceSpec::bounds);
    let presence = bounds.zip(presence);
    let presence = presence.map(|(bounds, logit)| bounds.judge(logit));
    let Upsampled { mask, probability } =
        mask::upsample(&low_res, looked_at.width(), looked_at.height())
            .map_err(|error| EngineError::Model(error.into()))?;
    let region = picture.part.as_ref().map(|(region, _)| *region);
    let mask = match region {
        Some(region) => {
            let placed = mask.placed(region, picture.frame.size());
            placed.map_err(|error| EngineError::Internal(error.into()))?
        }
        None => mask,
    };
    let signs = probability.and_then(|_| Signs::of(&low_res, &patch));
    let calibration = modality.confidence.as_ref();
    let calibration = calibration.map(ConfidenceSpec::calibration);
    // Fitted on pictures of the modality: of another kind of picture it says nothing.
    let fits = !check.as_ref().is_some_and(ModalityCheck::is_mismatch);
    let confidence = calibration.zip(signs.as_ref()).filter(|_| fits);
    let confidence = confidence.map(|(c, signs)| c.expected_dice(signs));
    let confidence = confidence.map(|dice| presence.map_or(dice, |of| of.tempered(dice)));
    times.mask += watch.lap();
    times.total = times.stages();
    let mut segmentation = Segmentation {
        frame: picture.frame.clone(),
        file: picture.file.clone(),
        scale: picture.scale.clone(),
        region,
        mask,
        presence: None,
        low_res,
        patch,
        confidence,
        probability,
        signs,
        check,
        model: model.name.clone(),
        model_sha256: modality.sha256.clone(),
        modality: modality.name.clone(),
        modality_index: modality.index,
        label: modality.label.clone(),
        codes: modality.codes.clone(),
        times,
        lease: picture.lease.clone(),
    };
    segmentation.heed(presence);
    Ok(segmentation)
}

/// The one result of one ask.
fn only(mut results: Vec<Segmentation>) -> Result<Segmentation, EngineError> {
    let none = || EngineError::Internal("one ask gave no result".into());
    results.pop().ok_or_else(none)
}
