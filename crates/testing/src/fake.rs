//! A [`Segmenter`] without weights: marks what is brighter than mid-grey. Deterministic, with an inbox and a thread of its
//! own like the real one, and with hooks to make it slow, unready or broken.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use picture::frame::{Decoded, FileInfo, Frame, FrameLimits, read_file};
use picture::mask::LogitMap;
use picture::mask::Mask;
use picture::mask::presence::Presence;
use picture::segmenter::ModalityCheck;
use picture::segmenter::{
    Ask, Clock, Done, EngineError, Entrance, Inbox, Job, Lane, LaneSpec, Lease, LiveSink,
    ModalityInfo, ModelInfo, OnMismatch, Picture, Readiness, ReceivedFile, Segmentation, Segmenter,
    StageTimes, SystemClock, Taken,
};

/// Names of the fake's modalities, in index order.
pub const MODALITIES: [&str; 4] = ["dermoscopy", "ultrasound", "microscopy", "colonoscopy"];
/// What stands for the weights' hash.
pub const SHA256: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// How often a slow job of [`Fake::new`] asks whether anybody still waits for it.
const TICK: Duration = Duration::from_millis(1);

struct Inner {
    clock: Arc<dyn Clock>,
    /// Longest that a slow job sleeps in one go.
    tick: Duration,
    delay_ms: AtomicU64,
    /// Jobs taken into the queue so far.
    accepted: AtomicUsize,
    /// Jobs whose `done` was called.
    done: AtomicUsize,
    /// Of these, jobs that nobody waited for any more.
    given_up: AtomicUsize,
    /// Makes [`Segmenter::models`] panic, as a fault in a handler would.
    broken: AtomicBool,
    /// What is said of every picture's presence.
    presence: Mutex<Option<Presence>>,
    /// What every file says of itself, in place of the truth.
    file: Mutex<Option<FileInfo>>,
    readiness: Mutex<Readiness>,
}

/// The fake engine.
pub struct Fake {
    inner: Arc<Inner>,
    inbox: Arc<Inbox>,
}

impl Fake {
    /// A ready engine with a queue of `capacity`.
    pub fn new(capacity: usize) -> Arc<Self> {
        Self::start(capacity, Arc::new(SystemClock), TICK)
    }

    /// As [`Fake::new`], on a handed-in clock. A slow job sleeps in one go there, so that whoever advances the clock knows
    /// whom it waits for.
    pub fn by(clock: Arc<dyn Clock>, capacity: usize) -> Arc<Self> {
        Self::start(capacity, clock, Duration::MAX)
    }

    fn start(capacity: usize, clock: Arc<dyn Clock>, tick: Duration) -> Arc<Self> {
        let inbox = Inbox::new(capacity, clock.clone());
        let inner = Arc::new(Inner {
            clock,
            tick,
            delay_ms: AtomicU64::new(0),
            accepted: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            given_up: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            presence: Mutex::new(None),
            file: Mutex::new(None),
            readiness: Mutex::new(Readiness::Ready),
        });
        let (worker, taking) = (inner.clone(), inbox.clone());
        std::thread::spawn(move || {
            while let Some(taken) = taking.take() {
                work(&worker, taken);
            }
        });
        Arc::new(Self { inner, inbox })
    }

    /// Makes every job take at least this long.
    pub fn slow(&self, milliseconds: u64) {
        self.inner.delay_ms.store(milliseconds, SeqCst);
    }

    pub fn set_readiness(&self, readiness: Readiness) {
        *self.inner.readiness.lock().unwrap() = readiness;
    }

    pub fn break_models(&self, broken: bool) {
        self.inner.broken.store(broken, SeqCst);
    }

    /// Jobs that were given up.
    pub fn given_up(&self) -> usize {
        self.inner.given_up.load(SeqCst)
    }

