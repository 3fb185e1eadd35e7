//! An engine whose time passes only when a test lets it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use picture::frame::Frame;
use picture::mask::{LogitMap, Mask};
use picture::segmenter::{Lane, LaneSpec, Lease, LiveFrame, LiveOutcome, StageTimes};

use super::*;

/// What one piece of work takes.
pub(super) const WORK: Duration = Duration::from_millis(50);
/// Between two frames of a source.
pub(super) const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// Work that takes [`WORK`] of a handed-in clock.
struct Takes(Arc<ManualClock>);

impl Work for Takes {
    fn warm_up(&self, _: &Ask) -> Outcome {
        Ok(())
    }

    fn segment(&self, job: &Job) -> Result<Segmentation, EngineError> {
        self.0.sleep_until(self.0.now() + WORK);
        job.stop.check()?;
        Ok(nothing(job))
    }
}

/// A picture of one black pixel, and nothing on it.
pub(super) fn nothing(job: &Job) -> Segmentation {
    Segmentation {
        frame: black(),
        file: None,
        scale: job.scale.clone(),
        region: None,
        mask: Mask::new(1, 1, vec![0]).unwrap(),
        presence: None,
        low_res: LogitMap::new(1, vec![0.0]).unwrap(),
        patch: LogitMap::new(1, vec![0.0]).unwrap(),
        confidence: None,
        probability: None,
        signs: None,
        check: None,
        model: String::new(),
        model_sha256: String::new(),
        modality: job.ask.modality.to_string(),
        modality_index: 0,
        label: String::new(),
        codes: None,
        times: StageTimes::default(),
        lease: Lease::default(),
    }
}

pub(super) fn black() -> Arc<Frame> {
    Arc::new(Frame::new(1, 1, vec![0; 3]).unwrap())
}

pub(super) fn spec() -> LaneSpec {
    LaneSpec {
        ask: Ask::new("ultrasound"),
        stale_after: None,
    }
}

pub(super) fn frame(sequence: u64, captured: Instant) -> LiveFrame {
    LiveFrame {
        sequence,
        captured,
        picture: Picture::Frame(black()),
        scale: Scale::Unknown,
    }
}

/// What an engine said.
#[derive(Debug)]
pub(super) enum Said {
    Frame(LiveOutcome),
    Job(Result<Segmentation, EngineError>),
}

/// An engine with one worker whose time passes only here.
pub(super) struct Stage {
    /// `None` once left to itself.
    engine: Option<Engine>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) start: Instant,
    pub(super) to: Sender<Said>,
    from: Receiver<Said>,
    /// All that was said.
    pub(super) said: Mutex<Vec<Said>>,
    jobs: AtomicU64,
}

impl Drop for Stage {
    /// A test that fails should not wait for a clock that nobody advances any more.
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::mem::forget(self.engine.take());
        }
    }
}

impl Stage {
    pub(super) fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let (_dir, store) = store();
        let options = EngineOptions::default();
        let staff = staff(Takes(clock.clone()));
        let engine = Engine::staff(store, &options, clock.clone(), staff).unwrap();
        wait_for(&engine, &Readiness::Ready);
        let (to, from) = channel();
        Self {
            engine: Some(engine),
            start: clock.now(),
            clock,
            to,
            from,
            said: Mutex::default(),
            jobs: AtomicU64::new(0),
        }
    }

    pub(super) fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    pub(super) fn lane(&self, spec: LaneSpec) -> Lane {
        let to = Mutex::new(self.to.clone());
        let sink =
            move |outcome: LiveOutcome| to.lock().unwrap().send(Said::Frame(outcome)).unwrap();
        self.engine().open_lane(spec, Arc::new(sink)).unwrap()
    }

    /// Offers the frame captured now.
    pub(super) fn offer(&self, lane: &Lane, sequence: u64) -> Option<u64> {
        let offered = lane.offer(frame(sequence, self.clock.now())).unwrap();
        let counts = lane.counts();
        assert_eq!(counts.accounted(), counts.offered, "{counts:?}");
        assert!(counts.waiting <= 1 && counts.in_work <= 1, "{counts:?}");
        self.settle();
        offered.replaced
    }

    pub(super) fn submit(&self) {
        let to = self.to.clone();
        let done = move |outcome| to.send(Said::Job(outcome)).unwrap();
        self.engine().submit(job(), Box::new(done)).unwrap();
        self.jobs.fetch_add(1, SeqCst);
        self.settle();
    }

    /// Until the worker sleeps, if there is anything for it to do.
    fn settle(&self) {
        let live = self.engine().live();
        if live.waiting + live.in_work + self.jobs.load(SeqCst) > 0 {
            assert!(self.clock.wait_for_sleepers(1), "the worker does nothing");
        }
    }

    /// The next thing that the engine says.
    pub(super) fn listen(&self) {
        let said = self.from.recv_timeout(PATIENCE).unwrap();
        if let Said::Job(_) = said {
            self.jobs.fetch_sub(1, SeqCst);
        }
        self.said.lock().unwrap().push(said);
    }

    /// Lets time pass until then, work by work.
    pub(super) fn go_on(&self, until: Instant) {
        while let Some(end) = self.clock.next_waking().filter(|end| *end <= until) {
            self.clock.advance(end - self.clock.now());
            self.listen();
            self.settle();
        }
        self.clock.advance(until - self.clock.now());
    }

    pub(super) fn frames(&self) -> Vec<LiveOutcome> {
        let said = std::mem::take(&mut *self.said.lock().unwrap());
        let frame = |said| match said {
            Said::Frame(outcome) => Some(outcome),
            Said::Job(_) => None,
        };
        said.into_iter().filter_map(frame).collect()
    }
}
