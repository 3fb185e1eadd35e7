//! The fake takes live frames as the real one does: newest wins, in turn with jobs, on a handed-in clock.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use espmedsam_testing::fake::{Fake, MODALITIES};
use picture::frame::{Frame, Stop};
use picture::scale::Scale;
use picture::segmenter::{
    Ask, Clock, Job, Lane, LaneCounts, LaneSpec, LiveFrame, LiveOutcome, ManualClock, Picture,
    Segmenter,
};

const WORK: Duration = Duration::from_millis(50);
const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);
/// Long enough for any machine; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who was answered: a frame, or a job.
type Answered = Option<u64>;

struct Stage {
    fake: Arc<Fake>,
    clock: Arc<ManualClock>,
    lane: Lane,
    to: Sender<Answered>,
    from: Receiver<Answered>,
    answered: Vec<Answered>,
}

impl Stage {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let fake = Fake::by(clock.clone(), 4);
        fake.slow(50);
        let (to, from) = channel();
        let tell = Mutex::new(to.clone());
        let sink = move |outcome: LiveOutcome| {
            // White is what the fake marks.
            assert_eq!(outcome.result.unwrap().mask.pixels(), [255]);
            tell.lock().unwrap().send(Some(outcome.sequence)).unwrap();
        };
        let spec = LaneSpec {
            ask: Ask::new(MODALITIES[1]),
            stale_after: None,
        };
        let lane = fake.open_lane(spec, Arc::new(sink)).unwrap();
        let answered = Vec::new();
        Self {
            fake,
            clock,
            lane,
            to,
            from,
            answered,
        }
    }

    fn picture() -> Picture {
        Picture::Frame(Arc::new(Frame::new(1, 1, vec![255; 3]).unwrap()))
    }

    fn offer(&self, sequence: u64) {
        let frame = LiveFrame {
            sequence,
            captured: self.clock.now(),
            picture: Self::picture(),
            scale: Scale::Unknown,
        };
        self.lane.offer(frame).unwrap();
        self.settle();
    }

    fn submit(&self) {
        let to = self.to.clone();
        let job = Job {
            picture: Self::picture(),
            scale: Scale::Unknown,
            region: None,
            ask: Ask::new(MODALITIES[1]),
            stop: Stop::never(),
        };
        let done = move |outcome: Result<_, _>| to.send(outcome.map(|_| None).unwrap()).unwrap();
        self.fake.submit(job, Box::new(done)).unwrap();
    }

    /// Until the fake sleeps, if there is anything for it to do.
    fn settle(&self) {
        let LaneCounts {
            waiting, in_work, ..
        } = self.lane.counts();
        let (accepted, done) = self.fake.counts();
        if waiting + in_work > 0 || accepted > done {
            assert!(self.clock.wait_for_sleepers(1), "the fake does nothing");
        }
    }

    fn go_on(&mut self, until: Instant) {
        while let Some(end) = self.clock.next_waking().filter(|end| *end <= until) {
            self.clock.advance(end - self.clock.now());
            let answered = self.from.recv_timeout(PATIENCE).unwrap();
            self.answered.push(answered);
            self.settle();
        }
        self.clock.advance(until - self.clock.now());
    }
}

#[test]
fn a_fake_source_at_60_frames_a_second_and_jobs_are_served_by_a_fake_of_50_ms() {
    let mut stage = Stage::new();
    let start = stage.clock.now();
    for sequence in 0..60 {
        stage.go_on(start + FRAME * sequence);
        stage.offer(sequence.into());
        if sequence % 20 == 0 {
            stage.submit();
        }
    }
    stage.go_on(stage.clock.now() + 3 * WORK);
    let jobs = stage.answered.iter().filter(|who| who.is_none()).count();
    // Work begins at 0, 50 ms, … 1 s, the last one with the last frame; three times for a job.
    let expected = LaneCounts {
        offered: 60,
        computed: 21 - 3,
        replaced: 39 + 3,
        ..LaneCounts::default()
    };
    assert_eq!((jobs, stage.lane.counts()), (3, expected));
    assert_eq!(stage.fake.counts(), (3, 3));
    assert!(stage.answered.iter().flatten().is_sorted());
}