    /// What is said from now on of whether anything is there, in every picture; at first nothing, as by a model without such
    /// an output. A mask is emptied where nothing is.
    pub fn says_presence(&self, presence: Option<Presence>) {
        *self.inner.presence.lock().unwrap() = presence;
    }

    /// Has every file say this of itself.
    pub fn files_say(&self, file: FileInfo) {
        *self.inner.file.lock().unwrap() = Some(file);
    }

    /// Jobs accepted, jobs whose outcome was told.
    pub fn counts(&self) -> (usize, usize) {
        (
            self.inner.accepted.load(SeqCst),
            self.inner.done.load(SeqCst),
        )
    }

    fn admit(&self, ask: &Ask) -> Result<(), EngineError> {
        self.readiness().check()?;
        let model = ask.model.as_deref().unwrap_or("fake-64");
        if model != "fake-64" {
            return Err(EngineError::UnknownModel {
                asked: model.into(),
                available: "fake-64".into(),
            });
        }
        if !MODALITIES.contains(&ask.modality.as_str()) {
            let (asked, available) = (ask.modality.to_string(), MODALITIES.join(", "));
            return Err(EngineError::UnknownModality {
                asked,
                model: model.into(),
                available,
            });
        }
        Ok(())
    }
}

impl Drop for Fake {
    /// What was accepted is still answered.
    fn drop(&mut self) {
        self.inbox.close();
    }
}

impl Segmenter for Fake {
    fn submit(&self, job: Job, done: Done) -> Result<(), EngineError> {
        self.admit(&job.ask)?;
        self.inbox.push(job, done)?;
        self.inner.accepted.fetch_add(1, SeqCst);
        Ok(())
    }

    fn open_lane(&self, spec: LaneSpec, sink: Arc<dyn LiveSink>) -> Result<Lane, EngineError> {
        self.admit(&spec.ask)?;
        Lane::open(&self.inbox, spec, sink)
    }

    fn models(&self) -> Vec<ModelInfo> {
        assert!(
            !self.inner.broken.load(SeqCst),
            "the fake was told to break"
        );
        let modality = |(index, name): (usize, &&str)| ModalityInfo {
            name: (*name).into(),
            index,
            label: format!("bright parts of {name}"),
            controller: true,
            passes: 1,
            loaded: index == 1,
            trained_on: vec!["nothing".into()],
            validation: vec![("nothing".into(), 0.5, 0.33)],
        };
        let modalities = MODALITIES.iter().enumerate().map(modality).collect();
        vec![ModelInfo {
            name: "fake-64".into(),
            side: 64,
            sha256: SHA256.into(),
            modalities,
            default: true,
        }]
    }

    fn readiness(&self) -> Readiness {
        self.inner.readiness.lock().unwrap().clone()
    }

    fn queue(&self) -> (usize, usize) {
        self.inbox.queue()
    }

    fn limits(&self) -> FrameLimits {
        FrameLimits::default()
    }
}

fn work(inner: &Inner, taken: Taken) {
    let Taken {
        job,
        entrance,
        due,
        done,
        ..
    } = taken;
    let stop = job.stop.clone();
    let mut outcome = due.and_then(|()| {
        inner.pass_time(&job);
        stop.check()?;
        segment(job)
    });
    if let (Ok(result), Some(file)) = (&mut outcome, inner.file.lock().unwrap().clone()) {
        result.file = Some(file);
    }
    if let Ok(result) = &mut outcome {
        result.heed(*inner.presence.lock().unwrap());
    }
    if entrance == Entrance::Queue {
        let given_up = matches!(outcome, Err(EngineError::GivenUp(_)));
        inner.given_up.fetch_add(given_up.into(), SeqCst);
        inner.done.fetch_add(1, SeqCst);
    }
    // As with the real one, a fault there costs that outcome alone.
    let _ = catch_unwind(AssertUnwindSafe(|| done(outcome)));
}

