//! Live sources.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use live::{
    CaptureCounts, LiveAnswer, LiveCounts, LiveView, Observer, PaceReason, PaceStep, Session, State,
};
use picture::segmenter::LaneCounts;
use picture::sync::lock;

use super::exposition::Exposition;
use super::histogram::Histogram;
use super::results::ResultMeter;

/// Measures the answers of one source; to be kept as long as the source is.
#[derive(Debug)]
pub struct LiveMeter {
    age: Histogram,
    /// The number of the newest answer that was observed.
    seen: AtomicU64,
    frames: Arc<ResultMeter>,
}

/// The meters of all sources that are watched, by their sessions' numbers. A source is measured from the first time on that
/// somebody asks: before that nobody could see a difference.
#[derive(Debug, Default)]
pub struct LiveMeters {
    frames: Arc<ResultMeter>,
    sessions: Mutex<BTreeMap<u64, Arc<LiveMeter>>>,
}

/// A source, when somebody asks.
#[derive(Clone, Copy, Debug)]
pub struct LiveScrape<'a> {
    /// Its name, which no other source has.
    pub name: &'a str,
    /// What there is to see of it.
    pub view: &'a LiveView,
    /// How many look at it.
    pub viewers: usize,
    /// What was observed of it.
    pub meter: &'a LiveMeter,
}

impl LiveMeter {
    /// For a new source. `frames` is that of all sources.
    pub fn new(frames: Arc<ResultMeter>) -> Self {
        Self {
            age: Histogram::default(),
            seen: AtomicU64::new(0),
            frames,
        }
    }

    /// An answer was published. One that is told of twice counts once; from any thread, without allocating (but for a
    /// modality's or verdict's first).
    pub fn observe(&self, answer: &LiveAnswer) {
        if self.seen.fetch_max(answer.number, Ordering::Relaxed) >= answer.number {
            return;
        }
        let age = answer.finished.saturating_duration_since(answer.captured);
        self.age.observe(age.as_secs_f64());
        let segmentation = &answer.segmentation;
        let verdict = State::from(answer.verdict).name();
        self.frames.count(&segmentation.modality, verdict);
        self.frames.time(&segmentation.times);
    }
}

impl Observer for LiveMeter {
    fn answered(&self, answer: &LiveAnswer) {
        self.observe(answer);
    }
}

impl LiveMeters {
    /// What became of the pictures of all sources.
    pub fn frames(&self) -> &Arc<ResultMeter> {
        &self.frames
    }

    /// A meter for each of these. Those of others, which have ended, are dropped.
    pub fn of(&self, watched: &[(String, Arc<Session>)]) -> Vec<Arc<LiveMeter>> {
        let mut sessions = lock(&self.sessions);
        sessions.retain(|number, _| watched.iter().any(|(_, other)| other.number() == *number));
        let meter = |(_, session): &(String, Arc<Session>)| {
            let meter = sessions.entry(session.number()).or_insert_with(|| {
                let meter = Arc::new(LiveMeter::new(self.frames.clone()));
                let observer: Arc<dyn Observer> = meter.clone();
                session.observe(&observer);
                meter
            });
            meter.clone()
        };
        watched.iter().map(meter).collect()
    }
}

