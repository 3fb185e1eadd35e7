//! Pictures that take long to decode, and who does not wait for them.

use std::sync::Mutex;

use picture::frame::{Decoded, FrameError, Undecoded};

use super::stage::{black, frame, nothing, spec};
use super::*;

/// Bytes of a picture that may take long.
const LARGE: u64 = 1 << 26;

/// Work that is done at once.
struct Quick;

impl Work for Quick {
    fn warm_up(&self, _: &Ask) -> Outcome {
        Ok(())
    }

    fn segment(&self, job: &Job) -> Result<Segmentation, EngineError> {
        Ok(nothing(job))
    }
}

/// A picture that tells when it is begun, and is decoded when its gate is opened, whoever asks it to stop.
#[derive(Debug)]
struct Gated {
    name: &'static str,
    need: u64,
    entered: Mutex<Sender<&'static str>>,
    gate: Mutex<Receiver<()>>,
}

impl Undecoded for Gated {
    fn need(&self) -> Result<u64, FrameError> {
        Ok(self.need)
    }

    fn read(&self, _: &Stop) -> Result<Decoded, FrameError> {
        lock(&self.entered).send(self.name).unwrap();
        let _ = lock(&self.gate).recv();
        let read = picture::frame::read_file(
            &testing::toy::png(32, 32, |_, _| 0),
            None,
            &Default::default(),
            &Stop::never(),
        );
        assert_ne!(self.name, "bad", "a decoder's fault");
        read
    }
}

/// An engine whose network takes no time, and what its pictures say.
struct ReadingRoom {
    engine: Engine,
    clock: Arc<ManualClock>,
    enter: Sender<&'static str>,
    entered: Receiver<&'static str>,
    to: Sender<(&'static str, Outcome)>,
    from: Receiver<(&'static str, Outcome)>,
}

impl ReadingRoom {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let (_dir, store) = store();
        let options = EngineOptions::default();
        let engine = Engine::staff(store, &options, clock.clone(), staff(Quick)).unwrap();
        wait_for(&engine, &Readiness::Ready);
        let ((enter, entered), (to, from)) = (channel(), channel());
        Self {
            engine,
            clock,
            enter,
            entered,
            to,
            from,
        }
    }

    /// Submits a picture; what is returned opens its gate.
    fn submit(&self, name: &'static str, need: u64) -> Sender<()> {
        let (gate, closed) = channel();
        let picture = Gated {
            name,
            need,
            entered: Mutex::new(self.enter.clone()),
            gate: Mutex::new(closed),
        };
        let job = Job {
            picture: Picture::Undecoded(Arc::new(picture)),
            ..job()
        };
        let to = self.to.clone();
        let done = move |outcome: Result<Segmentation, EngineError>| {
            let _ = to.send((name, outcome.map(|_| ())));
        };
        self.engine.submit(job, Box::new(done)).unwrap();
        gate
    }

    fn begun(&self) -> &'static str {
        self.entered.recv_timeout(PATIENCE).unwrap()
    }

    fn answered(&self) -> (&'static str, Outcome) {
        self.from.recv_timeout(PATIENCE).unwrap()
    }
}

#[test]
fn while_a_large_picture_is_read_small_ones_and_live_frames_are_answered() {
    let room = ReadingRoom::new();
    let first = room.submit("large", LARGE);
    assert_eq!(room.begun(), "large");
    let second = room.submit("large too", LARGE);
    // All of these pass both: the second is set aside, so that there is a reader for them.
    for name in ["small", "smaller", "smallest"] {
        drop(room.submit(name, 3));
        assert_eq!(room.begun(), name);
        assert!(matches!(room.answered(), (answered, Ok(())) if answered == name));
    }
    let (to, from) = channel();
    let to = Mutex::new(to);
    let sink = move |outcome: picture::segmenter::LiveOutcome| lock(&to).send(outcome).unwrap();
    let lane = room.engine.open_lane(spec(), Arc::new(sink)).unwrap();
    lane.offer(frame(7, room.clock.now())).unwrap();
    let told = from.recv_timeout(PATIENCE).unwrap();
    assert!(told.sequence == 7 && told.result.is_ok());
    assert_eq!(room.engine.queue().0, 2, "what is read waits");
    drop(first);
    assert!(matches!(room.answered(), ("large", Ok(()))));
    assert_eq!(room.begun(), "large too");
    drop(second);
    assert!(matches!(room.answered(), ("large too", Ok(()))));
    assert_eq!(room.engine.queue().0, 0);
    assert_eq!(room.engine.stats().done, 5);
}