impl Inner {
    /// So much as it was told to take.
    fn pass_time(&self, job: &Job) {
        let until = self.clock.now() + Duration::from_millis(self.delay_ms.load(SeqCst));
        while self.clock.now() < until && job.stop.check().is_ok() {
            let left = until.saturating_duration_since(self.clock.now());
            self.clock
                .sleep_until(self.clock.now() + left.min(self.tick));
        }
    }
}

fn segment(job: Job) -> Result<Segmentation, EngineError> {
    let (frame, file) = match job.picture {
        Picture::File(ReceivedFile { bytes, page }) => {
            let Decoded { frame, file } =
                read_file(&bytes, page, &FrameLimits::default(), &job.stop)?;
            (Arc::new(frame), Some(file))
        }
        Picture::Undecoded(file) => {
            let Decoded { frame, file } = file.read(&job.stop)?;
            (Arc::new(frame), Some(file))
        }
        Picture::Read(read) => (read.frame, Some(read.file)),
        Picture::Frame(frame) => (frame, None),
    };
    let part = job.region.map(|region| region.cut(&frame)).transpose()?;
    let looked_at = part.as_ref().unwrap_or(&frame);
    let check = looks(looked_at, job.ask.modality.as_str());
    if check.is_mismatch() && job.ask.on_mismatch == OnMismatch::Refuse {
        let asked = job.ask.modality;
        return Err(EngineError::ModalityMismatch {
            asked,
            check,
            pages: None,
        });
    }
    let pixels = looked_at
        .rgb()
        .chunks_exact(3)
        .map(|rgb| if luma(rgb) >= 128.0 { 255 } else { 0 })
        .collect();
    let mask = Mask::new(looked_at.width(), looked_at.height(), pixels).unwrap();
    let mask = match job.region {
        Some(region) => mask.placed(region, frame.size()).unwrap(),
        None => mask,
    };
    let found = mask.pixels().contains(&255);
    let index = MODALITIES
        .iter()
        .position(|name| *name == job.ask.modality.as_str())
        .unwrap();
    let times = StageTimes {
        queue: 1.0,
        frame: 2.0,
        preprocess: 3.0,
        encode: 40.0,
        self_prompt: 5.0,
        decode: 6.0,
        mask: 7.0,
        total: 64.0,
    };
    Ok(Segmentation {
        low_res: map(looked_at, 16),
        patch: map(looked_at, 8),
        mask,
        presence: None,
        frame,
        file,
        scale: job.scale,
        region: job.region,
        confidence: found.then_some(0.875),
        probability: found.then_some(0.9375),
        signs: None,
        check: Some(check),
        model: "fake-64".into(),
        model_sha256: SHA256.into(),
        label: format!("bright parts of {}", job.ask.modality),
        codes: None,
        modality: job.ask.modality.to_string(),
        modality_index: index,
        times,
        lease: Lease::default(),
    })
}

/// The fake's guard: a picture whose first pixel is pure red looks like nothing it knows.
fn looks(frame: &Frame, modality: &str) -> ModalityCheck {
    let odd = frame.rgb().starts_with(&[255, 0, 0]);
    ModalityCheck {
        score: if odd { 0.125 } else { 0.75 },
        threshold: 0.5,
        likeliest: if odd { "other".into() } else { modality.into() },
        likeliest_score: 0.75,
        inverted: None,
    }
}

/// The brightest pixel of each of `side * side` cells, around mid-grey.
fn map(frame: &Frame, side: usize) -> LogitMap {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let mut logits = vec![f32::MIN; side * side];
    for (index, rgb) in frame.rgb().chunks_exact(3).enumerate() {
        let (x, y) = (index % width, index / width);
        let cell = &mut logits[y * side / height * side + x * side / width];
        *cell = cell.max((luma(rgb) - 128.0) / 16.0);
    }
    LogitMap::new(side, logits).unwrap()
}

fn luma(rgb: &[u8]) -> f32 {
    rgb.iter().map(|value| f32::from(*value)).sum::<f32>() / 3.0
}