/// What became of a source's pictures, each in exactly one of these.
fn fates(counts: &CaptureCounts) -> [(&'static str, u64); 5] {
    let CaptureCounts {
        captured: _,
        same,
        left_out,
        offered,
        garbage,
        missed,
        opened: _,
    } = *counts;
    [
        ("same", same),
        ("left-out", left_out),
        ("offered", offered),
        ("garbage", garbage),
        ("missed", missed),
    ]
}

/// What became of those that were offered, once it is known.
fn lane_fates(counts: &LaneCounts) -> [(&'static str, u64); 4] {
    let LaneCounts {
        offered: _,
        waiting: _,
        in_work: _,
        replaced,
        computed,
        failed,
        dropped,
    } = *counts;
    [
        ("replaced", replaced),
        ("computed", computed),
        ("failed", failed),
        ("dropped", dropped),
    ]
}

/// What became of a source's answers.
fn answer_fates(counts: &LiveCounts) -> [(&'static str, u64); 3] {
    let LiveCounts {
        capture: _,
        lanes: _,
        published,
        held,
        overtaken,
    } = *counts;
    [
        ("published", published),
        ("held", held),
        ("overtaken", overtaken),
    ]
}

/// All sources.
pub fn render(out: &mut Exposition, sources: &[LiveScrape<'_>]) {
    counts(out, sources);
    states(out, sources);
    let mut gauge = |name, help, value: fn(&LiveScrape<'_>) -> Option<f64>| {
        let mut family = out.gauge(name, help);
        for source in sources {
            if let Some(value) = value(source) {
                family.put(&[("source", source.name)], value);
            }
        }
    };
    gauge(
        "espmedsam_live_picture_age_seconds",
        "How old the picture is that is shown.",
        |source| Some(source.view.age()?.as_secs_f64()),
    );
    gauge(
        "espmedsam_live_captured_per_second",
        "Pictures that came in, by the last whole second.",
        |source| Some(source.view.rates.captured),
    );
    gauge(
        "espmedsam_live_segmented_per_second",
        "Answers, by the last whole second.",
        |source| Some(source.view.rates.segmented),
    );
    gauge("espmedsam_live_viewers", "How many look.", |source| {
        Some(source.viewers as f64)
    });
    gauge(
        "espmedsam_live_frozen",
        "1 if a person holds the picture; its state and age are then those of the picture held.",
        |source| Some(f64::from(u8::from(source.view.frozen.is_some()))),
    );
    gauge(
        "espmedsam_live_mask_hidden",
        "1 if masks are not drawn, by a person's wish.",
        |source| Some(f64::from(u8::from(source.view.hidden))),
    );
    let mut age = out.histogram(
        "espmedsam_live_age_seconds",
        "From a picture's capture to its answer.",
    );
    for source in sources {
        (source.meter.age).put(&mut age, &[("source", source.name)]);
    }
}

fn counts(out: &mut Exposition, sources: &[LiveScrape<'_>]) {
    let mut total = |name, help, value: fn(&LiveCounts) -> u64| {
        let mut family = out.counter(name, help);
        for source in sources {
            family.put(&[("source", source.name)], value(&source.view.counts));
        }
    };
    total(
        "espmedsam_live_captured_total",
        "Pictures that came in whole.",
        |counts| counts.capture.captured,
    );
    total(
        "espmedsam_live_opened_total",
        "Times the source was opened.",
        |counts| counts.capture.opened,
    );
    total(
        "espmedsam_live_lane_offered_total",
        "Pictures offered to the model.",
        |counts| counts.lanes.offered,
    );
    let mut frames = out.counter(
        "espmedsam_live_frames_total",
        "Pictures by what became of them: equal to the one before, left out, offered to the model, not to be read \
         (garbage), or missed by the source's own count.",
    );
    for source in sources {
        for (fate, count) in fates(&source.view.counts.capture) {
            frames.put(&[("source", source.name), ("fate", fate)], count);
        }
    }
    let mut lanes = out.counter(
        "espmedsam_live_lane_frames_total",
        "Pictures offered to the model by what became of them: replaced by a newer one, computed, failed, or dropped with \
         their lane.",
    );
    for source in sources {
        for (fate, count) in lane_fates(&source.view.counts.lanes) {
            lanes.put(&[("source", source.name), ("fate", fate)], count);
        }
    }
    let mut answers = out.counter(
        "espmedsam_live_answers_total",
        "Answers: published, held back as odd, or overtaken by a newer one or another question.",
    );
    for source in sources {
        for (fate, count) in answer_fates(&source.view.counts) {
            answers.put(&[("source", source.name), ("fate", fate)], count);
        }
    }
}

fn states(out: &mut Exposition, sources: &[LiveScrape<'_>]) {
    let mut family = out.gauge(
        "espmedsam_live_state",
        "1 for the state that the source is in.",
    );
    let all = State::ALL.map(State::name);
    for source in sources {
        let name = [("source", source.name)];
        family.put_state(&name, &all, source.view.state.name());
    }
    let mut family = out.gauge(
        "espmedsam_live_step",
        "1 for how far the source has stepped down, as the board cannot hold its pace or is held back.",
    );
    let all = PaceStep::ALL.map(PaceStep::name);
    for source in sources {
        let name = [("source", source.name)];
        family.put_state(&name, &all, source.view.step.name());
    }
    let mut family = out.gauge(
        "espmedsam_live_step_reason",
        "1 for why it has: answers came too late, or what is amiss with the board.",
    );
    for source in sources {
        for reason in PaceReason::ALL {
            let labels = [("source", source.name), ("reason", reason.name())];
            family.put(&labels, u8::from(source.view.reason == Some(reason)));
        }
    }
}