#[test]
fn a_decoder_that_does_not_come_back_is_told_of_and_left_behind() {
    let room = ReadingRoom::new();
    let gate = room.submit("large", LARGE);
    room.begun();
    let waiting = room.submit("large too", LARGE);
    room.clock.advance(Duration::from_secs(121));
    let reason = "an engine thread has been reading one picture for 121 s";
    assert_eq!(room.engine.readiness(), Readiness::Stuck(reason.into()));
    assert_eq!(
        end_in_vain(&room.engine, &room.clock),
        Err(LeftBehind { threads: 1 }),
        "the worker waits for what hangs"
    );
    let mut answers = [room.answered(), room.answered()];
    answers.sort_by_key(|(name, _)| *name);
    assert!(
        matches!(
            answers,
            [
                ("large", Err(EngineError::Stopped)),
                ("large too", Err(EngineError::Stopped))
            ]
        ),
        "{answers:?}"
    );
    drop((gate, waiting));
}

#[test]
fn a_decoder_that_fails_costs_its_picture_alone() {
    let room = ReadingRoom::new();
    for size in [3, LARGE, LARGE] {
        drop(room.submit("bad", size));
        assert!(matches!(
            room.answered(),
            ("bad", Err(EngineError::Internal(_)))
        ));
    }
    drop(room.submit("good", LARGE));
    assert!(matches!(room.answered(), ("good", Ok(()))));
    assert_eq!(room.engine.stats().failed, 3);
    assert_eq!(room.engine.shutdown(PATIENCE), Ok(()));
}

#[test]
fn a_reader_that_hangs_between_two_pictures_is_told_of() {
    let (_dir, store) = store();
    let clock = Arc::new(ManualClock::default());
    let shared = Shared::new(store, &EngineOptions::default(), clock.clone(), 1);
    let count = |_: &Post| Running::count(&shared);
    let _running: Vec<Running> = shared.posts.iter().map(count).collect();
    *lock(&shared.readiness) = Readiness::Ready;
    let file = Job {
        picture: Vec::new().into(),
        ..job()
    };
    let done = Box::new(|_: Result<Segmentation, EngineError>| {});
    shared.inbox.push_unread(file, done).unwrap();
    clock.advance(Duration::from_secs(121));
    let reason = "an engine thread that is at nothing has not taken what waits for 121 s";
    assert_eq!(shared.readiness(), Readiness::Stuck(reason.into()));
    // Taken, it may be read, or set aside, or given up.
    drop(shared.inbox.take_unread());
    assert_eq!(shared.readiness(), Readiness::Ready);
    assert_eq!(shared.inbox.queue().0, 0);
}

#[test]
fn what_is_decoded_already_goes_past_the_readers() {
    let room = ReadingRoom::new();
    let _gates = [room.submit("large", LARGE), room.submit("small", 3)];
    let _ = [room.begun(), room.begun()];
    let (to, from) = channel();
    let pixels = Job {
        picture: Picture::Frame(black()),
        ..job()
    };
    let done = move |outcome: Result<Segmentation, _>| to.send(outcome.map(|_| ())).unwrap();
    room.engine.submit(pixels, Box::new(done)).unwrap();
    from.recv_timeout(PATIENCE).unwrap().unwrap();
}
